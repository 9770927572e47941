#!/usr/bin/env python3
"""How long the steps of the workflow take, each invoked by itself with what it gets in the workflow, and the whole: measure.py [RUNS].
Times are of the node (Server-Timing), ms; the model is the stand-in."""

import json
import statistics
import sys

import workflow
from dandelion_sql.node import Node, timing
from standin import KNOWN

QUESTION = "How many loans were never returned, by city?"
PAPER = {"Parse": 221, "Extract": 207, "Present": 213}  # the paper's three steps in Python, ms


def item(text):
    return [("item", 0, text if isinstance(text, bytes) else text.encode())]


def inputs(settings):
    """What each step gets."""
    question, given = item(QUESTION), item(json.dumps(settings))
    good = item("HTTP/1.1 200 OK\ncontent-type:application/json\n")
    schema = item(json.dumps([{"sql": f"CREATE TABLE t{i} (id integer primary key, name text not null)"} for i in range(4)]))
    said = item(json.dumps({"choices": [{"message": {"content": KNOWN[QUESTION][0]}}]}))
    rows = item(json.dumps([{"city": city, "loans": 9} for city in ("Basel", "Bern", "Zurich")]))
    return {
        "Parse": {"question": question, "settings": given, "heads": good, "bodies": schema},
        "Extract": {"settings": given, "heads": good, "bodies": said},
        "Present": {"question": question, "settings": given, "heads": good, "bodies": rows, "problems": item('{"sql":"select 1"}')},
    }


def percentiles(values):
    values = sorted(values)
    return {"p50": statistics.median(values), "p99": values[int(len(values) * 0.99)]}


def invoked(client, name, sets):
    """The node's time for a step, and that in its sandbox. A step may have several outputs, so any form of answer will do."""
    status, headers, body = client.post(name, sets, "application/json")
    if status != 200:
        raise RuntimeError(client.problem(body))
    found = timing(headers)
    return found["total"], found["run"]


def main(arguments):
    runs = int(arguments[0]) if arguments else 200
    result = {}
    with workflow.everything() as (address, settings), Node(address) as client:
        for name, sets in inputs(settings).items():
            times = [invoked(client, name, sets) for _ in range(runs + 20)][20:]
            result[name] = percentiles([total for total, _ in times]) | {"run": percentiles([run for _, run in times]), "paper": PAPER[name]}
        timings = [workflow.ask(address, settings, QUESTION)[1] for _ in range(runs // 4 + 5)][5:]
        result["whole"] = percentiles([timing["total"] for timing in timings])
        result["whole without model and database"] = percentiles([timing["total"] - timing["communication"] for timing in timings])
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
