title="zstd 1.5.4, with threads"
package=zstd
file=libzstd_1.5.4+dfsg2.orig.tar.xz
sha256=8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953
command="make CC=dandelion-cc HAVE_PTHREAD=1 zstd"
build() {
    with_make -C programs zstd HAVE_PTHREAD=1 HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0
    with_make -C tests datagen fuzzer zstreamtest
}

check() {
    "$RUN" tests/datagen -g5000000 > data
    for options in -1 -5 -19 -T4 '-T2 -10' '--long=24 -T3' '--fast=3' '-B100K -T4'; do
        # shellcheck disable=SC2086
        one "round trip $options" bash -c '"$RUN" programs/zstd -q -f $1 data -o d.zst && "$RUN" programs/zstd -q -d -f d.zst -o d.back && cmp data d.back' - "$options"
    done
    one 'test of a file' "$RUN" programs/zstd -t d.zst
    one 'measures itself' env DANDELION_RUN_OPTIONS="$DANDELION_RUN_OPTIONS --env DANDELION_CLOCK=processor" "$RUN" programs/zstd -b1i1 data
    one 'fuzzer' "$RUN" tests/fuzzer -i300 -T1s
    one 'zstreamtest' "$RUN" tests/zstreamtest -i200 -T1s
}
