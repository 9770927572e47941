package=xz-utils
file=xz-utils_5.4.1.orig.tar.xz
sha256=5d9827aa1875b21c288f78864bb26d2650b436ea8d2cad364e4921eb6266a5a5
licence=COPYING

build() {
    ./configure --host="$host" --prefix="$prefix" --disable-shared --disable-threads --disable-nls --disable-xz \
        --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-scripts --disable-doc
    make -j2
    make install
}

check() { make check; }
