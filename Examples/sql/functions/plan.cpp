#include "plan.h"
#include <cctype>

namespace sql {

void Node::fail(const std::string &what) const { throw Failure("plan, byte " + std::to_string(place) + ": " + what); }

const Node &Node::at(size_t index) const {
    if (form != list || index >= items.size()) fail("something is missing at the end of this list");
    return items[index];
}

const std::string &Node::word_at(size_t index) const {
    const Node &node = at(index);
    if (node.form != word) node.fail("a word is expected");
    return node.word_or_text;
}

const std::string &Node::head() const { return word_at(0); }

int64_t Node::number_at(size_t index) const {
    const Node &node = at(index);
    if (node.form != number || node.word_or_text.size() > 18) node.fail("a whole number is expected");
    return std::atoll(node.word_or_text.c_str());
}

namespace {

constexpr int deepest = 200;

struct Parser {
    std::string_view text;
    size_t at = 0;

    [[noreturn]] void fail(const std::string &what) const {
        Node here;
        here.place = at;
        here.fail(what);
    }

    void skip_blanks() {
        while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) at++;
    }

    void quoted(Node &node) {
        node.form = Node::text;
        for (at++;; at++) {
            if (at >= text.size()) fail("a text has no end");
            if (text[at] == '"') break;
            if (text[at] == '\\' && ++at >= text.size()) fail("a text has no end");
            node.word_or_text += text[at];
        }
        at++;
    }

    Node node(int depth) {
        if (depth > deepest) fail("lists are nested too deeply");
        Node result;
        result.place = at;
        if (text[at] == '(') {
            at++;
            members(result, depth, true);
        } else if (text[at] == '"') {
            quoted(result);
        } else {
            while (at < text.size() && !std::isspace(static_cast<unsigned char>(text[at])) && !std::strchr("()\"", text[at]))
                result.word_or_text += text[at++];
            if (result.word_or_text.empty()) fail("a word, text or list is expected");
            const char first = result.word_or_text[0], second = result.word_or_text.size() > 1 ? result.word_or_text[1] : 0;
            const bool digit = std::isdigit(static_cast<unsigned char>(first)) || (first == '-' && std::isdigit(static_cast<unsigned char>(second)));
            result.form = digit ? Node::number : Node::word;
        }
        return result;
    }

    void members(Node &list, int depth, bool closed) {
        for (skip_blanks(); at < text.size(); skip_blanks()) {
            if (text[at] == ')') {
                if (!closed) fail("a ')' too many");
                at++;
                return;
            }
            list.items.push_back(node(depth + 1));
        }
        if (closed) fail("a ')' is missing");
    }
};

} // namespace

Node parse_plan(std::string_view text) {
    Parser parser{text};
    Node all;
    parser.members(all, 0, false);
    return all;
}

} // namespace sql
