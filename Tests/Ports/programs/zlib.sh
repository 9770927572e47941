title="zlib 1.2.13"
package=zlib
file=zlib_1.2.13.dfsg.orig.tar.bz2
sha256=71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1
command="CC=dandelion-cc ./configure --static && make test"
build() { CC=$SDK/bin/dandelion-cc AR=llvm-ar RANLIB=llvm-ranlib ./configure --static && make; }

check() {
    one example "$RUN" ./example
    one 'minigzip' bash -c '"$RUN" ./minigzip < example > e.gz && "$RUN" ./minigzip -d < e.gz | cmp - example'
    one 'gzip of the machine reads it' bash -c 'gzip -dc < e.gz | cmp - example'
}
