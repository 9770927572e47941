#!/usr/bin/env python3
"""Measures the Star Schema Benchmark's queries on a node and in DuckDB, on the same CPUs: measure.py SCALE_FACTOR ROUNDS. Prints JSON:
for each system and query the latency (s) and the core-seconds of the best round, and the memory of both. The node and DuckDB read the
same files from the same S3 server; DuckDB reads them from the file system, too. Nobody keeps anything between queries: DuckDB has a new
database for each, the node fresh sandboxes."""

import concurrent.futures
import json
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb
import duckdb_extension_httpfs
import running
from dandelion_sql import manifest, planner, storage, table
from dandelion_sql.composition import Composition
from dandelion_sql.node import Node
from ssb import write

QUERIES = dict(re.findall(r"-- (Q\d\.\d)\n(.*?);", (running.HERE / "ssb/queries.sql").read_text(), re.S))
TICKS = os.sysconf("SC_CLK_TCK")


def processes(pid):
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [each for child in task.read_text().split() for each in processes(int(child))]
        except OSError:
            continue
    return found


def core_seconds(pid):
    """Processor time of a process, those below it and those that ended."""
    total = 0
    for each in processes(pid):
        try:
            words = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(word) for word in words[11:15 if each == pid else 13])
    return total / TICKS


def memory(pid):
    """Proportional set size of a process and those below it, bytes."""
    total = 0
    for each in processes(pid):
        try:
            total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text(), re.M)[1]) * 1024
        except (OSError, TypeError):
            continue
    return total


class Most:
    """The most memory of a process while the block runs."""

    def __init__(self, pid):
        self.pid, self.bytes, self.done = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(0.1):
            self.bytes = max(self.bytes, memory(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class OnNode:
    def __init__(self, address, pid, place):
        self.pid, self.place = pid, storage.at(place)
        self.known = manifest.parse(self.place.read(manifest.NAME), place)
        self.address = address
        with Node(address) as node:
            self.operators = node.register_operators(running.BUILT / "sql", "512MiB")

    def query(self, sql):
        """Rows, from text to text: planning is part of it."""
        with Node(self.address) as node:
            composition = Composition(planner.plan(sql, self.known), self.place, self.operators)
            node.register_composition(composition)
            data, _ = node.invoke(composition.name, composition.inputs)
        return table.read(data)[1]

    def measured(self, sql):
        before, begun = core_seconds(self.pid), time.perf_counter()
        rows = self.query(sql)
        return rows, time.perf_counter() - begun, core_seconds(self.pid) - before


def used():
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime


def duckdb_query(data, names, sql):
    """Rows, latency and core-seconds in a new database, whose tables are known beforehand."""
    database = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": len(os.sched_getaffinity(0))})
    database.execute("set enable_progress_bar = false")
    if data.startswith("s3://"):
        extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension*"))
        database.execute(f"load '{extension}'")
        endpoint = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
        database.execute(f"create secret (type s3, key_id '{running.KEY}', secret '{running.SECRET}', endpoint '{endpoint}', use_ssl false, url_style 'path')")
    for name, files in names.items():
        database.execute(f"create view {name} as select * from read_parquet({[f'{data}/{file}' for file in files]!r})")
    before, begun = used(), time.perf_counter()
    rows = database.execute(sql).fetchall()
    return rows, time.perf_counter() - begun, used() - before


def in_duckdb(data, names, sql):
    """The same in a process of its own, and the most memory of that."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(duckdb_child, (data, names, sql))


def duckdb_child(data, names, sql):
    return *duckdb_query(data, names, sql), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def same(ours, theirs):
    return sorted(map(str, ours)) == sorted(map(str, theirs))


def best(rounds, once):
    found = [once() for _ in range(rounds)]
    return min(found, key=lambda one: one[1])


def at_once(node, count=8):
    """How long some queries take one after another, and all at once."""
    queries = list(QUERIES.values())[:count]
    begun = time.perf_counter()
    for sql in queries:
        node.query(sql)
    alone = time.perf_counter() - begun
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        list(pool.map(node.query, queries))
    return {"one after another": alone, "at once": time.perf_counter() - begun, "queries": count}


def measure(node, folder, place, names, rounds):
    result = {"queries": {}, "duckdb memory": 0}
    for sql in QUERIES.values():
        node.query(sql)  # the shapes of the queries are registered once
    time.sleep(1.5)
    result["memory before"] = memory(node.pid)
    with Most(node.pid) as most:
        for name, sql in QUERIES.items():
            ours = best(rounds, lambda: node.measured(sql))
            stored = best(rounds, lambda: in_duckdb(place, names, sql))
            local = best(rounds, lambda: in_duckdb(str(folder), names, sql))
            result["queries"][name] = {"node": ours[1:3], "duckdb s3": stored[1:3], "duckdb local": local[1:3], "same": same(ours[0], stored[0])}
            result["duckdb memory"] = max(result["duckdb memory"], stored[3])
    result["memory most"] = most.bytes
    time.sleep(1)
    result["memory after"] = memory(node.pid)
    result["eight"] = at_once(node)
    return result


def main(arguments):
    factor, rounds = float(arguments[0]), int(arguments[1])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        made = write.write(factor, folder / "data")
        names = {name: [group["path"] for group in one["groups"]] for name, one in made["tables"].items()}
        with running.s3_server(folder / "s3") as (endpoint, _):
            place = running.upload(folder / "data", "ssb")
            with running.node(folder / "node", endpoint=endpoint) as (address, process):
                result = measure(OnNode(address, process.pid, place), folder / "data", place, names, rounds)
    result["partitions"] = len(names["lineorder"])
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
