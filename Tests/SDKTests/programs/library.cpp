// The C++ library: what needs support from below. Inputs: in/words; outputs: out/sorted.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <typeinfo>
#include <vector>

#define CHECK(condition) check(condition, __LINE__, #condition)

static void check(bool condition, int line, const char *text) {
    if (condition) return;
    std::cerr << "library.cpp:" << line << ": " << text << std::endl;
    std::exit(1);
}

static std::vector<std::string> events;

struct Global {
    Global() { events.push_back("constructed"); }
    ~Global() { std::cout << "destroyed" << std::endl; }
} global;

struct Unwound {
    int depth;
    ~Unwound() { events.push_back("unwound " + std::to_string(depth)); }
};

[[gnu::noinline]] static int descend(int depth) {
    Unwound unwound{depth};
    if (depth == 20) throw std::out_of_range("bottom");
    return descend(depth + 1) + 1;
}

static void exceptions() {
    bool caught = false;
    events.clear();
    try {
        descend(1);
    } catch (const std::logic_error &error) {
        caught = std::string(error.what()) == "bottom";
    }
    CHECK(caught && events.size() == 20 && events.front() == "unwound 20");
    try {
        throw 7;
    } catch (int number) {
        caught = number == 7;
    }
    CHECK(caught);
    try {
        try {
            std::string().at(3);
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    } catch (const std::exception &error) {
        caught = dynamic_cast<const std::nested_exception *>(&error) != nullptr;
    }
    CHECK(caught);
    try {
        ::operator delete(::operator new(std::size_t(1) << 60));
        caught = false;
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
}

struct Base { virtual ~Base() = default; };
struct Derived : Base {};

static void types() {
    std::unique_ptr<Base> base = std::make_unique<Derived>();
    const Base &object = *base;
    CHECK(dynamic_cast<Derived *>(base.get()) && typeid(object) == typeid(Derived));
}

static thread_local std::string per_thread = "own";

static void threads() {
    per_thread += "ed";
    CHECK(per_thread == "owned");
    std::mutex mutex;
    std::lock_guard lock(mutex);
    bool fresh = false;
    std::thread([&] { fresh = per_thread == "own"; }).join();
    CHECK(fresh);
    CHECK(std::async(std::launch::deferred, [] { return 3; }).get() == 3);
    auto before = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::hours(1));
    CHECK(std::chrono::steady_clock::now() - before >= std::chrono::hours(1));
}

static void files() {
    namespace fs = std::filesystem;
    std::ifstream in("/in/words");
    std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    std::sort(words.begin(), words.end());
    std::ofstream out("/out/sorted");
    for (auto &word : words) out << word << '\n';
    out.close();
    CHECK(out.good());
    fs::create_directories("/tmp/a/b/c");
    std::ofstream("/tmp/a/b/file") << "12345";
    std::set<std::string> seen;
    for (auto &entry : fs::recursive_directory_iterator("/tmp/a")) seen.insert(entry.path());
    CHECK((seen == std::set<std::string>{"/tmp/a/b", "/tmp/a/b/c", "/tmp/a/b/file"}));
    CHECK(fs::file_size("/tmp/a/b/file") == 5 && fs::is_directory("/tmp/a") && !fs::exists("/tmp/none"));
    fs::copy("/tmp/a", "/tmp/copy", fs::copy_options::recursive);
    CHECK(fs::file_size("/tmp/copy/b/file") == 5);
    fs::create_symlink("b/file", "/tmp/a/link");
    CHECK(fs::canonical("/tmp/a/link") == "/tmp/a/b/file" && fs::equivalent("/tmp/a/link", "/tmp/a/b/file"));
    std::error_code error;
    fs::rename("/tmp/none", "/tmp/other", error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(fs::remove_all("/tmp/a") == 5 && !fs::exists("/tmp/a"));
    bool thrown = false;
    try {
        fs::directory_iterator none("/tmp/none");
    } catch (const fs::filesystem_error &) {
        thrown = true;
    }
    CHECK(thrown);
}

static void texts() {
    std::smatch match;
    std::string line = "GET /index.html HTTP/1.1";
    CHECK(std::regex_match(line, match, std::regex(R"((\w+) (\S+) HTTP/(\d)\.(\d))")) && match[2] == "/index.html");
    CHECK(std::format("{:>6.2f}|{:#x}|{}", 3.14159, 255, "text") == "  3.14|0xff|text");
    std::ostringstream stream;
    stream << 1.5 << ' ' << std::hex << 255 << ' ' << true;
    CHECK(stream.str() == "1.5 ff 1");
    CHECK(std::stod("2.5e3") == 2500);
    std::random_device device;
    std::mt19937 generator(device());
    CHECK(device() != device());
    (void)generator;
}

int main() {
    CHECK(events.size() == 1 && events[0] == "constructed");
    exceptions();
    types();
    threads();
    files();
    texts();
    std::cout << "all good" << std::endl;
    return 0;
}
