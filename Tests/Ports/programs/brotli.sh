title="brotli 1.0.9"
package=brotli
file=brotli_1.0.9.orig.tar.gz
sha256=f9e8d81d0405ba66d181529af42a3354f838c939095ff99930da6aa9cdf6fe46
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"
build() { with_cmake; }

check() {
    for file in tests/testdata/*; do
        [[ $file == *.compressed* || ! -s $file ]] && continue
        one "$(basename "$file")" bash -c '"$RUN" build/brotli -f -q 9 "$1" -o t.br && "$RUN" build/brotli -d -f t.br -o t.back && cmp "$1" t.back' - "$file"
    done
}
