// Renders web server logs by a template. Inputs: `logs`, files in the common log format, one service each; `templates`,
// files with names and sections in double braces. Each template NAME gives /out/NAME.
//
//   {{requests}}                        a number or text, with &, <, > and " escaped
//   {{#services}} ... {{/services}}     the part in between, once for each service; so `paths` and `statuses`
//
// At the top: requests, bytes, unreadable. In a service: name, requests, bytes, errors. In a path or status: name, requests.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

// What a template sees: texts, and lists of such scopes.
struct Scope {
    std::map<std::string, std::string, std::less<>> texts;
    std::map<std::string, std::vector<Scope>, std::less<>> lists;
};

static std::string escaped(std::string_view text) {
    std::string result;
    for (char c : text) {
        switch (c) {
        case '&': result += "&amp;"; break;
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        case '"': result += "&quot;"; break;
        default: result += c;
        }
    }
    return result;
}

// Where the section `name` ends that begins at `from`; sections of one name may lie in each other.
static size_t end_of(std::string_view text, size_t from, std::string_view name) {
    const std::string opening = "{{#" + std::string(name) + "}}", closing = "{{/" + std::string(name) + "}}";
    for (int depth = 1;;) {
        const size_t close = text.find(closing, from), open = text.find(opening, from);
        if (close == text.npos) throw std::runtime_error("the section " + std::string(name) + " has no end");
        if (open < close) depth++;
        else if (--depth == 0) return close;
        from = std::min(open, close) + closing.size();
    }
}

static void render(std::string_view text, const Scope &scope, std::string &out) {
    for (size_t at = 0;;) {
        const size_t open = text.find("{{", at);
        out += text.substr(at, open - at);
        if (open == text.npos) return;
        const size_t close = text.find("}}", open);
        if (close == text.npos) throw std::runtime_error("a name has no end");
        const std::string_view tag = text.substr(open + 2, close - open - 2);
        at = close + 2;
        if (tag.starts_with('#')) {
            const auto list = scope.lists.find(tag.substr(1));
            if (list == scope.lists.end()) throw std::runtime_error("there is no section " + std::string(tag.substr(1)));
            const size_t end = end_of(text, at, tag.substr(1));
            for (const Scope &item : list->second) render(text.substr(at, end - at), item, out);
            at = end + tag.size() + 4;
        } else if (const auto value = scope.texts.find(tag); value != scope.texts.end()) {
            out += escaped(value->second);
        } else {
            throw std::runtime_error("there is no name " + std::string(tag));
        }
    }
}

struct Tally {
    long requests = 0, bytes = 0, errors = 0, unreadable = 0;
    std::map<std::string, long> paths, statuses;

    void add(const std::string &line) {
        static const std::regex format(R"re(^\S+ \S+ \S+ \[[^\]]*\] "\S+ ([^ ?"]+)[^"]*" (\d{3}) (\d+|-))re");
        std::smatch match;
        if (!std::regex_search(line, match, format)) {
            unreadable++;
            return;
        }
        requests++;
        paths[match[1]]++;
        statuses[match[2]]++;
        errors += match[2].str() >= "400";
        if (match[3] != "-") bytes += std::stol(match[3]);
    }
};

// Most frequent first; equal ones by name.
static std::vector<Scope> ranked(const std::map<std::string, long> &counts) {
    std::vector<std::pair<std::string, long>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](auto &a, auto &b) { return a.second > b.second; });
    std::vector<Scope> scopes;
    for (const auto &[name, count] : sorted) scopes.push_back({{{"name", name}, {"requests", std::to_string(count)}}, {}});
    return scopes;
}

static Scope service(const fs::path &log, Tally &total) {
    std::ifstream in(log);
    Tally tally;
    for (std::string line; std::getline(in, line);) tally.add(line);
    total.requests += tally.requests;
    total.bytes += tally.bytes;
    total.unreadable += tally.unreadable;
    return {{{"name", log.filename()}, {"requests", std::to_string(tally.requests)}, {"bytes", std::to_string(tally.bytes)},
             {"errors", std::to_string(tally.errors)}},
            {{"paths", ranked(tally.paths)}, {"statuses", ranked(tally.statuses)}}};
}

int main() try {
    Tally total;
    Scope top;
    for (const auto &log : fs::directory_iterator("/logs")) top.lists["services"].push_back(service(log, total));
    top.texts = {{"requests", std::to_string(total.requests)}, {"bytes", std::to_string(total.bytes)},
                 {"unreadable", std::to_string(total.unreadable)}};
    for (const auto &file : fs::directory_iterator("/templates")) try {
        std::ifstream in(file.path());
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        std::string page;
        render(text, top, page);
        std::ofstream("/out" / file.path().filename()) << page;
    } catch (const std::runtime_error &error) {
        throw std::runtime_error(file.path().filename().string() + ": " + error.what());
    }
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
