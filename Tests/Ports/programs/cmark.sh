title="cmark 0.30.2"
package=cmark
file=cmark_0.30.2.orig.tar.gz
sha256=6c7d2bcaea1433d977d8fed0b55b71c9d045a7cdf616e3cd2dce9007da753db3
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DCMARK_SHARED=OFF; }

check() {
    one api "$RUN" build/api_test/api_test
    one 'specification' python3 test/spec_tests.py --no-normalize --spec test/spec.txt --program "$RUN build/src/cmark"
    one 'regressions' python3 test/spec_tests.py --no-normalize --spec test/regression.txt --program "$RUN build/src/cmark"
}
