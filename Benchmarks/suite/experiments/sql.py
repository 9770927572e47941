"""Queries over Parquet files in an S3 server: the Star Schema Benchmark on a node, beside DuckDB on the same CPUs (the paper's Figure 9)."""

import json
import math
import os
import subprocess

from ..bench import ROOT, Unavailable, progress
from ..report import Section, Target

TITLE = "Queries over object storage"
PYTHON = ROOT / ".build-sql/venv/bin/python"
BUILT = ROOT / ".build-sql"


def measured(bench, factor, rounds):
    for path in (PYTHON, BUILT / "sql", BUILT / "libDandelionS3.so"):
        if not path.exists():
            raise Unavailable(f"there is no {path.relative_to(ROOT)}; ./dev demo sql makes it")
    progress(f"sql: scale factor {factor}")
    done = subprocess.run([PYTHON, ROOT / "Examples/sql/measure.py", str(factor), str(rounds)], capture_output=True, text=True, check=False,
                          env=os.environ | {"DANDELION": str(bench.node)})
    if done.returncode != 0:
        raise RuntimeError(f"Examples/sql/measure.py: {done.stderr[-1000:]}")
    return json.loads(done.stdout)


def mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def run(bench):
    factor, rounds = bench.scale((1, 3), (0.1, 2))
    found = measured(bench, factor, rounds)
    queries = found["queries"]
    wrong = [name for name, query in queries.items() if not query["same"]]
    if wrong:
        raise RuntimeError(f"the answers of {', '.join(wrong)} are not DuckDB's")
    section = Section(TITLE)
    section.text(
        f"The Star Schema Benchmark at scale factor {factor}, Parquet files with {found['partitions']} partitions of the fact table. The best of {rounds} rounds: "
        "latency in ms, from SQL to rows, and core-seconds of the system, without the S3 server's, which runs on the same CPUs. DuckDB has a "
        "new database for each query and all CPUs; the node has fresh sandboxes.")
    systems = ("node", "duckdb s3", "duckdb local")
    rows = [[name, *(value for system in systems for value in (query[system][0] * 1000, query[system][1]))] for name, query in queries.items()]
    means = [mean(max(query[system][part], 0.001) for query in queries.values()) for system in systems for part in (0, 1)]
    rows.append(["geometric mean", *(value * (1 if place % 2 else 1000) for place, value in enumerate(means))])
    section.table(["", "node, S3: ms", "core-s", "DuckDB, S3: ms", "core-s", "DuckDB, files: ms", "core-s"], rows)
    eight, megabyte = found["eight"], 1 << 20
    section.text(
        f"Memory of the node: {found['memory before'] / megabyte:.0f} MiB at rest, {found['memory most'] / megabyte:.0f} MiB at most, "
        f"{found['memory after'] / megabyte:.0f} MiB a second after the last query; of DuckDB {found['duckdb memory'] / megabyte:.0f} MiB at most. "
        f"{eight['queries']} queries one after another: {eight['one after another'] * 1000:.0f} ms; at once: {eight['at once'] * 1000:.0f} ms.")
    section.targets += [
        Target("latency / DuckDB's from S3, geometric mean", means[0] / means[2], 1.0, False),
        Target("core-seconds / DuckDB's from S3, geometric mean", means[1] / means[3], 1.3, False),
        Target("8 queries at once / one after another", eight["at once"] / eight["one after another"], 1.1, False),
    ]
    return section
