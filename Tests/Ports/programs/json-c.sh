title="json-c 0.16"
package=json-c
file=json-c_0.16.orig.tar.gz
sha256=3ecaeedffd99a60b1262819f9e60d7d983844073abc74e495cb822b251904185
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DBUILD_SHARED_LIBS=OFF -DDISABLE_WERROR=ON && ninja -C build all; }

check() { cd build && USE_VALGRIND=0 ctest 2>&1 | ctest_results; }
