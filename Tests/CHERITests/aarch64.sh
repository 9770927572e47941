#!/bin/sh
# Compiles the C and assembly parts of the CHERI plugin for AArch64 and links them; the trampoline must be the same words in
# a program for Linux and in one for no system. Skips with a reason when the headers are missing (libc6-dev-arm64-cross).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shim=$root/Plugins/CHERI/Shim
headers=/usr/aarch64-linux-gnu/include
if ! [ -e $headers/asm/sigcontext.h ]; then
    echo "aarch64: skipped: no $headers (package libc6-dev-arm64-cross)"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for file in "$shim"/*.[cS] "$root/Plugins/Kit/Shim/stop.c"; do
    clang --target=aarch64-linux-gnu -std=gnu11 -O2 -fPIC -Wall -Wextra -Werror -Wno-unused-command-line-argument \
        -nostdinc -isystem "$(clang -print-resource-dir)/include" -isystem $headers -I "$shim/include" \
        -I "$root/Plugins/Kit/Shim/include" -I "$root/Sources/PluginABI/include" -c "$file" -o "$folder/$(basename "$file").o"
done
ld.lld -shared --no-undefined -o "$folder/shim.so" "$folder"/*.o -L/usr/aarch64-linux-gnu/lib -lc
clang --target=aarch64-none-elf -I "$shim/include" -c "$shim/trampoline.S" -o "$folder/bare.o"
for object in trampoline.S.o bare.o; do llvm-objcopy -O binary -j .text "$folder/$object" "$folder/$object.words"; done
cmp "$folder/trampoline.S.o.words" "$folder/bare.o.words"
echo 'aarch64: the C and assembly parts of the CHERI plugin compile and link'
