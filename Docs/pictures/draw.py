#!/usr/bin/env python3
"""Draws the examples' compositions as Docs/pictures/NAME.svg, by `dandelion graph` and Graphviz; each file holds what it was drawn from.

    draw.py            draws them
    draw.py --check    compares them with what would be drawn now, for which Graphviz is not needed

DANDELION names another program than that of a release build. The query's text comes from the packages of Examples/sql."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape, unescape

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DANDELION = os.environ.get("DANDELION", str(ROOT / ".build/release/dandelion"))
TEXTS = {"log-processing": "Examples/log-processing/log.dandelion", "text2sql": "Examples/text2sql/text2sql.dandelion",
         "tools": "Examples/tools/turn.dandelion"}
# Two tables are joined with a third one, whose partitions are fetched and computed side by side.
QUERY = """select d_year, c_nation, sum(lo_revenue) from lineorder, date, customer
    where lo_orderdate = d_datekey and lo_custkey = c_custkey and c_region = 'ASIA' group by d_year, c_nation"""
# The S3 plugin of Examples/plugins/s3 beside what is built in.
CONFIG = """
[plugins.s3]
path = "libDandelionS3.so"
[functions.S3]
plugin = "s3"
protocol = "s3"
"""


def query():
    """The composition of a query over S3."""
    sys.path.insert(0, str(ROOT / "Examples/sql"))
    from dandelion_sql import composition, planner, storage
    from ssb import write

    os.environ.update(AWS_ENDPOINT_URL="http://127.0.0.1", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    with tempfile.TemporaryDirectory() as folder:
        plan = planner.plan(QUERY, write.write(0.001, Path(folder)))
    made = composition.Composition(plan, storage.S3("warehouse", "ssb"), "sql")
    return made.text.replace(made.name, "query")


def graph(text):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(subprocess.run([DANDELION, "default-config"], check=True, capture_output=True, text=True).stdout + CONFIG)
        config.flush()
        return subprocess.run([DANDELION, "graph", "-", "--config", config.name], input=text, check=True, stdout=subprocess.PIPE, text=True).stdout


def drawn(source):
    svg = subprocess.run(["dot", "-Tsvg"], input=source, check=True, stdout=subprocess.PIPE, text=True).stdout
    head, _, rest = svg.partition("<g ")
    return f"{head}<metadata>{escape(source)}</metadata>\n<g {rest}"


def source_of(path):
    """What a picture was drawn from."""
    return unescape(path.read_text().partition("<metadata>")[2].partition("</metadata>")[0]) if path.exists() else ""


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(f"draw: unknown argument '{arguments[0]}'; there is --check")
    sources = {name: graph((ROOT / path).read_text()) for name, path in TEXTS.items()} | {"query": graph(query())}
    if not arguments:
        for name, source in sources.items():
            (HERE / f"{name}.svg").write_text(drawn(source))
        return
    old = [name for name, source in sources.items() if source_of(HERE / f"{name}.svg") != source]
    if old:
        sys.exit(f"draw: pictures of other graphs than there are: {', '.join(old)}; ./dev pictures draws them")


if __name__ == "__main__":
    main(sys.argv[1:])
