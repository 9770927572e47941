title="Boehm GC 8.2.2"
package=libgc
file=libgc_8.2.2.orig.tar.gz
sha256=f30107bcb062e0920a790ffffa56d9512348546859364c23a14be264b38836a0
command="./configure --host=x86_64-linux-musl CFLAGS=-DUSE_PROG_DATA_START && make check"

# By default it looks for the beginning of data by faults, and a fault ends a function.
build() { autotools --enable-cplusplus --disable-parallel-mark CFLAGS='-O2 -DUSE_PROG_DATA_START' && make check TESTS=; }

check() { make check 2>&1 | automake_results; }
