title="libpng 1.6.39"
package=libpng1.6
file=libpng1.6_1.6.39.orig.tar.gz
sha256=a00e9d2f2f664186e4202db9299397f851aea71b36a35e74910b8820e380d441
command="./configure --host=x86_64-linux-musl && make check"
needs=zlib

build() { autotools && make check TESTS=; }

check() { make check 2>&1 | automake_results; }
