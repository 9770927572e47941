#!/usr/bin/env bash
# Builds CPython's library libpython.a with all its modules, and what it needs, in a folder.
# Usage: interpreter.sh SDK_FOLDER ARCHITECTURE HOST_PYTHON TARBALL OUTPUT_FOLDER
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
sdk=$1 arch=$2 host_python=$3 tarball=$4 output=$5
library=$sdk/hlibc/lib/$arch config=dandelion
[[ $arch == x86_64 ]] || config=dandelion-$arch
fail() { tail -n 30 "$output/log" >&2 && echo "python: $*" >&2 && exit 1; }
step() { echo "python: $*" >&2; }

work=$output/work
mkdir -p "$work" && tar xf "$tarball" -C "$work" --strip-components=1
cp "$here/pycore_emscripten_signal.h" "$work/Include/internal/"
mkdir "$work/build" && cd "$work/build"
step 'configuring CPython (1 of 3; a minute)'
env CONFIG_SITE="$here/config.site" PKG_CONFIG_LIBDIR="$library/pkgconfig" PKG_CONFIG_PATH= CC="clang --config=$sdk/$config.cfg" \
    CXX="clang++ --config=$sdk/${config/dandelion/dandelion++}.cfg" AR=llvm-ar RANLIB=llvm-ranlib \
    READELF="$(command -v x86_64-linux-gnu-readelf || command -v llvm-readelf)" CFLAGS= \
    ../configure --host="$arch-linux-musl" --build=x86_64-linux-gnu --with-build-python="$host_python" --disable-shared \
    --without-ensurepip --disable-test-modules --disable-ipv6 --with-computed-gotos MODULE_BUILDTYPE=static \
    > "$output/log" 2>&1 || fail 'configure failed'
cp Modules/Setup.stdlib Modules/Setup.local
step 'compiling CPython (2 of 3; two minutes)'
make -j"$(nproc)" libpython3.11.a >> "$output/log" 2>&1 || fail 'CPython did not compile'
mkdir "$output/include" && cp -R ../Include/. pyconfig.h "$output/include/"
cp libpython3.11.a Modules/_decimal/libmpdec/libmpdec.a Modules/expat/libexpat.a "$output/"
cp -R ../Lib "$output/Lib" && cp ../LICENSE "$output/LICENSE"
cd "$output" && rm -rf "$work"
