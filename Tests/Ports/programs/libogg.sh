title="libogg 1.3.5"
package=libogg
file=libogg_1.3.5.orig.tar.xz
sha256=c4d91be36fc8e54deae7575241e03f4211eb102afb3fc0775fbbc1b740016705
command="./configure --host=x86_64-linux-musl && make check"
build() { autotools && make -C src test_bitwise test_framing; }

check() { for program in test_bitwise test_framing; do one "$program" "$RUN" "src/$program"; done; }
