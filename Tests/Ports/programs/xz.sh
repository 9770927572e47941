title="xz 5.4.1, with threads"
package=xz-utils
file=xz-utils_5.4.1.orig.tar.xz
sha256=5d9827aa1875b21c288f78864bb26d2650b436ea8d2cad364e4921eb6266a5a5
command="./configure --host=x86_64-linux-musl && make check"
build() { autotools --disable-nls --disable-doc && make check TESTS=; }

check() {
    make check 2>&1 | automake_results
    head -c 1000000 src/liblzma/.libs/liblzma.a > data
    for options in -0 '-9e' '-T2 --block-size=200000' '--check=sha256' '--format=lzma'; do
        # shellcheck disable=SC2086
        one "round trip $options" bash -c '"$RUN" src/xz/xz -k -f -c $1 data > d.xz && "$RUN" src/xz/xz -d -c < d.xz | cmp - data' - "$options"
    done
}
