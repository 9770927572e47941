#!/usr/bin/env python3
"""What replacing a plugin costs the requests that run meanwhile: how many are lost, and their latency beside the others'.

Requests arrive at a fixed rate, open loop, at a function of an isolation backend. For half of each period the plugin's file is
replaced by one with other bytes and `reload` is ordered, again and again; the other half is quiet. All of it is one run of one
node, whose plugins are copies in a folder of their own. Prints Markdown; exit code 1 when a request was lost or a reload refused.
Usage: reload.py [--class CLASS] [--rate N] [--seconds N] [--node FILE]; expects a built node, see `./dev build`.
"""

import argparse
import os
import shutil
import sys
import threading
import time
from pathlib import Path

from suite import load, stats
from suite.bench import ROOT, Bench, progress
from suite.node import Node, register_matmul

PERIOD = 10  # seconds: half quiet, half with reloads
PLUGINS = {"process": "Process", "kvm": "KVM", "rwasm": "RWasm"}


class Upgrades(threading.Thread):
    """Replaces the plugin in the second half of each period; `times` are begin and end of each, seconds since `start`."""

    def __init__(self, node, name, file, start, seconds):
        super().__init__(daemon=True)
        self.node, self.name, self.file, self.start_time, self.seconds = node, name, file, start, seconds
        self.original = file.read_bytes()
        self.times, self.refused = [], []

    def now(self):
        return time.monotonic() - self.start_time

    def run(self):
        while (now := self.now()) < self.seconds:
            if now % PERIOD < PERIOD / 2:
                time.sleep(0.01)
                continue
            self.replace()
            time.sleep(0.2)

    def replace(self):
        # Bytes behind the sections make another file of the same plugin; renamed, as installers do.
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(self.original + f"upgrade {len(self.times)}".encode())
        os.rename(fresh, self.file)
        begin = self.now()
        status, _, reply = self.node.request("POST", f"/v1/plugins/{self.name}/reload")
        self.times.append((begin, self.now()))
        if status != 200:
            self.refused.append(reply.decode(errors="replace"))


def measure(bench, options):
    folder = bench.work / "plugins"
    folder.mkdir()
    for name in PLUGINS.values():
        shutil.copy(Path(options.node).parent / f"libDandelion{name}.so", folder)
    # A line more, in the place of one that the command line overrides.
    settings = {"state": f'"state"\nplugin_directory = "{folder}"', "log": '"warning"'}
    with Node(bench, settings=settings) as node:
        register_matmul(bench, node, options.run_class)
        schedule = load.steady(int(options.rate * options.seconds), options.rate)
        file = folder / f"libDandelion{PLUGINS[options.run_class]}.so"
        bench.helper("load/replay.c")
        kind = load.Kind("/v1/invoke/matmul", bench.matrix(16), bench.product(16))
        load.play(bench, node.port, [kind], load.steady(100, options.rate))
        upgrades = Upgrades(node, options.run_class, file, time.monotonic(), options.seconds)
        upgrades.start()
        outcome = load.play(bench, node.port, [kind], schedule)
        upgrades.join()
    return outcome, upgrades


def row(name, latencies):
    def cell(value):
        return "-" if value is None else f"{value / 1000:.2f}"

    values = [stats.median(latencies), stats.p99(latencies), stats.p999(latencies), max(latencies, default=None)]
    print(f"| {name} | {len(latencies)} | " + " | ".join(cell(value) for value in values) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--class", dest="run_class", choices=PLUGINS, default="process")
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--node", default=ROOT / ".build/release/dandelion")
    options = parser.parse_args()
    bench = Bench(False, options.node)
    try:
        progress(f"{options.seconds:.0f} s at {options.rate:.0f} requests/s")
        outcome, upgrades = measure(bench, options)
    finally:
        bench.close()
    # The start of the generator and ours are a few milliseconds apart.
    ranges = [(begin - 0.05, end + 0.05) for begin, end in upgrades.times]

    def meets(due, latency):
        return any(due <= end and due + latency / 1e6 >= begin for begin, end in ranges)

    during = [latency for _, due, latency in outcome.samples if meets(due, latency)]
    quiet = [latency for _, due, latency in outcome.samples if not meets(due, latency)]
    took = stats.median([end - begin for begin, end in upgrades.times])
    print(f"## Reload under load: class `{options.run_class}`, {options.rate:.0f} requests/s, {len(bench.cpus)} CPUs\n")
    print(f"{len(upgrades.times)} reloads, {len(upgrades.refused)} refused, median {(took or 0) * 1000:.0f} ms; ", end="")
    print(f"{outcome.describe()}, {outcome.failures} lost.\n")
    print("| requests | count | p50 ms | p99 ms | p99.9 ms | largest ms |\n|---|---|---|---|---|---|")
    row("no reload meanwhile", quiet)
    row("a reload meanwhile", during)
    before, after = stats.p99(quiet), stats.p99(during)
    if before and after:
        print(f"\np99 with a reload is {after / before:.2f} times that without.")
    for reason in upgrades.refused:
        print(f"reload.py: refused: {reason}", file=sys.stderr)
    if outcome.failures or upgrades.refused:
        sys.exit(1)


if __name__ == "__main__":
    main()
