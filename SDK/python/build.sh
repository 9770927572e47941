#!/usr/bin/env bash
# Builds CPython as a function image: the interpreter with its standard library, and the module dandelion.
# Usage: build.sh SDK_FOLDER OUTPUT [--arch aarch64]
# CPython comes from Debian's source package and the time zones from the Python package index, both pinned and checked;
# nothing of them lies in this repository. What was built is kept in the cache of the SDK under a digest of all that
# went into it. Takes four minutes on two cores. Needs Debian's python3.11, which compiles the standard library.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dandelion/sdk
fail() { echo "python: $*" >&2 && exit 1; }
step() { echo "python: $*" >&2; }

[[ $# == 2 || $# == 4 && $3 == --arch ]] || { sed -n 3p "$0" >&2 && exit 64; }
sdk=$(cd "$1" && pwd) output=$2 arch=${4:-x86_64}
library=$sdk/hlibc/lib/$arch config=dandelion
[[ $arch == x86_64 ]] || config=dandelion-$arch
[[ -e $library/libc.a ]] || fail "$sdk is no SDK folder with libraries for $arch; build one with ./dev sdk"
host_python=$(for candidate in /usr/bin/python3.11 python3.11; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null && echo "$candidate" && break
done) || fail 'no Python 3.11 on this machine, whose compiler the standard library needs: apt-get install python3'

version=3.11.2
source=(python3.11 "python3.11_$version.orig.tar.gz" 2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849)
zones=(tzdata==2025.2 tzdata-2025.2-py2.py3-none-any.whl 1a403fada01ff9221ca8044d701868fa132215d84beb92242d9acd2147f667a8)

cc() { clang --config="$sdk/$config.cfg" "$@"; }

# The time zones' wheel, from the cache or the package index.
fetch_zones() {
    [[ -e $cache/${zones[1]} ]] ||
        python3 -m pip -q --disable-pip-version-check download --no-deps --dest "$cache" "${zones[0]}" >&2 ||
        fail "pip could not download ${zones[0]}"
    echo "${zones[2]}  $cache/${zones[1]}" | sha256sum --check --quiet >&2 || fail "${zones[1]} is not what was pinned"
}

# The interpreter's library libpython.a with all its modules, and what it needs, in folder $1.
build_interpreter() {
    local work=$1/work tarball
    tarball=$(python3 "$here/../tools/debian_source.py" "${source[@]}")
    mkdir -p "$work" && tar xf "$tarball" -C "$work" --strip-components=1
    mkdir "$work/build" && cd "$work/build"
    step 'configuring CPython (1 of 3; a minute)'
    env CONFIG_SITE="$here/config.site" PKG_CONFIG_LIBDIR="$library/pkgconfig" PKG_CONFIG_PATH= CC="clang --config=$sdk/$config.cfg" \
        CXX="clang++ --config=$sdk/${config/dandelion/dandelion++}.cfg" AR=llvm-ar RANLIB=llvm-ranlib \
        READELF="$(command -v x86_64-linux-gnu-readelf || command -v llvm-readelf)" CFLAGS= \
        ../configure --host="$arch-linux-musl" --build=x86_64-linux-gnu --with-build-python="$host_python" --disable-shared \
        --without-ensurepip --disable-test-modules --disable-ipv6 --with-computed-gotos MODULE_BUILDTYPE=static \
        > "$1/log" 2>&1 || { tail -n 30 "$1/log" >&2 && fail 'configure failed'; }
    cp Modules/Setup.stdlib Modules/Setup.local
    step 'compiling CPython (2 of 3; two minutes)'
    make -j"$(nproc)" libpython3.11.a >> "$1/log" 2>&1 || { tail -n 30 "$1/log" >&2 && fail 'CPython did not compile'; }
    mkdir "$1/include" && cp -R ../Include/. pyconfig.h "$1/include/"
    cp libpython3.11.a Modules/_decimal/libmpdec/libmpdec.a Modules/expat/libexpat.a "$1/"
    cp -R ../Lib "$1/Lib" && cp ../LICENSE "$1/LICENSE"
    cd "$1" && rm -rf "$work"
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

link() {
    local extra=$1/extra interpreter=$interpreter
    step 'compiling the standard library and linking (3 of 3)'
    mkdir -p "$extra"
    cp -R "$here/lib/." "$extra/"
    cp "$here/sysconfig_data.py" "$extra/_sysconfigdata__linux_$arch-linux-gnu.py"
    "$host_python" -m zipfile -e "$cache/${zones[1]}" "$extra/zones" && mv "$extra/zones/tzdata" "$extra/"
    rm -rf "$extra/zones"
    "$host_python" "$here/library.py" "$interpreter/Lib" "$extra" "$1/python311.zip"
    for file in main sets; do cc -Wall -Wextra -Werror -I"$interpreter/include" -c "$here/$file.c" -o "$1/$file.o"; done
    cc -Wa,-I"$1" -c "$here/library.S" -o "$1/library.o"
    cc "$1"/*.o "$interpreter"/libpython3.11.a "$interpreter"/libmpdec.a "$interpreter"/libexpat.a \
        -lsqlite3 -llzma -lbz2 -lz -lm -o "$1/image"
    # The platform finds these by the symbol table.
    llvm-objcopy --strip-all --keep-symbol=__dandelion_system_data --keep-symbol=__dandelion_snapshot \
        "$1/image" "$1/python"
    cp "$interpreter/LICENSE" "$1/python.LICENSE"
    rm -rf "$extra" "$1"/*.o "$1/image" "$1/python311.zip"
}

mkdir -p "$cache"
"$here/../ports/add.sh" "$sdk" --arch "$arch" zlib bzip2 xz sqlite
fetch_zones
libraries=$(cat "$library"/lib{c,hlibc,z,bz2,lzma,sqlite3}.a | sha256sum)
interpreter=$(kept python-interpreter "${source[2]} $libraries $(cat "$here/config.site" "$here/build.sh")" build_interpreter)
linked=$(kept python "$interpreter ${zones[2]} $(cat "$here"/*.[chS] "$here"/*.py "$here"/lib/dandelion/*)" link)
mkdir -p "$(dirname "$output")"
install -m 755 "$linked/python" "$output"
install -m 644 "$linked/python.LICENSE" "$output.LICENSE"
echo "$output"
