"""Builds the hosted part of the SDK, C and C++ over hlibc, into an SDK folder. Usage: build.py OUTPUT_FOLDER"""

import shutil
import sys
from pathlib import Path

import libc
import libcxx
from sources import Problem, say, sources

LICENCES = {
    "musl": "libc/musl/COPYRIGHT",
    "libcxx": "libcxx/LICENSE.TXT",
    "libcxxabi": "libcxxabi/LICENSE.TXT",
    "libunwind": "libunwind/LICENSE.TXT",
}


def install_licences(lib, output):
    folder = output / "licences"
    folder.mkdir(exist_ok=True)
    for name, path in LICENCES.items():
        shutil.copyfile(lib / path, folder / f"{name}.txt")


def install_libc(lib, upstream, architecture, output):
    archives = libc.libc(lib, upstream, architecture)
    compiler = libc.builtins(architecture)
    if not compiler:
        say(f"hlibc for {architecture} is left out: this clang has no builtins library for it")
        return False
    libc.merge(output / "hlibc" / "lib" / architecture / "libhlibc.a", [*archives, compiler])
    libc.install_headers(lib, architecture, output / "hlibc")
    return True


def main(output):
    lib, upstream = sources()
    install_licences(lib, output)
    for architecture in ("x86_64",):
        if install_libc(lib, upstream, architecture, output):
            libcxx.install(lib, upstream, architecture, output)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve())
    except Problem as problem:
        sys.exit(f"SDK: {problem}")
