title="PCRE2 10.42"
package=pcre2
file=pcre2_10.42.orig.tar.gz
sha256=c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f
command="./configure --host=x86_64-linux-musl && make check"
build() { autotools --enable-pcre2-16 --enable-pcre2-32 && make check TESTS=; }

# RunTest has a group for each file of testdata and each width; it tells of each whether it was as expected.
check() {
    for width in 8 16 32; do
        ./RunTest -sim "$RUN" -$width 2>&1 | sed -nE "s/^(Test [0-9]+): .*/\1, $width bits/; t keep
            s/^  Skipped.*/skip/p; s/^  OK.*/ok/p; s/.*differ.*|.*failed.*/not ok/p; b; :keep p" |
            awk '/^Test/ { name = $0; next } !(name in told) { told[name] = 1; print $0 " " name }'
    done
    one pcre2posix_test "$RUN" ./pcre2posix_test
}
