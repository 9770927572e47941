#!/usr/bin/env bash
# Compiles wordcount as a WASI module: build.sh rust|zig OUTPUT. Exits with 77 when the language's compiler is not there.
set -euo pipefail
folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$folder/../../.build-tools/bin

missing() {
    echo "build.sh: $*" >&2
    exit 77
}

build_rust() {
    local compiler target linker options=()
    for compiler in rustc /usr/bin/rustc; do
        for target in wasm32-wasip1 wasm32-wasi; do
            [[ -d $("$compiler" --print target-libdir --target "$target" 2> /dev/null) ]] || continue
            # Debian's compiler brings no linker; that of its LLVM reads its libraries.
            linker=$(command -v "wasm-ld-$("$compiler" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')" || true)
            [[ -z $linker ]] || options=("-Clinker=$linker")
            exec "$compiler" --target "$target" -O -Cstrip=symbols "${options[@]}" "$folder/wordcount.rs" -o "$1"
        done
    done
    missing 'no rustc has a WASI target (apt-get install rustc libstd-rust-dev-wasm32 lld, or rustup target add wasm32-wasip1)'
}

build_zig() {
    local zig
    for zig in "$tools/python3 -m ziglang" 'python3 -m ziglang' zig; do
        [[ $($zig version 2> /dev/null) == 0.14.* ]] || continue
        $zig build-exe -target wasm32-wasi -O ReleaseSmall "$folder/wordcount.zig" "-femit-bin=$1"
        rm -f "$1.o"
        exit
    done
    missing 'no Zig 0.14 (pip install ziglang==0.14.1)'
}

case ${1:-}:$# in
    rust:2 | zig:2) "build_$1" "$2" ;;
    *) sed -n '2s/^# //p' "$0" >&2 && exit 64 ;;
esac
