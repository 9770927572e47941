title="Mbed TLS 2.28.3"
package=mbedtls
file=mbedtls_2.28.3.orig.tar.gz
sha256=3b4953aa55a681e084d31892d9904cc5328d6b4958ea57b90ae4b4f94ae69a8d
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=ON; }

check() { cd build && ctest --timeout 600 2>&1 | ctest_results; }
