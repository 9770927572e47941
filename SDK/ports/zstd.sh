package=zstd
file=libzstd_1.5.4+dfsg2.orig.tar.xz
sha256=8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953
licence=LICENSE

build() { make -C lib -j2 CC="$CC" AR="$AR" RANLIB="$RANLIB" PREFIX="$prefix" install-static install-includes install-pc; }

check() {
    make -C tests CC="$CC" AR="$AR" RANLIB="$RANLIB" HAVE_PTHREAD=0 HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0 decodecorpus datagen
    for seed in 1 2 3; do "$RUN" tests/decodecorpus -t -n500 -s$seed || return; done
}
