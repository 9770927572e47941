title="Opus 1.3.1"
package=opus
file=opus_1.3.1.orig.tar.gz
sha256=65b58e1e25b2a114157014736a3d9dfeaad8d41be1c8179866f144a2fb44ff9d
command="./configure --host=x86_64-linux-musl && make check"
build() { autotools --disable-doc --disable-stack-protector && make check TESTS=; }

check() { make check 2>&1 | automake_results; }
