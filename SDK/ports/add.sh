#!/usr/bin/env bash
# Builds libraries that functions need and puts them into an SDK folder: their headers and static libraries lie beside the
# C library's, so that `clang --config=SDK/dandelion.cfg ... -lz` finds them, and pkg-config as SDK/pkgconfig is in its path.
# Usage: add.sh SDK_FOLDER [--arch aarch64] [--test] NAME...     (without NAME: lists the ports)
# --test runs the library's own tests too, in sandboxes. What was built is kept in the cache of the SDK.
# A port is a file NAME.sh: `package`, `file` and `sha256` of Debian's source package, `licence` (a file in it), `needs`
# (other ports), `build`, which runs in the unpacked source with CC, AR, RANLIB and `host`, and installs to "$prefix", and
# `check`, which runs its tests there by "$RUN".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dandelion/sdk

fail() { echo "ports: $*" >&2 && exit 1; }
names() { for name in "$here"/*.sh; do [[ $name == */add.sh ]] || basename "$name" .sh; done; }

[[ $# -gt 0 ]] || { sed -n 4p "$0" | cut -c 3- >&2 && exit 64; }
sdk=$(cd "$1" && pwd) arch=x86_64 test=no wanted=()
shift
while [[ $# -gt 0 ]]; do
    case $1 in
        --arch) arch=${2:?} && shift ;;
        --test) test=yes ;;
        -*) fail "unknown option $1" ;;
        *) wanted+=("$1") ;;
    esac
    shift
done
[[ -e $sdk/hlibc/lib/$arch/libc.a ]] || fail "$sdk is no SDK folder with libraries for $arch; build one with ./dev sdk"
[[ ${#wanted[@]} -gt 0 ]] || { names && exit; }

config=dandelion && [[ $arch == x86_64 ]] || config=dandelion-$arch
export CC="clang --config=$sdk/$config.cfg" CXX="clang++ --config=$sdk/${config/dandelion/dandelion++}.cfg"
export AR=llvm-ar RANLIB=llvm-ranlib NM=llvm-nm CFLAGS=-O2 CXXFLAGS=-O2 CC_FOR_BUILD=cc
# Nothing of the machine that builds.
export PKG_CONFIG_LIBDIR=$sdk/hlibc/lib/$arch/pkgconfig PKG_CONFIG_PATH=
host=$arch-linux-musl
# What configure tries, and what --test runs, runs in sandboxes.
export RUN=$sdk/bin/dandelion-run DANDELION_RUN=$sdk/bin/dandelion-run

# stage NAME: the folder that the port's build has filled, from the cache when nothing that it is made of has changed.
stage() {
    local name=$1 digest folder tarball
    digest=$(cat "$here/$name.sh" "$sdk/hlibc/lib/$arch/libc.a" "$sdk/hlibc/lib/$arch/libhlibc++.a" 2> /dev/null |
        sha256sum | cut -c 1-24)
    folder=$cache/port-$name-$arch-$digest
    if [[ ! -d $folder || $test == yes ]]; then
        tarball=$(PYTHONDONTWRITEBYTECODE=1 python3 "$here/../tools/debian_source.py" "$package" "$file" "$sha256") || exit 1
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        mkdir "$work/source" && tar xf "$tarball" -C "$work/source" --strip-components=1
        cd "$work/source"
        prefix=$work/stage
        echo "ports: building $name for $arch" >&2
        build > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2 && fail "$name did not build"; }
        install -D -m 644 "$licence" "$prefix/licences/$name"
        if [[ $test == yes ]]; then check >&2 || fail "$name failed its tests"; fi
        rm -rf "$folder" && mkdir -p "$cache" && mv "$prefix" "$folder"
    fi
    echo "$folder"
}

# add NAME: the port and what it needs, into the SDK folder.
add() {
    local folder
    [[ -f $here/$1.sh && $1 != add ]] || fail "no port '$1'; there are: $(names | tr '\n' ' ')"
    unset needs
    # shellcheck disable=SC1090
    source "$here/$1.sh"
    for need in ${needs:-}; do (add "$need") || exit 1; done
    folder=$(stage "$1") || exit 1
    mkdir -p "$sdk/hlibc/lib/$arch/pkgconfig" "$sdk/licences"
    cp -R "$folder"/include/. "$sdk/hlibc/include/"
    cp "$folder"/lib/*.a "$sdk/hlibc/lib/$arch/"
    cp "$folder"/licences/* "$sdk/licences/"
    for pc in "$folder"/lib/pkgconfig/*.pc; do
        [[ -e $pc ]] || continue
        sed -E 's#^(prefix|exec_prefix)=.*#\1=${pcfiledir}/../../..#; s#^libdir=.*#libdir=${pcfiledir}/..#
            s#^(sharedlibdir)=.*#\1=${pcfiledir}/..#; s#^includedir=.*#includedir=${pcfiledir}/../../../include#' "$pc" \
            > "$sdk/hlibc/lib/$arch/pkgconfig/$(basename "$pc")"
    done
}

for name in "${wanted[@]}"; do (add "$name"); done
