title="GNU bc 1.07.1"
package=bc
file=bc_1.07.1.orig.tar.gz
sha256=62adfca89b0a1c0164c2cdca59ca210c1d44c3ffc46daf9931cf4942664cb02a
command="./configure --host=x86_64-linux-musl && make"
build() {
    CONFIG_SITE=$SDK/config.site ./configure --host=$host
    make -C lib && make -C bc
}

check() {
    for file in Test/*.b; do
        name=$(basename "$file" .b)
        [[ $name == timetest || $name == testbc ]] && continue
        one "$name" bash -c '"$RUN" bc/bc -l "$1" < /dev/null' - "$file"
    done
    same 'a large power' <(echo 1267650600228229401496703205376) bash -c 'echo 2^100 | "$RUN" bc/bc -q'
}
