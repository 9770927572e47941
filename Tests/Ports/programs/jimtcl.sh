title="Jim Tcl 0.81"
package=jimtcl
file=jimtcl_0.81+dfsg0.orig.tar.gz
sha256=ab7eb3680ba0d16f4a9eb1e05b7fcbb7d23438e25185462c55cd032a1954a985
command="CC=dandelion-cc ./configure --host=x86_64-linux-musl && make"
build() {
    CC=$SDK/bin/dandelion-cc AR=llvm-ar RANLIB=llvm-ranlib ./configure --host=x86_64-linux-musl --disable-docs --without-ext=exec
    make jimsh
}

check() {
    cd tests
    for file in *.test; do
        case $file in exec* | socket* | signal* | ssl* | tty* | posix* | loadtest* | interactive* | history*) echo "skip $file" && continue ;; esac
        one "$file" bash -c '"$RUN" ../jimsh "$1" > log.jim 2>&1; cat log.jim; grep -qE "^(FAIL|Failed)|FAIL +[1-9]" log.jim && exit 1; exit 0' - "$file"
    done
}
