package=pcre2
file=pcre2_10.42.orig.tar.gz
sha256=c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f
licence=LICENCE

build() {
    ./configure --host="$host" --prefix="$prefix" --disable-shared --enable-pcre2-16 --enable-pcre2-32
    make -j2
    make install
}

check() { for width in 8 16 32; do ./RunTest -sim "$RUN" -$width || return; done; }
