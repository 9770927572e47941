title="GNU sed 4.9"
package=sed
file=sed_4.9.orig.tar.xz
sha256=6e226b732e1cd739464ad6862bd1a1aba42d7982922da7a53519631d24975181
command="./configure --host=x86_64-linux-musl && make"
build() { autotools --disable-nls --disable-dependency-tracking && make; }

check() {
    printf 'one two\nthree\n' > t
    same substitute <(printf 'two one\nthree\n') "$RUN" sed/sed -E 's/(one) (two)/\2 \1/' t
    same 'hold space' <(printf 'three\none two\n') "$RUN" sed/sed -n '1!G;h;$p' t
    one 'in place' bash -c 'cp t u && "$RUN" sed/sed -i s/one/ONE/ u && grep -q ONE u'
    same 'posix class' <(printf '[one] [two]\n[three]\n') "$RUN" sed/sed -E 's/[[:alpha:]]+/[&]/g' t
    make check-am TESTS="testsuite/mac-mf.sh" > /dev/null 2>&1 || true
    for name in dc-none binary allsub amp-escape appquit bkslashes classes dots fasts factor flipcase head khadafy linecnt manis middle numsub sep space uniq xabcx xbcx xemacs; do
        [[ -e testsuite/$name.sed && -e testsuite/$name.good && -e testsuite/$name.inp ]] || continue
        same "$name" "testsuite/$name.good" bash -c '"$RUN" sed/sed -f "testsuite/$1.sed" "testsuite/$1.inp"' - "$name"
    done
}
