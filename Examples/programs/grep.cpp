// Finds lines that match a regular expression in every file of the input set `files`, folders included; the pattern is
// the function's argument. Writes one item of the output set `matches` for each file that has some.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <string>

namespace fs = std::filesystem;

static long search(const fs::path &path, const std::regex &pattern) {
    std::ifstream file(path);
    std::ofstream out;
    std::string line;
    long found = 0;
    for (long number = 1; std::getline(file, line); number++) {
        if (!std::regex_search(line, pattern)) continue;
        if (found++ == 0) {
            fs::path to = "/matches" / path.lexically_relative("/files");
            fs::create_directories(to.parent_path());
            out.open(to);
        }
        out << number << ':' << line << '\n';
    }
    return found;
}

int main(int count, char **arguments) {
    if (count != 2) {
        std::cerr << "usage: grep PATTERN\n";
        return 2;
    }
    try {
        std::regex pattern(arguments[1], std::regex::extended);
        long lines = 0;
        for (auto &entry : fs::recursive_directory_iterator("/files"))
            if (entry.is_regular_file()) lines += search(entry.path(), pattern);
        std::cout << lines << " lines match\n";
        return lines > 0 ? 0 : 1;
    } catch (const std::exception &error) {
        std::cerr << "grep: " << error.what() << '\n';
        return 2;
    }
}
