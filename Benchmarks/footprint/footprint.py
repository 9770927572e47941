#!/usr/bin/env python3
"""What one warm invocation of a small WebAssembly function costs the node in user space, counted by callgrind (Debian: valgrind),
not timed: the same build and input give the same count whatever else the machine does.

    footprint.py                     counts all kinds of request and prints a table
    footprint.py --functions 40 hot  and the functions in which the instructions of that kind are
    footprint.py --callers swift_retain hot      and who calls a function
    footprint.py --check             fails if a count is more than 3 % above the committed figures.json
    footprint.py --write             writes figures.json anew

Expects a built node, see `./dev build`.
"""

import argparse
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.dont_write_bytecode = True

import callgrind  # noqa: E402
from suite.bench import ROOT, Bench, Unavailable, free_port  # noqa: E402

FIGURES = Path(__file__).with_name("figures.json")
REQUESTS, WARMUP, RISE = 400, 100, 1.03
ZEROING = ("memset", "__memset_avx2_unaligned_erms", "__memset_avx512_unaligned_erms", "__memset_evex_unaligned_erms")
LIBRARIES = ("libDandelionRWasm.so",)
CONFIG = """
[node]
listen = "127.0.0.1:{port}"
state = "{work}/state"
cores = 1
console = false
[plugins.rwasm]
path = "{work}/libDandelionRWasm.so"
[plugins.rwasm.config]
slots = 1
stack_kib = 512
optimise = false
[classes.default]
backends = ["rwasm"]
"""
COMPOSITION = b"function matmul(i) => (o); composition Two(a) => (b) { matmul(i = all a) => (x = o); matmul(i = all x) => (b = o); }"


def bson(value):
    """Of a list of (name, text, bytes, integer, list of documents or document)."""
    out = b""
    for name, item in value:
        key = name.encode() + b"\0"
        if isinstance(item, str):
            out += b"\x02" + key + struct.pack("<i", len(item) + 1) + item.encode() + b"\0"
        elif isinstance(item, bytes):
            out += b"\x05" + key + struct.pack("<iB", len(item), 0) + item
        elif isinstance(item, int):
            out += b"\x12" + key + struct.pack("<q", item)
        else:
            out += b"\x04" + key + bson([(str(index), each) for index, each in enumerate(item)]) if isinstance(item, tuple) else b"\x03" + key + bson(item)
    return struct.pack("<i", len(out) + 5) + out + b"\0"


def document(name):
    item = [("identifier", ""), ("key", 0), ("data", struct.pack("<2q", 1, 2))]
    return bson([("name", name), ("sets", ([("identifier", "i"), ("items", (item,))],))])


KINDS = {
    "hot": ("/hot/x", document("matmul")),
    "cold": ("/cold/x", document("matmul")),
    "invoke": ("/v1/invoke/matmul", struct.pack("<2q", 1, 2)),
    "composition": ("/v1/invoke/Two", struct.pack("<2q", 1, 2)),
}


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))

    def request(self, method, path, body):
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = self.socket.recv(65536)
            if not part:
                raise RuntimeError(f"{path}: the connection was closed: {answer[:300]!r}")
            answer += part
        head, rest = answer.split(b"\r\n\r\n", 1)
        wanted = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        while len(rest) < wanted:
            rest += self.socket.recv(65536)
        if not 200 <= int(head.split()[1]) < 300:
            raise RuntimeError(f"{path}: {answer[:600]!r}")

    def run(self, kind, count):
        path, body = KINDS[kind]
        for _ in range(count):
            self.request("POST", path, body)
            time.sleep(0.001)


