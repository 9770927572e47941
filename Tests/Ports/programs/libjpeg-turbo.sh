title="libjpeg-turbo 2.1.5"
package=libjpeg-turbo
file=libjpeg-turbo_2.1.5.orig.tar.gz
sha256=254f3642b04e309fee775123133c6464181addc150499561020312ec61c1bf7c
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DENABLE_SHARED=OFF -DWITH_SIMD=OFF; }

check() { cd build && ctest --timeout 600 2>&1 | ctest_results; }
