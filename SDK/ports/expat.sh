package=expat
file=expat_2.5.0.orig.tar.gz
sha256=ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757
licence=expat/COPYING

build() {
    cd expat
    autoreconf -fi
    ./configure --host="$host" --prefix="$prefix" --disable-shared --without-docbook --without-examples
    make -j2
    make install
    cd ..
}

check() { make -C expat/tests check TESTS= && "$RUN" expat/tests/runtests && "$RUN" expat/tests/runtestspp; }
