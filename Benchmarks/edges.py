#!/usr/bin/env python3
"""What an edge between two functions costs by size: microseconds, and how many copies that is.

Chains of echo functions run on a node; the time from one chain's length to the next is divided by the time that memmove takes
for as many bytes on this machine. `echo` hands its input on without copying it, so what is counted are the node's copies.
Prints Markdown. Usage: edges.py [--class CLASS] [--rounds N]; expects a built node, see `./dev build`.
"""
import argparse
import ctypes
import http.client
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = [4 << 10, 64 << 10, 1 << 20, 64 << 20]
LENGTHS = [1, 5]


def build_echo(folder):
    sdk = folder / "sdk"
    subprocess.run([ROOT / "SDK/build.sh", "--freestanding", sdk], check=True, stdout=subprocess.DEVNULL)
    source = ROOT / "Examples/functions/echo.c"
    subprocess.run(["clang", f"--config={sdk}/dandelion-freestanding.cfg", source, "-o", folder / "echo"], check=True)
    return (folder / "echo").read_bytes()


def start_node(folder, executable):
    config = folder / "node.toml"
    text = (ROOT / "Config/dandelion.toml").read_text().replace('max_body = "64MiB"', 'max_body = "128MiB"')
    config.write_text(text)
    node = subprocess.Popen(
        [executable, "serve", "--config", config, "--listen", "127.0.0.1:0", "--state", folder / "state"],
        stdout=subprocess.PIPE, stderr=open(folder / "log", "w"), text=True)
    for line in node.stdout:
        if line.startswith("Socket ready"):
            break
    found = re.search(r"serving on 127\.0\.0\.1:(\d+)", (folder / "log").read_text())
    if not found:
        sys.exit((folder / "log").read_text())
    return node, int(found.group(1))


def request(client, method, path, body):
    client.request(method, path, body)
    reply = client.getresponse()
    answer = reply.read()
    if reply.status >= 300:
        sys.exit(f"{method} {path}: {reply.status} {answer[:500]!r}")
    return reply, answer


def chain(length):
    calls = "".join(f"echo(in = all s{i}) => (s{i + 1} = out); " for i in range(length))
    return f"function echo(in) => (out); composition Chain{length}(s0) => (s{length}) {{ {calls}}}"


def stages(reply):
    """Microseconds by stage, from Server-Timing."""
    text = reply.getheader("server-timing")
    return {name: float(value) * 1000 for name, value in re.findall(r"(\w+);dur=([0-9.]+)", text)}


def median_stages(client, length, body, rounds):
    samples = []
    for _ in range(rounds):
        reply, answer = request(client, "POST", f"/v1/invoke/Chain{length}", body)
        if answer != body:
            sys.exit(f"a chain of {length} changed {len(body)} bytes")
        samples.append(stages(reply))
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


def copy_time(size, rounds):
    """Microseconds of one memmove between buffers that have their pages."""
    source, target = ctypes.create_string_buffer(os.urandom(size), size), ctypes.create_string_buffer(size)
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter_ns()
        ctypes.memmove(target, source, size)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return statistics.median(times[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--class", dest="run_class", default="process")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--node", default=ROOT / ".build/release/dandelion")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        image = build_echo(folder)
        node, port = start_node(folder, options.node)
        try:
            client = http.client.HTTPConnection("127.0.0.1", port)
            request(client, "PUT", f"/v1/functions/echo?class={options.run_class}&inputs=in&outputs=out", image)
            for length in LENGTHS:
                request(client, "PUT", f"/v1/compositions/Chain{length}", chain(length))
            print(f"## An edge between two functions, class `{options.run_class}`, us\n")
            print("| bytes | whole edge | input and output stage | one memmove | copies |\n|---|---|---|---|---|")
            small = None
            for size in SIZES:
                body = os.urandom(size)
                rounds = max(5, options.rounds * (1 << 20) // max(size, 1 << 20))
                short, long = (median_stages(client, length, body, rounds) for length in LENGTHS)
                edges = LENGTHS[1] - LENGTHS[0]
                edge = {name: (long[name] - short[name]) / edges for name in long}
                data = edge["input"] + edge["output"]
                small = data if small is None else small
                copy = copy_time(size, rounds)
                # What 4 KiB cost is not copying.
                copies = f"{(data - small) / copy:.2f}" if size > SIZES[0] else "-"
                print(f"| {size} | {edge['total']:.1f} | {data:.1f} | {copy:.1f} | {copies} |", flush=True)
        finally:
            node.terminate()
            node.wait()


if __name__ == "__main__":
    main()
