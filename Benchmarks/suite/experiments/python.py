"""Python functions: a handler that begins from its snapshot, beside fresh and forked interpreters and the floor in C; and how fast
the interpreter is beside Debian's."""

import json
import os
import struct
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from .. import load, stats
from ..bench import ROOT, Unavailable, progress
from ..load import Kind
from ..node import Node, memory
from ..report import Section, Target

TITLE = "Python functions"
CLASSES = ("kvm", "process")
SOURCES = ROOT / "Benchmarks/python"
IMAGE = ROOT / ".build-sdk/python/python"
SPEED = ["richards", "deltablue", "nbody", "fannkuch", "chaos", "pidigits", "json_loads", "json_dumps", "regex_compile"]
PERFORMANCE = "pyperformance==1.11.0"
FLIGHT = 100


def documents(bench):
    """Files with a request of one KiB and its answer."""
    document = {"name": "order", "items": [{"n": n, "text": "x" * 20} for n in range(20)]}
    document["rest"] = "y" * (1024 - len(json.dumps(document)) - len(', "rest": ""'))
    body = json.dumps(document).encode()
    answer = json.dumps(document | {"sum": sum(range(20))}).encode()
    return bench.write("document", body), bench.write("answer", answer)


def register_python(node, class_name, memory_limit="64MiB"):
    boundary = b"dandelion-bench"
    parts = [("image", "python", IMAGE), ("code", "function.py", SOURCES / "function.py")]
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n' % (
            boundary, set.encode(), name.encode(), path.read_bytes()) for set, name, path in parts)
    status, _, reply = node.request(
        "PUT", f"/v1/functions/python?class={class_name}&inputs=documents,code&outputs=out&memory={memory_limit}",
        body + b"--%s--\r\n" % boundary, {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"})
    if status != 201:
        raise Unavailable(json.loads(reply)["detail"])


def under_load(bench, node, kind, peak, seconds, found):
    played = load.play(bench, node.port, [kind], load.poisson(peak * 0.8, seconds), cpu=bench.load_cpu)
    found["80 %"] = {"p50": stats.median(played.latencies()), "p99": stats.p99(played.latencies()), "rate": played.rate}


def measure(bench, class_name, register, kind, requests):
    """Unloaded, at the highest rate of one core, and at 80 % of that."""
    found = {}
    with Node(bench, bench.node_cpu) as node:
        register(node)
        found["alone"] = load.client(bench, node.port, kind, requests, 50, cpu=bench.load_cpu)
        found["idle"] = memory(node.pid)
        peak = load.client(bench, node.port, kind, requests * 2, 100, connections=16, cpu=bench.load_cpu)["rate"]
        found["peak"] = peak
        under_load(bench, node, kind, peak, bench.scale(10, 2), found)
    return found


def in_flight(bench, class_name, kind, requests):
    """Memory of a node of all CPUs at rest, and at its most with 100 requests in flight, bytes."""
    with Node(bench) as node:
        register_python(node, class_name)
        load.client(bench, node.port, kind, 50, 10)
        idle, most = memory(node.pid), 0
        client = subprocess.Popen([
            str(word) for word in (bench.helper("load/loadgen.c"), "--port", node.port, "--path", kind.path, "--method", "POST",
                                   "--body", kind.body, "--requests", requests, "--warmup", 0, "--connections", FLIGHT)],
            stdout=subprocess.DEVNULL)
        while client.poll() is None:
            most = max(most, memory(node.pid))
    return idle, most


def timed(runs, once):
    samples = []
    for _ in range(runs):
        begun = time.perf_counter()
        once()
        samples.append((time.perf_counter() - begun) * 1e6)
    return {"p50": stats.median(samples), "p99": stats.p99(samples), "rate": 1e6 / (sum(samples) / len(samples))}


def fresh_interpreter(body, expected, runs):
    program = f"import sys\nsys.path.insert(0, {str(SOURCES)!r})\n" + (SOURCES / "function.py").read_text().split("from dandelion")[0] + (
        "\ndef answer" + (SOURCES / "function.py").read_text().split("def answer")[1]) + "\nsys.stdout.buffer.write(answer(sys.stdin.buffer.read()))\n"

    def once():
        done = subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", program], input=body, capture_output=True, check=True)
        if done.stdout != expected:
            raise RuntimeError("the fresh interpreter's answer is wrong")
    return timed(runs, once)


def fork_server(body, expected, runs):
    with subprocess.Popen(["/usr/bin/python3", "-I", "-S", SOURCES / "forkserver.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        def once():
            server.stdin.write(struct.pack("<I", len(body)) + body)
            server.stdin.flush()
            if server.stdout.read(struct.unpack("<I", server.stdout.read(4))[0]) != expected:
                raise RuntimeError("the fork server's answer is wrong")
        try:
            return timed(runs, once)
        finally:
            server.stdin.close()


def benchmarks():
    """pyperformance's benchmarks, from the package index."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "dandelion/bench", PERFORMANCE)
    if not folder.exists():
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, PERFORMANCE],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Unavailable(f"pip could not download {PERFORMANCE}: {done.stderr.strip()[-200:]}")
            with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as archive:
                archive.extractall(folder)
    return next(folder.glob("**/data-files/benchmarks"))


def seconds(text):
    return {name: float(value) for name, value in (line.split() for line in text.splitlines() if line)}


def speed(bench):
    """(benchmark, seconds of Debian's interpreter, seconds in a sandbox), in turns; the better of two."""
    node, cpu = bench.node, str(bench.cpus[0])
    for name in SPEED:
        best = {}
        for _ in range(2):
            with tempfile.TemporaryDirectory() as folder:
                for file in [*(benchmarks() / f"bm_{name}").glob("*.py"), SOURCES / "pyperf.py"]:
                    Path(folder, file.name).write_bytes(file.read_bytes())
                native = bench.run(["taskset", "-c", cpu, "/usr/bin/python3", "-S", "-B", Path(folder, "run_benchmark.py")])
                sandbox = bench.run(["taskset", "-c", cpu, node, "run", "--class", "process", "--env", "DANDELION_CLOCK=processor", "--in",
                                     f"code={folder}", IMAGE, "/code/run_benchmark.py"], stdin=subprocess.DEVNULL)
            for kind, text in (("native", native), ("sandbox", sandbox)):
                for key, value in seconds(text).items():
                    best[key, kind] = min(value, best.get((key, kind), value))
        for key in dict.fromkeys(key for key, _ in best):
            yield key, best[key, "native"], best[key, "sandbox"]


def speed_table(bench, section):
    progress("python: speed of the interpreter")
    rows = [(name, native * 1000, sandbox * 1000, sandbox / native) for name, native, sandbox in speed(bench)]
    mean = 1.0
    for row in rows:
        mean *= row[3] ** (1 / len(rows))
    section.text(f"Benchmarks of {PERFORMANCE}, ms, the best of 14 runs each, in turns on one CPU:")
    section.table(["", "Debian's python3", "in a sandbox", "ratio"], [*rows, ["geometric mean", None, None, mean]])
    section.targets.append(Target("pure Python: time / Debian's python3", mean, 1.05, False))


def class_rows(bench, class_name, kind, requests, section, fresh):
    progress(f"python: class {class_name}")
    python = measure(bench, class_name, lambda node: register_python(node, class_name), kind, requests)
    floor = measure(bench, class_name, lambda node: node.register(
        "begin", bench.program("Benchmarks/functions/begin.c"), class_name, "in", "out"), Kind("/v1/invoke/begin", kind.body, kind.body), requests)
    idle, most = in_flight(bench, class_name, kind, requests)
    section.text(f"Class `{class_name}`: {idle >> 20} MiB at rest, {most >> 20} MiB at most with {FLIGHT} requests in flight.")
    for name, found in (("handler", python), ("floor in C from a snapshot", floor)):
        yield [f"{class_name}: {name}, alone", found["alone"]["p50"], found["alone"]["p99"], found["peak"]]
        yield [f"{class_name}: {name}, at 80 %", found["80 %"]["p50"], found["80 %"]["p99"], found["80 %"]["rate"]]
    section.targets += [
        Target(f"{class_name}: p50 over HTTP, ms", python["alone"]["p50"] / 1000, 0.5, False),
        Target(f"{class_name}: p99 over HTTP, ms", python["alone"]["p99"] / 1000, 1, False),
        Target(f"{class_name}: requests/s of a core", python["peak"], 2000, True),
        Target(f"{class_name}: fresh interpreter's p50 / ours", fresh["p50"] / python["alone"]["p50"], 10, True),
    ]


def run(bench):
    if not IMAGE.exists():
        raise Unavailable(f"there is no {IMAGE.relative_to(ROOT)}; ./dev python builds it")
    section, requests = Section(TITLE), bench.scale(2000, 200)
    body, answer = documents(bench)
    runs = bench.scale(300, 100)
    progress("python: fresh and forked interpreters")
    fresh = fresh_interpreter(body.read_bytes(), answer.read_bytes(), runs)
    forked = fork_server(body.read_bytes(), answer.read_bytes(), runs * 3)
    kind = Kind("/v1/invoke/python", body, answer)
    rows = []
    for class_name in CLASSES:
        try:
            rows += class_rows(bench, class_name, kind, requests, section, fresh)
        except Unavailable as reason:
            section.text(f"Class `{class_name}`: {reason}")
    rows += [[f"python3 -I -S started anew (no HTTP)", fresh["p50"], fresh["p99"], fresh["rate"]],
             ["fork of a ready interpreter (no HTTP, no isolation)", forked["p50"], forked["p99"], forked["rate"]]]
    section.text("A handler parses and returns 1 KiB of JSON; times in us, a fresh sandbox for each request, the node on one CPU.")
    section.table(["", "p50", "p99", "requests/s"], rows)
    try:
        speed_table(bench, section)
    except Unavailable as reason:
        section.text(f"Speed: {reason}")
    return section
