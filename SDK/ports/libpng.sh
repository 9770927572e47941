package=libpng1.6
file=libpng1.6_1.6.39.orig.tar.gz
sha256=a00e9d2f2f664186e4202db9299397f851aea71b36a35e74910b8820e380d441
licence=LICENSE
needs=zlib

build() {
    CPPFLAGS="-I$sdk/hlibc/include" ./configure --host="$host" --prefix="$prefix" --disable-shared
    make -j2
    make install
}

check() { make check; }
