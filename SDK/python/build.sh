#!/usr/bin/env bash
# Builds CPython as a function image: the interpreter with its standard library, and the module dandelion.
# Usage: build.sh SDK_FOLDER [--arch aarch64]
# Puts into SDK_FOLDER/python: the image `python` (`python-aarch64`), `python-debug` for debuggers, the package `dandelion` for
# editors and type checkers, `bundle.py`, and licences. CPython comes from Debian's source package and the time zones from the
# Python package index, both pinned and checked; nothing of them lies in this repository. What was built is kept in the cache
# of the SDK under a digest of all that went into it. Takes four minutes on two cores. Needs Debian's python3.11, which
# compiles the standard library.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dandelion/sdk
fail() { echo "python: $*" >&2 && exit 1; }
step() { echo "python: $*" >&2; }

[[ $# == 1 || $# == 3 && $2 == --arch ]] || { sed -n 3p "$0" >&2 && exit 64; }
sdk=$(cd "$1" && pwd) arch=${3:-x86_64}
library=$sdk/hlibc/lib/$arch suffix=
[[ $arch == x86_64 ]] || suffix=-$arch
[[ -e $library/libc.a ]] || fail "$sdk is no SDK folder with libraries for $arch; build one with ./dev sdk"
host_python=$(for candidate in /usr/bin/python3.11 python3.11; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null && echo "$candidate" && break
done) || fail 'no Python 3.11 on this machine, whose compiler the standard library needs: apt-get install python3'

version=3.11.2
source=(python3.11 "python3.11_$version.orig.tar.gz" 2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849)
zones=(tzdata==2025.2 tzdata-2025.2-py2.py3-none-any.whl 1a403fada01ff9221ca8044d701868fa132215d84beb92242d9acd2147f667a8)

cc() { clang --config="$sdk/dandelion$suffix.cfg" "$@"; }

# The time zones' wheel, from the cache or the package index.
fetch_zones() {
    [[ -e $cache/${zones[1]} ]] ||
        python3 -m pip -q --disable-pip-version-check download --no-deps --dest "$cache" "${zones[0]}" >&2 ||
        fail "pip could not download ${zones[0]}"
    echo "${zones[2]}  $cache/${zones[1]}" | sha256sum --check --quiet >&2 || fail "${zones[1]} is not what was pinned"
}

build_interpreter() {
    "$here/interpreter.sh" "$sdk" "$arch" "$host_python" "$(python3 "$here/../tools/debian_source.py" "${source[@]}")" "$1"
}

# kept NAME DIGEST_OF COMMAND: the folder that COMMAND fills, from the cache when it has been filled before.
kept() {
    local folder scratch
    folder=$cache/$1-$arch-$(sha256sum <<< "$2" | cut -c 1-24)
    if [[ ! -d $folder ]]; then
        mkdir -p "$cache" && scratch=$(mktemp -d "$cache/new.XXXXXX")
        # In a shell of its own, so that a failure leaves nothing behind.
        (trap 'rm -rf "$scratch"' EXIT && "$3" "$scratch" && trap - EXIT) || exit 1
        mv "$scratch" "$folder"
    fi
    echo "$folder"
}

libraries=(libpython3.11.a libmpdec.a libexpat.a)

link() {
    local extra=$1/extra
    step 'compiling the standard library and linking (3 of 3)'
    mkdir -p "$extra"
    cp -R "$here/lib/." "$extra/"
    find "$extra" -name __pycache__ -prune -exec rm -rf {} +
    cp "$here/sysconfig_data.py" "$extra/_sysconfigdata__linux_$arch-linux-gnu.py"
    "$host_python" -m zipfile -e "$cache/${zones[1]}" "$extra/zones" && mv "$extra/zones/tzdata" "$extra/"
    rm -rf "$extra/zones"
    "$host_python" "$here/library.py" "$interpreter/Lib" "$extra" "$1/python311.zip"
    for file in main sets where; do
        cc -Wall -Wextra -Werror -I"$interpreter/include" -c "$here/$file.c" -o "$1/$file.o"
    done
    cc -Wa,-I"$1" -c "$here/library.S" -o "$1/library.o"
    cc "$1"/*.o "${libraries[@]/#/$interpreter/}" -lsqlite3 -llzma -lbz2 -lz -lm -o "$1/image"
    # The platform finds these by the symbol table.
    llvm-objcopy --strip-all --keep-symbol=__dandelion_system_data --keep-symbol=__dandelion_snapshot \
        "$1/image" "$1/python$suffix"
    clang --config="$sdk/dandelion-debug$suffix.cfg" "$1"/*.o "${libraries[@]/#/$interpreter/}" \
        -lsqlite3 -llzma -lbz2 -lz -lm -o "$1/python-debug$suffix"
    llvm-objcopy --strip-debug "$1/python-debug$suffix"
    cp "$interpreter/LICENSE" "$1/python.LICENSE"
    rm -rf "$extra" "$1"/*.o "$1/image" "$1/python311.zip"
}

# What compiling sees of the SDK: its headers, and which names there are to link with.
sdk_interface() {
    (cd "$sdk/hlibc" && find include arch -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    llvm-nm --defined-only --extern-only --format=just-symbols "$library"/lib{c,hlibc,z,bz2,lzma,sqlite3}.a 2> /dev/null |
        grep -Ev '^(hl_|dandelion_)' | LC_ALL=C sort -u
}

mkdir -p "$cache"
"$here/../ports/add.sh" "$sdk" --arch "$arch" zlib bzip2 xz sqlite
fetch_zones
interpreter=$(kept python-interpreter "${source[2]} $(sdk_interface) $(clang --version) $(cat "$sdk/dandelion$suffix.cfg" \
    "$here"/{config.site,interpreter.sh,pycore_emscripten_signal.h})" build_interpreter)
linked=$(kept python "$interpreter ${zones[2]} $(cat "$library"/lib{c,hlibc,dandelion-debug,z,bz2,lzma,sqlite3}.a | sha256sum) \
    $(cat "$here"/*.[chS] "$here"/*.py "$here/build.sh" "$here"/lib/dandelion/*.py)" link)
mkdir -p "$sdk/python"
install -m 755 "$linked/python$suffix" "$linked/python-debug$suffix" "$sdk/python/"
install -m 644 "$linked/python.LICENSE" "$here/bundle.py" "$sdk/python/"
rm -rf "$sdk/python/lib" && cp -R "$here/lib" "$sdk/python/lib"
echo "$sdk/python/python$suffix"
