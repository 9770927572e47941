title="libxml2 2.9.14"
package=libxml2
file=libxml2_2.9.14+dfsg.orig.tar.xz
sha256=4fe913dec8b1ab89d13b489b419a8203176ea39e931eaa0d25b17eafb9c279e9
command="./configure --host=x86_64-linux-musl && make check"
needs=zlib
build() { autotools --without-python --without-http --without-ftp --without-iconv --with-zlib --without-lzma --with-threads && make runtest runsuite testchar testdict testrecurse testapi; }

check() {
    for program in runtest testchar testdict testrecurse testapi; do one "$program" "$RUN" "./$program"; done
}
