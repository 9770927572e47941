#!/usr/bin/env bash
# Builds CPython as a function image: the interpreter with its standard library, and the module dandelion.
# Usage: build.sh SDK_FOLDER [--arch aarch64] [--numpy]
# Puts into SDK_FOLDER/python: the image `python` (`python-aarch64`), `python-debug` for debuggers, the package `dandelion` for
# editors and type checkers, `bundle.py`, and licences. With --numpy the image is `python-numpy`, which has numpy linked in.
# CPython comes from Debian's source package, time zones and numpy from the Python package index, all pinned and checked;
# nothing of them lies in this repository. What was built is kept in the cache of the SDK under a digest of all that went into
# it. Takes four minutes on two cores, numpy as much. Needs Debian's python3.11, which compiles the standard library, and for
# numpy its venv (python3-venv).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dandelion/sdk
fail() { echo "python: $*" >&2 && exit 1; }
step() { echo "python: $*" >&2; }

usage() { sed -n 3p "$0" >&2 && exit 64; }
[[ $# != 0 ]] || usage
sdk=$(cd "$1" && pwd) arch=x86_64 name=python numpy=
shift
while [[ $# != 0 ]]; do
    case $1 in
        --arch) [[ $# != 1 ]] || usage && arch=$2 && shift ;;
        --numpy) name=python-numpy ;;
        *) usage ;;
    esac
    shift
done
library=$sdk/hlibc/lib/$arch suffix=
[[ $arch == x86_64 ]] || suffix=-$arch
[[ -e $library/libc.a ]] || fail "$sdk is no SDK folder with libraries for $arch; build one with ./dev sdk"
host_python=$(for candidate in /usr/bin/python3.11 python3.11; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null && echo "$candidate" && break
done) || fail 'no Python 3.11 on this machine, whose compiler the standard library needs: apt-get install python3'

version=3.11.2
source=(python3.11 "python3.11_$version.orig.tar.gz" 2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849)
zones=(tzdata==2025.2 tzdata-2025.2-py2.py3-none-any.whl 1a403fada01ff9221ca8044d701868fa132215d84beb92242d9acd2147f667a8)

numpy_version=1.24.4
numpy_sdist=(numpy-$numpy_version.tar.gz 80f5e3a4e498641401868df4208b74581206afbee7cf7b8329daae82676d9463)

cc() { clang --config="$sdk/dandelion$suffix.cfg" "$@"; }

# fetch REQUIREMENT FILE SHA256 [OPTION...]: a file of the package index, in the cache.
fetch() {
    [[ -e $cache/$2 ]] ||
        python3 -m pip -q --disable-pip-version-check download --no-deps --dest "$cache" "${@:4}" "$1" >&2 ||
        fail "pip could not download $1"
    echo "$3  $cache/$2" | sha256sum --check --quiet >&2 || fail "$2 is not what was pinned"
}

build_interpreter() {
    "$here/interpreter.sh" "$sdk" "$arch" "$host_python" "$(python3 "$here/../tools/debian_source.py" "${source[@]}")" "$1"
}

build_numpy() { "$here/numpy.sh" "$sdk" "$arch" "$host_python" "$interpreter" "$cache/${numpy_sdist[0]}" "$1"; }

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
    "$host_python" "$here/library.py" "$interpreter/Lib" "$extra" ${numpy:+"$numpy/lib"} "$1/python311.zip"
    if [[ $numpy ]]; then cp "$numpy/linked_modules.h" "$numpy"/*.o "$1/"; else : > "$1/linked_modules.h"; fi
    for file in main sets where; do
        cc -Wall -Wextra -Werror -I"$interpreter/include" -I"$1" -c "$here/$file.c" -o "$1/$file.o"
    done
    cc -Wa,-I"$1" -c "$here/library.S" -o "$1/library.o"
    local more=(-lsqlite3 -llzma -lbz2 -lz -lm)
    [[ -z $numpy ]] || more=(-lc++ -lc++abi "${more[@]}")
    cc "$1"/*.o "${libraries[@]/#/$interpreter/}" "${more[@]}" -o "$1/image"
    # The platform finds these by the symbol table.
    llvm-objcopy --strip-all --keep-symbol=__dandelion_system_data --keep-symbol=__dandelion_snapshot \
        "$1/image" "$1/$name$suffix"
    clang --config="$sdk/dandelion-debug$suffix.cfg" "$1"/*.o "${libraries[@]/#/$interpreter/}" \
        "${more[@]}" -o "$1/$name-debug$suffix"
    llvm-objcopy --strip-debug "$1/$name-debug$suffix"
    cp "$interpreter/LICENSE" "$1/python.LICENSE"
    [[ -z $numpy ]] || cp "$numpy/LICENSE" "$1/numpy.LICENSE"
    rm -rf "$extra" "$1"/*.o "$1/linked_modules.h" "$1/image" "$1/python311.zip"
}

# What compiling sees of the SDK: its headers, and which names there are to link with.
sdk_interface() {
    (cd "$sdk/hlibc" && find include arch -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    llvm-nm --defined-only --extern-only --format=just-symbols "$library"/lib{c,hlibc,z,bz2,lzma,sqlite3}.a 2> /dev/null |
        grep -Ev '^(hl_|dandelion_)' | LC_ALL=C sort -u
}

mkdir -p "$cache"
"$here/../ports/add.sh" "$sdk" --arch "$arch" zlib bzip2 xz sqlite
fetch "${zones[@]}"
interpreter=$(kept python-interpreter "${source[2]} $(sdk_interface) $(clang --version) $(cat "$sdk/dandelion$suffix.cfg" \
    "$here"/{config.site,interpreter.sh,pycore_emscripten_signal.h})" build_interpreter)
if [[ $name == python-numpy ]]; then
    fetch "numpy==$numpy_version" "${numpy_sdist[@]}" --no-binary numpy
    numpy=$(kept numpy "${numpy_sdist[1]} $interpreter $(cat "$here/numpy.sh")" build_numpy)
fi
linked=$(kept "$name" "$interpreter $numpy ${zones[2]} $(cat "$library"/lib{c,hlibc,dandelion-debug,z,bz2,lzma,sqlite3}.a | sha256sum) \
    $(cat "$here"/*.[chS] "$here"/*.py "$here/build.sh" "$here"/lib/dandelion/*.py)" link)
mkdir -p "$sdk/python"
install -m 755 "$linked/$name$suffix" "$linked/$name-debug$suffix" "$sdk/python/"
install -m 644 "$linked"/*.LICENSE "$here/bundle.py" "$sdk/python/"
rm -rf "$sdk/python/lib" && cp -R "$here/lib" "$sdk/python/lib"
echo "$sdk/python/$name$suffix"
