#!/bin/sh
# Builds the plugin for release and measures it beside the C floor: run.sh [runs] [slots]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
swift build --package-path "$root" -c release --product DandelionKVM >&2
clang --target=x86_64-unknown-none-elf -nostdlib -static -fuse-ld=lld -Wl,-z,max-page-size=4096 \
    -Wl,--image-base=0x10000 -Wl,-z,separate-code -o "$out/touch" "$here/touch.S"
cc -O2 -Wall -Wextra -Wno-unused-function -I "$root/Sources/PluginABI/include" -o "$out/bench" "$here/bench.c" -ldl -lpthread
"$out/bench" "$(swift build --package-path "$root" -c release --show-bin-path)/libDandelionKVM.so" "$out/touch" \
    "${1:-1000}" ${2:-}
