#!/bin/sh
# Compiles the C and assembly parts of the KVM plugin for AArch64, where the rest is not ported; see its README.
# Exits with 77 and a reason when the headers are missing (package libc6-dev-arm64-cross).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
headers=/usr/aarch64-linux-gnu/include
if ! [ -e $headers/asm/kvm.h ]; then
    echo "aarch64: skipped: no $headers/asm/kvm.h (package libc6-dev-arm64-cross)"
    exit 77
fi
for file in "$root"/Plugins/KVM/Shim/*.[cS]; do
    clang --target=aarch64-linux-gnu -std=gnu11 -Wall -Wextra -Werror -Wno-unused-command-line-argument -nostdinc \
        -isystem "$(clang -print-resource-dir)/include" -isystem $headers -I "$root/Plugins/KVM/Shim/include" \
        -I "$root/Plugins/Kit/Shim/include" -I "$root/Sources/PluginABI/include" -c "$file" -o /dev/null
done
echo 'aarch64: the C and assembly parts of the KVM plugin compile'
