#!/usr/bin/env bash
# Compiles the WASI shim and writes its bytes as Swift. Usage: embed.sh OUTPUT.swift
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
module=$(mktemp)
trap 'rm -f "$module"' EXIT

# The first clang that has wasm-ld: that of the Swift toolchain.
for clang in "${CLANG:-}" "$(command -v clang)" "$(dirname "$(readlink -f "$(command -v swift)")")/clang" /opt/swift/usr/bin/clang ''; do
    [[ -z $clang || ! -x $clang || $("$clang" -print-prog-name=wasm-ld) != /* ]] || break
done
[[ -n $clang ]] || { echo 'error: no clang with wasm-ld in PATH; the Swift toolchain has one' >&2 && exit 1; }

CLANG=$clang "$here/../shim/build.sh" "$module"
{
    echo '/// The WebAssembly module of SDK/hlibc/wasi/shim, made by SDK/hlibc/wasi/embed.'
    echo 'let wasiShim: [UInt8] = ['
    od -An -v -tu1 -w32 "$module" | sed 's/  */,/g; s/^,//; s/$/,/'
    echo ']'
} > "$1"
