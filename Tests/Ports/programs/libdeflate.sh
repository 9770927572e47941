title="libdeflate 1.14"
package=libdeflate
file=libdeflate_1.14.orig.tar.gz
sha256=89e7df898c37c3427b0f39aadcf733731321a278771d20fc553f92da8d4808ac
command="make CC=dandelion-cc"
needs=zlib
build() { with_make gzip test_programs; }

check() {
    for program in test_checksums test_custom_malloc test_incomplete_codes test_litrunlen_overflow test_slow_decompression test_trailing_bytes; do
        one "$program" "$RUN" "./$program"
    done
    one 'round trip' bash -c '"$RUN" ./gzip -c NEWS.md > n.gz && gzip -d -c n.gz | cmp - NEWS.md'
}
