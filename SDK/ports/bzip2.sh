package=bzip2
file=bzip2_1.0.8.orig.tar.gz
sha256=ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269
licence=LICENSE

build() {
    make -j2 CC="$CC" AR="$AR" RANLIB="$RANLIB" CFLAGS="$CFLAGS -D_FILE_OFFSET_BITS=64" libbz2.a
    install -D -m 644 bzlib.h "$prefix/include/bzlib.h"
    install -D -m 644 libbz2.a "$prefix/lib/libbz2.a"
}

check() {
    make CC="$CC" AR="$AR" RANLIB="$RANLIB" bzip2
    for number in 1 2 3; do
        "$RUN" ./bzip2 -$number -c sample$number.ref | cmp - sample$number.bz2 || return
        "$RUN" ./bzip2 -d -c sample$number.bz2 | cmp - sample$number.ref || return
    done
}
