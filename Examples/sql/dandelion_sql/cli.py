"""dandelion-sql: queries Parquet files by functions on a Dandelion node."""

import argparse
import os
import sys
import time
from pathlib import Path

from sqlglot import exp

from . import Refused, manifest, planner, storage, table
from .composition import Composition
from .node import Node

IMAGE = Path(__file__).resolve().parents[3] / ".build-sql/sql"

DESCRIPTION = """Runs a query over Parquet files on a Dandelion node. The data is a folder, s3://BUCKET/PREFIX or http://HOST/PATH that holds
a manifest.json, which `dandelion-sql --manifest FOLDER` makes of a folder of Parquet files."""
EXAMPLES = """examples:
  dandelion-sql --manifest data
  dandelion-sql --data data "select count(*) from lineorder"
  dandelion-sql --data s3://warehouse/ssb --timeline "select d_year, sum(lo_revenue) from lineorder, date
      where lo_orderdate = d_datekey group by d_year order by d_year"
  dandelion-sql --data data --explain "select ..."
  dandelion-sql --data data --function is_prime "select count(*) from part where is_prime(p_size)"

For s3:// the node has the S3 plugin (Examples/plugins/s3); this client reads the manifest with AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID
and AWS_SECRET_ACCESS_KEY."""


def arguments(words):
    parser = argparse.ArgumentParser("dandelion-sql", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("query", nargs="?", help="the query; - reads it from standard input")
    parser.add_argument("--data", help="where the manifest and the files are")
    parser.add_argument("--node", default=os.environ.get("DANDELION_NODE", "http://127.0.0.1:8080"), help="(DANDELION_NODE, or %(default)s)")
    parser.add_argument("--operators", default=IMAGE, type=Path, help="the operators' image (%(default)s)")
    parser.add_argument("--memory", default="512MiB", help="most memory of a step (%(default)s)")
    parser.add_argument("--timeout", help="for the query: 500ms, 2s, 1m")
    parser.add_argument("--function", action="append", default=[], metavar="NAME[=REGISTERED]", help="a function of yours that the query calls")
    parser.add_argument("--explain", action="store_true", help="show composition and plans, and run nothing")
    parser.add_argument("--timeline", action="store_true", help="show what the time went into, on standard error")
    parser.add_argument("--manifest", metavar="FOLDER", help="write the manifest of a folder of Parquet files")
    options = parser.parse_args(words)
    if not options.manifest and (options.query is None or options.data is None):
        parser.error("a query and --data are needed; --help has examples")
    return options


def functions_of(words):
    """The user's functions: name in SQL -> name on the node."""
    pairs = [word.partition("=") for word in words]
    for name, _, registered in pairs:
        if name.upper() in exp.FUNCTION_BY_NAME:
            raise Refused(f"SQL has a function '{name}' of its own; give yours another name: --function my_{name}={registered or name}")
    return {name.lower(): registered or name for name, _, registered in pairs}


def explain(plan, composition, out):
    print(composition.text, file=out)
    for place, step in enumerate(plan):
        told = f"table {step.table}, {len(step.groups)} partitions" if step.groups else "once"
        print(f"\n# step {place}: {told}", file=out)
        for call in step.calls:
            print(call.plan, file=out)
            print(f"# then function {call.function}, and", file=out)
        print(step.plan, file=out)


def run(sql, options, manifest_=None):
    """Names and rows of a query's result, and its timing; (None, None, None) where it is only explained."""
    place = storage.at(options.data)
    known = manifest_ or manifest.parse(place.read(manifest.NAME), options.data)
    plan = planner.plan(sql, known, functions_of(options.function))
    if options.explain:
        explain(plan, Composition(plan, place, "sql"), sys.stdout)
        return None, None, None
    with Node(options.node) as node:
        called = {call.function for step in plan for call in step.calls}
        inputs = {function: node.inputs_of(function) for function in called}
        composition = Composition(plan, place, node.register_operators(options.operators, options.memory), inputs)
        node.register_composition(composition)
        begun = time.perf_counter()
        data, timing = node.invoke(composition.name, composition.inputs, options.timeout)
        timing["client"] = (time.perf_counter() - begun) * 1000
    try:
        return *table.read(data), timing
    except ValueError as error:
        raise Refused(str(error)) from None


def shown(value):
    return "NULL" if value is None else str(value)


def main(words=None):
    options = arguments(words)
    try:
        if options.manifest:
            made = manifest.write(options.manifest)
            print("\n".join(f"{name}: {one['rows']} rows in {len(one['groups'])} partitions" for name, one in made["tables"].items()))
            return 0
        sql = sys.stdin.read() if options.query == "-" else options.query
        names, rows, timing = run(sql, options)
        if names is None:
            return 0
        print("\t".join(names), file=sys.stderr)
        sys.stdout.write("".join("\t".join(map(shown, row)) + "\n" for row in rows))
        if options.timeline:
            print("\n".join(f"  {word:<14} {value:>10.3f}" + (" ms" if word not in ("sandboxes", "requests") else "")
                            for word, value in timing.items() if isinstance(value, float)), file=sys.stderr)
        return 0
    except Refused as error:
        print(f"dandelion-sql: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 141
