#!/usr/bin/env bash
# Builds the SDK folder: headers, clang config files, the freestanding runtime and the hosted C and C++ libraries.
# Usage: SDK/build.sh [--freestanding] OUTPUT_FOLDER
# Needs the clang, ld.lld and llvm-ar of the Swift toolchain and, but for --freestanding, which leaves the hosted
# libraries out, Python 3 with pip, which fetches upstream sources (once; HLIBC_SRC names another place).
# The last line printed is the folder.
set -euo pipefail

hosted=yes
if [[ ${1:-} == --freestanding ]]; then hosted=no && shift; fi
source_folder=$(cd "$(dirname "$0")" && pwd)
output=$(mkdir -p "$1" && cd "$1" && pwd)
clang=${CLANG:-clang}
archiver=${LLVM_AR:-llvm-ar}

mkdir -p "$output/include/dandelion" "$output/freestanding/include" "$output/bin" "$output/config"
cp "$source_folder"/config/*.{cfg,cmake} "$output/config/"
cp "$source_folder"/config/{meson.ini,config.site} "$output/"
cp "$source_folder"/drivers/dandelion-freestanding*.cfg "$source_folder/toolchain.cmake" "$output/"
cp "$source_folder"/bin/* "$output/bin/"
cp -R "$source_folder/templates" "$source_folder/ports" "$output/"
mkdir -p "$output/tools" && cp "$source_folder"/tools/{debian_source,sources}.py "$output/tools/"
cp "$source_folder"/include/dandelion/*.h "$output/include/dandelion/"
cp "$source_folder"/../Sources/PluginABI/include/dandelion/guest.h "$output/include/dandelion/"
cp "$source_folder"/freestanding/include/*.h "$output/freestanding/include/"

# build ARCHITECTURE CONFIG: the runtime for one architecture, compiled with the options that functions get.
build() {
    local library=$output/freestanding/lib/$1 objects=() name
    mkdir -p "$library"
    for source in "$source_folder"/freestanding/*.c; do
        name=$(basename "$source" .c)
        "$clang" --config="$output/$2" -Wall -Wextra -Werror -fno-builtin -I"$source_folder/freestanding" \
            -c "$source" -o "$library/$name.o"
        objects+=("$library/$name.o")
    done
    rm -f "$library/libdandelion.a"
    "$archiver" rcs "$library/libdandelion.a" "${objects[@]}"
    rm -f "${objects[@]}"
}

build x86_64 dandelion-freestanding.cfg
build aarch64 dandelion-freestanding-aarch64.cfg
# A config file is there once its libraries are: `dandelion new` goes by that.
if [[ $hosted == yes ]]; then
    # Beside this shell, which would hear of a signal only after it; and ended by that signal as it would be by itself.
    PYTHONDONTWRITEBYTECODE=1 env --default-signal=INT python3 "$source_folder/tools/build.py" "$output" >&2 &
    builder=$!
    trap 'kill -TERM "$builder" 2> /dev/null; wait "$builder" || true; exit 143' TERM
    trap 'kill -INT "$builder" 2> /dev/null; wait "$builder" || true; exit 130' INT
    wait "$builder"
    trap - TERM INT
    for config in "$source_folder"/drivers/*.cfg; do
        [[ $config == *-wasm.cfg && ! -d $output/wasm/lib ]] || cp "$config" "$output/"
    done
fi
# The same as roots of a file system, for what looks into usr/include and usr/lib.
for architecture in x86_64 aarch64; do
    [[ $hosted == yes ]] || break
    mkdir -p "$output/root/$architecture/usr"
    ln -sfn ../../../hlibc/include "$output/root/$architecture/usr/include"
    ln -sfn "../../../hlibc/lib/$architecture" "$output/root/$architecture/usr/lib"
done
echo "$output"
