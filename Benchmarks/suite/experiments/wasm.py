"""The RWasm backend beside native code and wasmtime: code quality by kernel, and a cold invocation."""

import subprocess
import sys

from ..bench import ROOT, Unavailable, progress
from ..report import Section, Target

sys.path.append(str(ROOT / "Benchmarks/wasm"))
import cold  # noqa: E402
import kernels  # noqa: E402
import run as wasm  # noqa: E402

TITLE = "WebAssembly: generated code and cold invocations beside wasmtime"


def code_quality(bench, folder, tool, peer, section):
    best = kernels.run(folder, tool, peer, bench.scale(5, 2), bench.scale(3, 1))
    section.text(
        f"Kernels as native code (clang -O2), by RWasm and by wasmtime {wasm.version}, without and with SIMD in the module:"
        " the fastest call, against native."
    )
    section.table(*kernels.table(best))
    for code in ("scalar", "simd"):
        ours, theirs = (kernels.ratios(best, f"{engine} {code}") for engine in ("RWasm", "wasmtime"))
        mean = kernels.geometric_mean(ours.values())
        section.targets.append(Target(f"{code}: geometric mean against native", mean, 1.3, at_least=False))
        worst = max(ours[kernel] / theirs[kernel] for kernel in ours)
        section.targets.append(Target(f"{code}: slowest kernel against wasmtime", worst, 1.0, at_least=False))


def cold_invocations(bench, folder, peer, section):
    found = cold.measure(ROOT, folder, peer, bench.scale(4000, 1000), bench.node)
    section.text("A small function in a fresh instance each time, unloaded, a request each millisecond. Medians in us.")
    section.table(["sandbox in the node", "wasmtime from Python", "HTTP echo in C", "node over HTTP"], [list(found.values())])
    section.targets.append(Target("sandbox, us, its code loaded", found["sandbox"], 10, at_least=False))
    bound = 1.3 * found["echo"] + 10
    section.targets.append(Target("node over HTTP / (1.3 x echo + 10 us)", found["node"] / bound, 1.0, at_least=False))


def run(bench):
    section = Section(TITLE)
    tool = str(bench.node.with_name("dandelion-wasm"))
    try:
        peer = wasm.peer()
    except subprocess.CalledProcessError as reason:
        raise Unavailable(f"no wasmtime: {reason}") from reason
    folder = bench.work / "wasm"
    folder.mkdir(exist_ok=True)
    progress("wasm: kernels")
    code_quality(bench, folder, tool, peer, section)
    progress("wasm: cold invocations")
    cold_invocations(bench, folder, peer, section)
    return section
