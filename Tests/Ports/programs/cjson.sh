title="cJSON 1.7.15"
package=cjson
file=cjson_1.7.15.orig.tar.gz
sha256=5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
sample=yes

build() { with_cmake -DENABLE_CUSTOM_COMPILER_FLAGS=OFF -DENABLE_CJSON_TEST=ON -DENABLE_CJSON_UTILS=ON; }

check() { cd build && ctest 2>&1 | ctest_results; }
