title="LZO 2.10"
package=lzo2
file=lzo2_2.10.orig.tar.gz
sha256=c0f892943208266f9b6543b3ae308fab6284c5c90e627931446fb49b4221a072
command="./configure --host=x86_64-linux-musl && make check"
build() {
    CONFIG_SITE=$SDK/config.site ./configure --host=$host --disable-shared
    make -k || true
}

check() {
    for program in align chksum promote sizes; do one "$program" "$RUN" "tests/$program"; done
    one dict "$RUN" examples/dict -n COPYING
    for program in overlap precomp precomp2; do one "$program" "$RUN" "examples/$program" COPYING; done
    one simple "$RUN" examples/simple
    one lzotest "$RUN" lzotest/lzotest -mall COPYING
}
