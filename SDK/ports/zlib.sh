package=zlib
file=zlib_1.2.13.dfsg.orig.tar.bz2
sha256=71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1
licence=README

build() {
    CHOST=$host ./configure --static --prefix="$prefix"
    make -j2 libz.a
    make install
}

check() { make example minigzip && "$RUN" ./example && "$RUN" ./minigzip < example > e.gz && "$RUN" ./minigzip -d < e.gz | cmp - example; }
