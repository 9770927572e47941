#!/usr/bin/env bash
# Builds vfs_test for this machine, with the sanitizers. Usage: build.sh OUTPUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$here/../../../SDK
clang -std=gnu11 -O1 -g -D_GNU_SOURCE -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
    -ffunction-sections -Wl,--gc-sections -fuse-ld=lld -I"$sdk/include" -I"$sdk/../Sources/PluginABI/include" \
    -I"$sdk/hlibc/calls" "$sdk"/hlibc/core/*.c "$sdk"/hlibc/calls/{names,paths,descriptors,transfer}.c \
    "$sdk/hlibc/start/heap.c" "$sdk/freestanding/data.c" "$here/system.c" "$here/vfs_test.c" -o "$1"
