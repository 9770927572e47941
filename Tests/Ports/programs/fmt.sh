title="fmt 9.1.0"
package=fmtlib
file=fmtlib_9.1.0+ds1.orig.tar.gz
sha256=84ce1c2d0be3a9863935137969dcec6970125caac032f82474640bfc81463583
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake"
build() {
    with_cmake -DFMT_TEST=OFF
    cat > t.cpp << 'CPP'
#include <fmt/chrono.h>
#include <fmt/color.h>
#include <fmt/format.h>
#include <fmt/os.h>
#include <fmt/ranges.h>
#include <vector>
#define TEST(name, what) fmt::print("{} {}\n", (what) ? "ok" : "not ok", name)
int main() {
    TEST("integers", fmt::format("{:08x} {:+d} {:b}", 255, 5, 6) == "000000ff +5 110");
    TEST("floats", fmt::format("{:.3f} {:g} {}", 3.14159, 1e100, 0.1) == "3.142 1e+100 0.1");
    TEST("ranges", fmt::format("{}", std::vector<int>{1, 2, 3}) == "[1, 2, 3]");
    TEST("chrono", fmt::format("{:%Y-%m-%d}", fmt::gmtime(0)) == "1970-01-01");
    TEST("alignment", fmt::format("{:*^9}", "x") == "****x****");
    bool threw = false;
    try { (void)fmt::format(fmt::runtime("{:d}"), "x"); } catch (fmt::format_error &) { threw = true; }
    TEST("errors", threw);
    { auto out = fmt::output_file("t.txt"); out.print("{}", 42); }
    fmt::file file("t.txt", fmt::file::RDONLY);
    char text[3] = {};
    TEST("files", file.read(text, 2) == 2 && std::string(text) == "42");
    fmt::file read_end, write_end;
    fmt::file::pipe(read_end, write_end);
    TEST("pipes", write_end.write("ab", 2) == 2 && read_end.read(text, 2) == 2);
}
CPP
    compile_cxx -Iinclude t.cpp build/libfmt.a -o t
}

check() { "$RUN" ./t; }
