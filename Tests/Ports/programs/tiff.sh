title="libtiff 4.5.0"
package=tiff
file=tiff_4.5.0.orig.tar.bz2
sha256=638f43d7dea33948d5dee7f39572fc0194d9cc3c74195de9dd26a4388a1f880a
command="./configure --host=x86_64-linux-musl && make check"
needs="zlib xz"

build() { autotools --disable-zstd --disable-webp --disable-jbig --disable-jpeg --disable-libdeflate && make check TESTS=; }

check() { make -C test check 2>&1 | automake_results; }
