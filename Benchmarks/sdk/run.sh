#!/usr/bin/env bash
# The SDK's C library beside this machine's: cycles of common calls, sizes of programs and, with --build, the time that the
# SDK takes to build from nothing but its sources' file. Prints Markdown. Usage: run.sh [--build]
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sdk=$("$root/SDK/build.sh" "$work/sdk" | tail -n 1)
clang=${CLANG:-clang}

cc -std=gnu11 -O1 -I"$sdk/include" "$root/SDK/tests/run_image.c" -o "$work/run_image"
"$clang" -O2 "$root/Benchmarks/sdk/measure.c" -o "$work/native"
"$clang" --config="$sdk/dandelion.cfg" "$root/Benchmarks/sdk/measure.c" -o "$work/function"
# In turns, three times, and the best of each: other work on the machine disturbs both alike.
for _ in 1 2 3; do
    "$work/native" >> "$work/native.txt"
    "$work/run_image" "$work/function" -- stdio | sed '/^stdio/d' >> "$work/function.txt"
done

# best FILE NAME: the least of a name's values, the greatest where more is better (bytes a cycle).
best() {
    local order=-n
    [[ $2 != *1MiB ]] || order=-rn
    sed -n "s/^$2 //p" "$1" | sort $order | head -n 1
}

row() { echo "| $1 | $(best "$work/function.txt" "$2") | $(best "$work/native.txt" "$2") |"; }
echo '| cycles, best of 60 | SDK | glibc |'
echo '|---|---|---|'
row '`malloc` and `free` of 64 bytes' malloc-free
row 'the same, 0 to 1023 bytes, 256 blocks alive' malloc-mixed
row '`fprintf` of a number, a word and a fraction to a file' fprintf
row '`fgets` of such a line' fgets
row '`memcpy` of 1 MiB, bytes a cycle' memcpy-1MiB
row '`memcpy` of 100 bytes' memcpy-100
row '`strlen` of 1 MiB, bytes a cycle' strlen-1MiB
row '`strlen` of 24 bytes' strlen-24

# size SOURCE CONFIG [FLAGS]: bytes of the stripped program.
size() {
    local compiler=$clang
    [[ $1 != *.cpp ]] || compiler=$clang++
    "$compiler" --config="$sdk/$2.cfg" -s "${@:3}" "$root/Tests/SDKTests/programs/$1" -o "$work/sized"
    stat -c %s "$work/sized"
}
echo
echo '| stripped program, bytes | x86-64 | aarch64 |'
echo '|---|---|---|'
echo "| \`puts\` | $(size hello.c dandelion) | $(size hello.c dandelion-aarch64) |"
echo "| \`printf\` and \`fopen\` | $(size files-small.c dandelion) | $(size files-small.c dandelion-aarch64) |"
echo "| most of libc++ | $(size library.cpp dandelion++ -std=c++20) | $(size library.cpp dandelion++-aarch64 -std=c++20) |"

if [[ ${1:-} == --build ]]; then
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/dandelion/sdk
    wheel=$(find "$cache" -name 'ziglang-*.whl' | head -n 1)
    export XDG_CACHE_HOME=$work/cache HLIBC_SRC=${HLIBC_SRC:-$wheel}
    echo
    echo "| SDK build on $(nproc) processors | seconds |"
    echo '|---|---|'
    for run in first second; do
        begin=$(date +%s.%N)
        "$root/SDK/build.sh" "$work/again" > /dev/null 2>&1
        echo "| $run | $(echo "$(date +%s.%N) $begin" | awk '{ printf "%.1f", $1 - $2 }') |"
    done
fi
