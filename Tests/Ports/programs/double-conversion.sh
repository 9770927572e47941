title="double-conversion 3.2.1"
package=double-conversion
file=double-conversion_3.2.1.orig.tar.gz
sha256=e40d236343cad807e83d192265f139481c51fc83a1c49e406ac6ce0a0ba7cd35
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake -DBUILD_TESTING=ON; }

check() { cd build && for test in $("$RUN" test/cctest/cctest --list | sed 's/<$//'); do one "$test" "$RUN" test/cctest/cctest "$test"; done; }
