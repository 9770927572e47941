#!/usr/bin/env bash
# Builds numpy for an interpreter of interpreter.sh, to be linked into it: no external BLAS, no choice of code by processor.
# Usage: numpy.sh SDK_FOLDER ARCHITECTURE HOST_PYTHON INTERPRETER_FOLDER SDIST OUTPUT_FOLDER
# Leaves an object for each compiled module, linked_modules.h, which names them, the modules in Python in lib/, and tests/.
set -euo pipefail

sdk=$1 arch=$2 host_python=$3 interpreter=$4 sdist=$5 output=$6
suffix=
[[ $arch == x86_64 ]] || suffix=-$arch
step() { echo "python: $*" >&2; }

work=$output/work
mkdir -p "$work/bin" && tar xf "$sdist" -C "$work" --strip-components=1
step "fetching the tools of numpy's build"
"$host_python" -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install setuptools==59.2.0 wheel==0.37.0 'Cython>=0.29.30,<3.0' >&2

# program NAME COMMAND: distutils wants compilers that are one word.
program() { printf '#!/usr/bin/env bash\n%s\n' "$2" > "$work/bin/$1" && chmod +x "$work/bin/$1"; }
program cc "exec clang --config=$sdk/dandelion$suffix.cfg \"\$@\""
program c++ "exec clang++ --config=$sdk/dandelion++$suffix.cfg \"\$@\""
# In the place of a shared object: one relocatable object with nothing but the module's entry in sight.
program link 'set -euo pipefail
arguments=()
while [[ $# != 0 ]]; do
    case $1 in
        -o) target=$2 && shift ;;
        -L* | -lnpy*) arguments+=("$1") ;;
        -*) ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
name=${target##*/}
ld.lld -r "${arguments[@]}" -o "$target"
llvm-objcopy --keep-global-symbol="PyInit_${name%%.*}" "$target"'

cd "$work"
# Its own, as on every platform whose functions its configuration does not trust.
for name in {CASIN,CASINH,CATAN,CATANH,CACOS,CACOSH,CSQRT,CLOG}{,F,L}; do echo "#undef HAVE_$name"; done > undefined
sed -i '/^#include "config.h"/r undefined' numpy/core/src/common/npy_config.h

step 'compiling numpy (three minutes)'
env CC="$work/bin/cc" CXX="$work/bin/c++" LDSHARED="$work/bin/link" LDCXXSHARED="$work/bin/link" AR=llvm-ar ARFLAGS=rcs \
    RANLIB=llvm-ranlib OPT= LDFLAGS= CFLAGS="-I$interpreter/include -O3 -DNDEBUG -fwrapv -ffp-exception-behavior=strict -w" \
    NPY_BLAS_ORDER= NPY_LAPACK_ORDER= \
    NPY_DISABLE_SVML=1 venv/bin/python setup.py -q build --cpu-baseline=min --cpu-dispatch=none -j "$(nproc)" \
    > "$output/log" 2>&1 || {
    grep -n 'error' "$output/log" | head -n 20 >&2 && echo 'python: numpy did not compile' >&2 && exit 1
}
cd build/lib.*
# _simd is numpy's tests' view of code by processor, of which there is none.
find numpy -name '*.so' ! -name '_simd.*' ! -path '*/_examples/*' | LC_ALL=C sort |
    while IFS= read -r file; do
        module=${file%%.cpython*} && module=${module////.}
        cp "$file" "$output/$module.o"
        echo "MODULE(\"$module\", ${module##*.})"
    done > "$output/linked_modules.h"
find . -name '*.so' -delete
rm -rf numpy/{distutils,f2py,core/include,core/lib,random/lib,random/_examples}
mkdir "$output/lib" && cp -R numpy "$output/lib/" && cp "$work/LICENSE.txt" "$output/LICENSE"
cd "$output" && rm -rf "$work"
