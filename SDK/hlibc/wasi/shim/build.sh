#!/usr/bin/env bash
# Compiles the shim, a module that serves the WASI preview 1 imports of others. Usage: build.sh OUTPUT.wasm
# Needs a clang with a WebAssembly target and wasm-ld, as the Swift toolchain has them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$here/../../..
"${CLANG:-clang}" --target=wasm32-unknown-unknown -std=gnu11 -O2 -nostdlib -Wall -Wextra -Werror -DHL_WASI_SHIM \
    -mbulk-memory -mno-reference-types -fno-strict-aliasing -I"$here" -I"$sdk/freestanding/include" -I"$sdk/include" \
    -I"$sdk/../Sources/PluginABI/include" \
    -Wl,--no-entry -Wl,--gc-sections -Wl,--strip-all -Wl,--import-memory -Wl,-z,stack-size=65536 -Wl,--stack-first \
    -Wl,--export=__dandelion_system_data \
    "$sdk"/hlibc/core/*.c "$sdk"/hlibc/wasi/*.c "$here/shim.c" "$sdk"/hlibc/start/{arguments,heap}.c \
    "$sdk"/freestanding/{data,memory,report}.c -o "$1"
