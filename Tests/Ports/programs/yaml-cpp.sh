title="yaml-cpp 0.7.0"
package=yaml-cpp
file=yaml-cpp_0.7.0+dfsg.orig.tar.xz
sha256=dc63708605404e0b963e0ca3a9619d1c8270eda2839603e6fa0384e5e51e5312
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake"
build() {
    with_cmake -DYAML_CPP_BUILD_TESTS=OFF -DYAML_CPP_BUILD_TOOLS=ON
}

check() {
    printf 'a: [1, 2, {b: c}]\n? k\n: |\n  two\n  lines\nlast: &x 1\nsame: *x\n' > t.yaml
    one parse "$RUN" build/util/parse t.yaml
    one 'events' bash -c '"$RUN" build/util/read < t.yaml'
    one 'an error has its place' bash -c 'echo "a: [1, 2" | "$RUN" build/util/parse 2>&1 | grep -q "line 2"'
}
