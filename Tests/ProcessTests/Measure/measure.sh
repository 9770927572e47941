#!/bin/sh
# Measures the Process backend and its floor in one run: Tests/ProcessTests/Measure/measure.sh [requests]
set -eu
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
swift build -c release --product DandelionProcess >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
here=Tests/ProcessTests/Measure
guest() {
    clang --target=x86_64-unknown-none-elf -O1 -ffreestanding -fno-pic -nostdlib -static -fuse-ld=lld \
        -I Sources/PluginABI/include -I Tests/Guests -Wl,-z,max-page-size=4096 -Wl,--image-base=0x10000 \
        -Wl,-z,separate-code $here/guest.c "$@"
}
guest -o "$work/guest.elf"
guest -DMIB=16 -o "$work/large.elf"
clang -std=gnu11 -O2 -fPIC -fvisibility=hidden -fuse-ld=lld -fno-jump-tables -mgeneral-regs-only -c \
    Plugins/Process/Shim/zygote.c -I Plugins/Process/Shim/include -I Plugins/Kit/Shim/include -o "$work/zygote.o"
clang -std=gnu11 -O2 -fuse-ld=lld -fvisibility=hidden -I Plugins/Process/Shim/include \
    -I Plugins/Kit/Shim/include -I Sources/PluginABI/include -I Tests/ProcessTests/Programs $here/measure.c "$work/zygote.o" Plugins/Process/Shim/filter.c Plugins/Process/Shim/spawn.c \
    Plugins/Process/Shim/system.c Plugins/Process/Shim/gate.S Plugins/Kit/Shim/memory.c -o "$work/measure"
plugin=$(swift build -c release --show-bin-path)/libDandelionProcess.so
"$work/measure" "$plugin" "$work/guest.elf" "${1:-2000}"
echo "An image of 16 MiB, of which a run reads 256 pages and writes 200:"
"$work/measure" "$plugin" "$work/large.elf" "${1:-2000}"
clang -O2 Benchmarks/floors/mapped_floor.c -o "$work/mapped_floor"
echo "The floor of that:"
taskset -c 0 "$work/mapped_floor" 0
