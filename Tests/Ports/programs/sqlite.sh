title="SQLite 3.40.1, with WAL"
package=sqlite3
file=sqlite3_3.40.1.orig.tar.xz
sha256=aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655
command="CC=cc ./configure && make sqlite3.c && dandelion-cc sqlite3.c"
build() {
    CC=cc ./configure --disable-tcl --disable-readline && make sqlite3.c shell.c
    compile -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_OMIT_LOAD_EXTENSION \
        -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_DBPAGE_VTAB -c sqlite3.c
    compile -DSQLITE_OMIT_LOAD_EXTENSION shell.c sqlite3.o -o shell -lm
    compile -I. test/speedtest1.c sqlite3.o -o speedtest1 -lm
    compile -O1 -I. test/threadtest4.c sqlite3.o -o threadtest4 -lm
}

# The test-suite proper is written in Tcl; these are its programs in C.
check() {
    one speedtest1 "$RUN" ./speedtest1 --size 10 --verify t1.db
    one 'speedtest1 with WAL' "$RUN" ./speedtest1 --size 10 --journal wal --verify t2.db
    same 'the same with WAL' <(echo ok) "$RUN" ./shell t2.db 'pragma integrity_check'
    same 'full text search' <(echo 2) "$RUN" ./shell :memory: "create virtual table t using fts5(a); insert into t values('one two'),('two three'),('four'); select count(*) from t('two')"
    same 'a query' <(printf '1|1\n2|3\n3|6\n') "$RUN" ./shell :memory: "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select i, sum(i) over (order by i) from n"
    one threadtest4 bash -c 'rm -f tt4-*.db; "$RUN" ./threadtest4 --wal 5 | tail -n 1 | grep -q "^Total 0 errors"'
}