class Counted:
    """A node under callgrind, with the functions registered; to be used in `with`."""

    def __init__(self, bench, build):
        self.work, self.port = bench.work, free_port()
        self.module = bench.module("Examples/functions/matmul.c")
        for file in ("dandelion", *LIBRARIES):
            # Valgrind does not know all of the toolchain's debug information.
            bench.run(["objcopy", "--strip-debug", build / file, self.work / file])
        config = bench.write("node.toml", CONFIG.format(port=self.port, work=self.work))
        preload = bench.helper("footprint/spawn.c", "-shared", "-fPIC")
        self.log = self.work / "log"
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-instr=yes", f"--callgrind-out-file={self.work}/counts",
             self.work / "dandelion", "serve", "--config", config], stdout=open(self.log, "w"), stderr=subprocess.STDOUT,
            env=os.environ | {"LD_PRELOAD": str(preload), "NODE": str(self.work / "dandelion")})

    def register(self):
        self.await_start()
        self.client = Client(self.port)
        self.client.request("PUT", "/v1/functions/matmul?inputs=i&outputs=o", self.module.read_bytes())
        self.client.request("PUT", "/v1/compositions/Two", COMPOSITION)

    def await_start(self):
        end = time.monotonic() + 120
        while "Socket ready" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise Unavailable(f"the node did not start under valgrind: {self.log.read_text()[-2000:]}")
            time.sleep(0.2)

    def control(self, *arguments):
        subprocess.run(["callgrind_control", *arguments, str(self.process.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def count(self, kind):
        self.client.run(kind, WARMUP)
        self.control("-z")
        self.control("-i", "on")
        self.client.run(kind, REQUESTS)
        self.control("-i", "off")
        before = set(self.work.glob("counts*"))
        self.control("-d")
        end = time.monotonic() + 60
        while not (made := set(self.work.glob("counts*")) - before) or not max(made).read_text().rstrip().split("\n")[-1].startswith("totals"):
            if time.monotonic() > end:
                raise Unavailable("callgrind wrote no counts")
            time.sleep(0.2)
        return callgrind.read(max(made))

    def __enter__(self):
        try:
            self.register()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        status = self.process.poll()
        self.process.terminate()
        self.process.wait()
        if kind:
            end = "ran on" if status is None else f"had ended with {status}"
            print(f"the node {end}; its log ends:\n{self.log.read_text()[-2000:]}", file=sys.stderr)


def figures(counts):
    zeroing = sum(counts.functions[name] for name in ZEROING)
    return {
        "instructions": round((counts.instructions() - zeroing) / REQUESTS),
        "lines": sum(counts.touched(callgrind.LINE, REQUESTS).values()),
        "pages": sum(counts.touched(callgrind.PAGE, REQUESTS).values()),
        "allocations": round(counts.allocations() / REQUESTS, 1),
    }


def compare(found):
    """Prints the table; names what rose."""
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    print("| request | instructions without zeroing | code lines | code pages | allocations |\n|---|---|---|---|---|")
    rose = []
    for kind, values in found.items():
        cells = []
        for name, value in values.items():
            before = known.get(kind, {}).get(name)
            cells.append(f"{value} ({before})" if before is not None else str(value))
            if before is not None and value > before * RISE + (0.5 if name == "allocations" else 0):
                rose.append(f"{kind}: {name} rose from {before} to {value}")
        print(f"| {kind} | {' | '.join(cells)} |")
    return rose


def tell_functions(counts, many):
    for name, count in counts.functions.most_common(many):
        print(f"{count / REQUESTS:9.1f}  {name[:150]}")


def tell_callers(counts, called):
    callers = Counter({caller: count for (caller, each), count in counts.calls.items() if each == called})
    for name, count in callers.most_common(60):
        print(f"{count / REQUESTS:9.1f}  {name[:150]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all without")
    parser.add_argument("--build", type=Path, default=ROOT / ".build/release", help="folder of the node and its plugins")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="name the N dearest functions")
    parser.add_argument("--callers", metavar="FUNCTION", help="name who calls that function, and how often")
    parser.add_argument("--check", action="store_true", help="fail on a rise of more than 3 %%")
    parser.add_argument("--write", action="store_true", help="keep the counts as figures.json")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"no kind of request is called {unknown.pop()!r}: {', '.join(KINDS)}")
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed: apt-get install valgrind")
    bench, found = Bench(True, options.build / "dandelion"), {}
    try:
        with Counted(bench, options.build) as node:
            for kind in options.kinds or KINDS:
                counts = node.count(kind)
                found[kind] = figures(counts)
                if options.functions:
                    print(f"\n{kind}, instructions a request:")
                    tell_functions(counts, options.functions)
                if options.callers:
                    print(f"\n{kind}, calls of {options.callers} a request:")
                    tell_callers(counts, options.callers)
    finally:
        bench.close()
    rose = compare(found)
    if options.write:
        FIGURES.write_text(json.dumps(found, indent=1) + "\n")
    if options.check and rose:
        sys.exit("\n".join(["more than 3 % above figures.json:", *rose]))


if __name__ == "__main__":
    main()
