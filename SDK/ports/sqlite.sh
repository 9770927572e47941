package=sqlite3
file=sqlite3_3.40.1.orig.tar.xz
sha256=aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655
licence=LICENSE.md

# The one file sqlite3.c, made with SQLite's own tools.
build() {
    command -v tclsh || { echo 'tclsh makes sqlite3.c: apt-get install tcl' && return 1; }
    CC=$CC_FOR_BUILD CFLAGS= ./configure --disable-tcl --disable-readline
    make sqlite3.c
    $CC $CFLAGS -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_MATH_FUNCTIONS \
        -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_TEMP_STORE=2 -c sqlite3.c -o sqlite3.o
    mkdir -p "$prefix/lib"
    "$AR" rcs "$prefix/lib/libsqlite3.a" sqlite3.o
    install -D -m 644 sqlite3.h "$prefix/include/sqlite3.h"
    install -D -m 644 sqlite3ext.h "$prefix/include/sqlite3ext.h"
}

check() {
    $CC -O1 -I. -DSQLITE_OMIT_LOAD_EXTENSION test/speedtest1.c "$prefix/lib/libsqlite3.a" -lm -o speedtest1
    "$RUN" ./speedtest1 --size 5 --verify one.db && "$RUN" ./speedtest1 --size 5 --journal wal --verify two.db
}
