"""Builds the hosted part of the SDK, C and C++ over hlibc, into an SDK folder. Usage: build.py OUTPUT_FOLDER"""

import shutil
import signal
import sys
from pathlib import Path

import complex_functions
import libc
import libcxx
import wasm
from builtins_library import builtins
from sources import Problem, Sources, say

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
    (folder / "numpy.txt").write_text(complex_functions.source()[1])


# Libraries that programs name and that are in ours. Empty ones keep the linker from those of the machine that builds.
NAMED = ("c", "m", "pthread", "dl", "rt", "util", "crypt", "resolv", "c++", "c++abi", "unwind")
EMPTY_ARCHIVE = b"!<arch>\n"


def install_libc(sources, architecture, output):
    own, musl = libc.libc(sources, architecture)
    folder = output / "hlibc" / "lib" / architecture
    libc.merge(folder / "libhlibc.a", [own / "hlibc.a", musl / "musl.a", builtins(sources, architecture)])
    shutil.copyfile(own / "debug.a", folder / "libdandelion-debug.a")
    for name in NAMED:
        (folder / f"lib{name}.a").write_bytes(EMPTY_ARCHIVE)
    libc.install_headers(sources.lib, architecture, output / "hlibc")


def main(output):
    sources = Sources()
    install_licences(sources.lib, output)
    for architecture in ("x86_64", "aarch64"):
        install_libc(sources, architecture, output)
        libcxx.install(sources, architecture, output)
    try:
        wasm.install(sources, output)
    except Problem as problem:
        say(f"the Wasm target is left out: {problem}")


if __name__ == "__main__":
    # Ends as Ctrl-C does: what has begun is finished, scratch folders go.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        main(Path(sys.argv[1]).resolve())
    except Problem as problem:
        sys.exit(f"SDK: {problem}")
    except KeyboardInterrupt:
        sys.exit("SDK: stopped")
