title="Jansson 2.14"
package=jansson
file=jansson_2.14.orig.tar.gz
sha256=c739578bf6b764aa0752db9a2fdadcfe921c78f1228c7ec0bb47fa804c55d17b
command="./configure --host=x86_64-linux-musl && make check"

build() { autoreconf -fi && autotools && make -C test check TESTS=; }

# Each program of test/suites/api is one test.
check() {
    for test in test/suites/api/test_*; do
        [[ -f $test && -x $test && $test != *.* ]] || continue
        one "$(basename "$test")" "$RUN" "$test"
    done
    for folder in test/suites/valid/*/; do
        [[ -f $folder/input ]] || continue
        one "valid $(basename "$folder")" bash -c '"$RUN" test/bin/json_process --strip < /dev/null "$1"' - "$folder"
    done
}
