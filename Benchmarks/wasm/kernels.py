"""Kernels as native code, by the RWasm backend and by wasmtime, in turns, so that the machine's mood is the same for all."""

import math
import re
import subprocess
from pathlib import Path

here = Path(__file__).parent
flags = ["-O2", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"]
wasm = ["--target=wasm32-unknown-unknown", "-mbulk-memory", "-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=1048576"]


def names():
    text = (here / "kernels/kernels.h").read_text()
    return re.findall(r"X\((\w+)\)", text.split("#define KERNELS(X)")[1].split("#ifdef")[0])


def build(folder):
    sources = sorted(str(path) for path in (here / "kernels").glob("*.c"))
    subprocess.run(["clang", *flags, str(here / "native.c"), *sources, "-o", f"{folder}/native"], check=True)
    for name, extra in (("scalar", []), ("simd", ["-msimd128"])):
        subprocess.run(["clang", *flags, *wasm, *extra, *sources, "-o", f"{folder}/{name}.wasm"], check=True)


def measure(command):
    """Name -> (digest, ns)."""
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: (digest, int(ns)) for name, digest, ns in (line.split() for line in output.splitlines())}


def engines(folder, ours, peer, rounds):
    rounds = str(rounds)
    commands = {"native": [f"{folder}/native", rounds]}
    for code in ("scalar", "simd"):
        commands[f"RWasm {code}"] = [ours, "time", rounds, f"{folder}/{code}.wasm", *names()]
        commands[f"wasmtime {code}"] = [*peer, "time", rounds, f"{folder}/{code}.wasm", *names()]
    return commands


def run(folder, ours, peer, rounds, turns):
    """Engine -> kernel -> the fastest call in ns. A digest that differs ends the run."""
    build(folder)
    best, digests = {}, {}
    for _ in range(turns):
        for engine, command in engines(folder, ours, peer, rounds).items():
            for kernel, (digest, ns) in measure(command).items():
                if digests.setdefault(kernel, digest) != digest:
                    raise SystemExit(f"{engine} computes {digest} in {kernel} instead of {digests[kernel]}")
                times = best.setdefault(engine, {})
                times[kernel] = min(ns, times.get(kernel, ns))
    return best


def ratios(best, engine):
    """Kernel -> time against native code."""
    return {kernel: best[engine][kernel] / best["native"][kernel] for kernel in names()}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def table(best):
    """Head and rows: each kernel's native time and the engines' ratios to it, at the end their geometric means."""
    columns = [engine for engine in best if engine != "native"]
    found = {engine: ratios(best, engine) for engine in columns}
    rows = [
        [kernel, f"{best['native'][kernel] / 1e6:.2f}", *(f"{found[engine][kernel]:.2f}" for engine in columns)]
        for kernel in names()
    ]
    means = [f"{geometric_mean(found[engine].values()):.2f}" for engine in columns]
    return ["kernel", "native, ms", *columns], [*rows, ["geometric mean", "", *means]]


def report(best):
    head, rows = table(best)
    for line in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(line) + " |")
