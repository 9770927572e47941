title="GNU awk 5.2.1"
package=gawk
file=gawk_5.2.1.orig.tar.xz
sha256=2337a0283b180ec1b9c727973a34781c6478b3ae9bcbdcca0a4dc49861d75a65
command="./configure --host=x86_64-linux-musl && make gawk"
build() {
    CONFIG_SITE=$SDK/config.site ./configure --host=$host --disable-nls --disable-extensions --without-readline --disable-pma --without-mpfr
    make -j"$jobs" -C support && make -j"$jobs" gawk
}

# Those of its tests that are a program and its input, without options or another locale.
check() {
    cd test
    for file in *.ok; do
        name=${file%.ok}
        recipe=$(sed -n "/^$name:/,/^\$/p" Makefile)
        # shellcheck disable=SC2016
        [[ -e $name.in && $recipe == *'$(AWK) -f $@.awk  <'* && $recipe != *LOCALE* && $recipe != *sort* ]] || continue
        same "$name" "$file" bash -c '"$RUN" ../gawk -f "$1.awk" < "$1.in"; code=$?; [[ $code == 0 ]] || echo "EXIT CODE: $code"' - "$name"
    done
}
