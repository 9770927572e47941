// Exceptions of C++ in a program of the SDK: found by type, through frames with destructors, thrown on, and one that
// nobody catches. The exit code is the line of the first check that fails.
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#define CHECK(condition) if (!(condition)) return __LINE__

static int ended;
struct Frame {
    ~Frame() { ended++; }
};

struct Base {
    virtual ~Base() = default;
};
struct Derived : Base {
    int value = 7;
};

[[gnu::noinline]] static int deep(int depth) {
    Frame frame;
    if (depth == 0) throw std::runtime_error("the bottom");
    return deep(depth - 1) + 1;
}

static std::string caught(void (*what)()) {
    try {
        what();
    } catch (const std::out_of_range &) {
        return "range";
    } catch (const std::bad_alloc &) {
        return "memory";
    } catch (const std::exception &error) {
        return error.what();
    } catch (int number) {
        return std::to_string(number);
    }
    return "nothing";
}

static char *volatile bytes;
static volatile size_t much = size_t(1) << 31;

int main(int count, char **) {
    CHECK(caught([] { deep(20); }) == "the bottom" && ended == 21);
    CHECK(caught([] { (void)std::vector<int>().at(3); }) == "range");
    CHECK(caught([] { bytes = new char[much]; }) == "memory");
    CHECK(caught([] { try { throw 5; } catch (...) { ended = 0; throw; } }) == "5" && ended == 0);
    CHECK(caught([] {}) == "nothing" && !std::current_exception());
    try {
        throw Derived();
    } catch (const Base &base) {
        CHECK(dynamic_cast<const Derived &>(base).value == 7);
    }
    std::exception_ptr kept;
    try {
        deep(1);
    } catch (...) {
        kept = std::current_exception();
    }
    try {
        std::rethrow_exception(kept);
    } catch (const std::runtime_error &error) {
        std::puts(error.what());
    }
    std::fflush(stdout);
    if (count > 1) throw std::logic_error("nobody");
    return 0;
}
