title="libsodium 1.0.18"
package=libsodium
file=libsodium_1.0.18.orig.tar.gz
sha256=d59323c6b712a1519a5daf710b68f5e7fde57040845ffec53850911f10a5d4f4
command="./configure --host=x86_64-linux-musl && make check"
build() { ./autogen.sh -s 2> /dev/null || autoreconf -fi; autotools --disable-pie --disable-ssp && make check TESTS=; }

check() { make check 2>&1 | automake_results; }
