#!/usr/bin/env bash
# Builds a test of the file system's core for this machine, with the sanitizers. Usage: build.sh TEST.c OUTPUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$here/../../../SDK
flags=()
[[ $1 != memory_test.c ]] || flags=(-Wl,--wrap=hl_block_take,--wrap=hl_pages_take,--wrap=hl_pages_extend)
clang -std=gnu11 -O1 -g -D_GNU_SOURCE -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
    -ffunction-sections -Wl,--gc-sections "${flags[@]}" -fuse-ld=lld -I"$sdk/include" -I"$sdk/../Sources/PluginABI/include" \
    -I"$sdk/hlibc/calls" "$sdk"/hlibc/core/*.c "$sdk"/hlibc/calls/{names,opening,paths,descriptors,transfer,pipes,streams}.c \
    "$sdk/hlibc/start/heap.c" "$sdk/freestanding/data.c" "$here/system.c" "$here/$1" -o "$2"
