#!/usr/bin/env python3
"""Measures the RWasm backend against native code (clang -O2) and wasmtime in one run; prints Markdown.

    Benchmarks/wasm/run.py [--rounds N] [--turns N] [--requests N] [--only kernels,compile,cold]

Expects a built node (`./dev build`), the toolchain's clang in PATH and, for wasmtime, PyPI: it is installed into
.build-bench/wasmtime once.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cold
import kernels

root = Path(__file__).resolve().parents[2]
version = "50.0.1"


def peer():
    folder = root / ".build-bench/wasmtime"
    python = folder / "bin/python"
    probe = f"import importlib.metadata as m; assert m.version('wasmtime') == '{version}'"
    if not python.exists() or subprocess.run([python, "-c", probe], capture_output=True).returncode != 0:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "-q", "install", f"wasmtime=={version}"], check=True)
    return [str(python), str(Path(__file__).with_name("peer.py"))]


def output(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def compile_report(folder, ours, peer):
    kernels.build(folder)
    print("| module | first version | optimised | wasmtime |\n|---|---|---|---|")
    for name in ("scalar", "simd"):
        file = f"{folder}/{name}.wasm"
        first, optimised = output([ours, "compile", file]).splitlines()
        print(f"| {name} | {first} | {optimised} | {float(output([*peer, 'compile', file])):.0f} ms |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="calls of a kernel in a turn")
    parser.add_argument("--turns", type=int, default=3, help="turns of all engines")
    parser.add_argument("--requests", type=int, default=4000, help="requests of each cold measurement")
    parser.add_argument("--only", default="kernels,compile,cold")
    options = parser.parse_args()
    ours = str(root / ".build/release/dandelion-wasm")
    wasmtime = peer()
    with tempfile.TemporaryDirectory() as folder:
        if "kernels" in options.only:
            print("## Code quality: time against native code, the fastest call of each\n")
            kernels.report(kernels.run(folder, ours, wasmtime, options.rounds, options.turns))
        if "compile" in options.only:
            print("\n## Compile time of all kernels in one module\n")
            compile_report(folder, ours, wasmtime)
        if "cold" in options.only:
            print("\n## Cold invocations\n")
            cold.report(root, folder, wasmtime, options.requests)


if __name__ == "__main__":
    main()
