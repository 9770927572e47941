#!/usr/bin/env python3
"""Compares one program in C as a native function, as a module under the RWasm backend, and as images of that module.

    Benchmarks/wasm/images.py [--simd] [--rounds N] [--build FOLDER] [--sdk FOLDER]

A node serves all of them; what is compared is its own time from entering a sandbox to leaving it, the fastest of N requests of
each kernel, in turns. Expects a built node (`./dev build`) and an SDK (`./dev sdk`). Prints Markdown.
"""

import argparse
import http.client
import math
import re
import subprocess
import tempfile
import time
from pathlib import Path

import cold
import kernels

here = Path(__file__).parent
root = here.parents[1]
config = """
[plugins.process]
path = "libDandelionProcess.so"
[plugins.kvm]
path = "libDandelionKVM.so"
[plugins.rwasm]
path = "libDandelionRWasm.so"
[classes.process]
backends = ["process"]
[classes.kvm]
backends = ["kvm"]
[classes.rwasm]
backends = ["rwasm"]
[classes.process_image]
backends = ["process"]
translators = ["rwasm"]
[classes.kvm_image]
backends = ["kvm"]
translators = ["rwasm"]
"""
# Function -> class and file. The first is what the others are compared with.
functions = {
    "native, process": ("process", "native"), "native, KVM": ("kvm", "native"), "RWasm": ("rwasm", "module"),
    "image, process": ("process_image", "module"), "image, KVM": ("kvm_image", "module"),
}


def build(folder, sdk, simd):
    sources = [str(here / "image.c"), *sorted(str(path) for path in (here / "kernels").glob("*.c"))]
    native = [f"--config={sdk}/dandelion-freestanding.cfg"]
    module = [*kernels.wasm, *(["-msimd128"] if simd else []), f"-I{root}/Sources/PluginABI/include", "-Wno-int-to-pointer-cast",
              "-Wno-pointer-to-int-cast", "-Wl,--export=__dandelion_system_data"]
    for name, flags in (("native", native), ("module", module)):
        subprocess.run(["clang", *flags, *kernels.flags, *sources, "-o", f"{folder}/{name}"], check=True)


def register(port, folder):
    """The names of the functions that this machine can run, by index."""
    able = []
    for index, (name, (runs, file)) in enumerate(functions.items()):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        path = f"/v1/functions/f{index}?class={runs}&inputs=in&outputs=out&memory=64MiB"
        connection.request("PUT", path, Path(f"{folder}/{file}").read_bytes())
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status < 300:
            able.append((index, name))
        else:
            print(f"{name} is left out: {text}")
    return able


def await_optimised(folder):
    """A module with much code is served by quickly compiled code at first."""
    large = Path(f"{folder}/module").stat().st_size >= 32 << 10
    for _ in range(1200):
        if not large or "runs its optimised version" in Path(f"{folder}/node.log").read_text():
            return
        time.sleep(0.1)
    raise SystemExit("the optimised version is not ready after two minutes")


def invoke(connection, index, kernel):
    """Digest, and milliseconds."""
    connection.request("POST", f"/v1/invoke/f{index}", kernel.encode())
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200 or len(body) != 8:
        raise SystemExit(f"f{index} {kernel}: {answer.status} {body[:300]}")
    return body, float(re.search(r"\brun;dur=([0-9.]+)", answer.headers["Server-Timing"])[1])


def measure(port, able, rounds):
    """Index -> kernel -> the fastest run. A digest that differs ends the comparison."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    best = {index: {} for index, _ in able}
    for kernel in kernels.names():
        digests = set()
        for _ in range(rounds):
            for index, _ in able:
                digest, ms = invoke(connection, index, kernel)
                digests.add(digest)
                best[index][kernel] = min(ms, best[index].get(kernel, ms))
        if len(digests) != 1:
            raise SystemExit(f"{kernel}: the digests differ")
    return best


def report(able, best):
    (first, base), *others = able
    print(f"| kernel | {base}, ms | " + " | ".join(name for _, name in others) + " |\n|---|---|" + "---|" * len(others))
    ratios = {index: [best[index][kernel] / best[first][kernel] for kernel in kernels.names()] for index, _ in others}
    for row, kernel in enumerate(kernels.names()):
        cells = " | ".join(f"{ratios[index][row]:.2f}" for index, _ in others)
        print(f"| {kernel} | {best[first][kernel]:.2f} | {cells} |")
    means = (math.exp(sum(map(math.log, ratios[index])) / len(ratios[index])) for index, _ in others)
    print("| geometric mean | | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="requests of each function for each kernel")
    parser.add_argument("--simd", action="store_true", help="let the compiler use WebAssembly's vectors")
    parser.add_argument("--build", default=str(root / ".build/release"), help="folder of the node and its plugins")
    parser.add_argument("--sdk", default=str(root / ".build-sdk"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(folder, options.sdk, options.simd)
        Path(f"{folder}/node.toml").write_text(config)
        port = cold.free_port()
        node = cold.start(
            [f"{options.build}/dandelion", "serve", "--config", f"{folder}/node.toml", "--listen", f"127.0.0.1:{port}",
             "--state", f"{folder}/state"], folder, "node")
        try:
            able = register(port, folder)
            await_optimised(folder)
            report(able, measure(port, able, options.rounds))
        finally:
            node.terminate()
            node.wait()


if __name__ == "__main__":
    main()
