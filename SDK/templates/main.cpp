// Counts lines, words and bytes of each input item: /in/NAME gives /out/NAME.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

static std::string contents(const fs::path &path) {
    std::ifstream in(path, std::ios::binary);
    in.exceptions(std::ios::badbit | std::ios::failbit);
    return {std::istreambuf_iterator<char>(in), {}};
}

static void count(const fs::path &path) {
    const std::string text = contents(path);
    std::istringstream stream(text);
    const auto words = std::distance(std::istream_iterator<std::string>(stream), {});
    std::ofstream out(fs::path("/out") / path.filename());
    out.exceptions(std::ios::badbit | std::ios::failbit);
    out << std::count(text.begin(), text.end(), '\n') << " lines, " << words << " words, " << text.size() << " bytes\n";
    std::cout << path.filename().string() << ": done\n";
}

int main() try {
    for (const auto &entry : fs::directory_iterator("/in"))
        if (entry.is_regular_file()) count(entry.path());
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
