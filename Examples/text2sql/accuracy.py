#!/usr/bin/env python3
"""How many of the questions about the library (questions.py) a model answers rightly: accuracy.py [MODEL]

MODEL is the URL of an OpenAI-compatible API; without it a small model on this machine is asked (`./dev demo text2sql real` fetches it)."""

import json
import sqlite3
import sys

import workflow
from database import make_into
from questions import QUESTIONS, is_right


def expected(database, sql):
    return database.execute(sql).fetchall()


def outcomes(address, settings):
    """Question -> whether the rows were right, in how many attempts, with which SQL and in how many ms; or the problem."""
    result = {}
    with sqlite3.connect(":memory:") as database:
        make_into(database)
        for question, sql in QUESTIONS.items():
            try:
                answer, timing = workflow.ask(address, settings, question)
            except workflow.Refused as refused:
                result[question] = {"right": False, "attempts": 0, "problem": str(refused)}
                continue
            right = is_right(expected(database, sql), answer["rows"])
            result[question] = {"right": right, "attempts": answer["attempts"], "sql": answer["sql"], "ms": timing["total"]}
    return result


def main(arguments):
    with workflow.everything(arguments[0] if arguments else "real") as (address, settings):
        found = outcomes(address, settings)
    print(json.dumps(found, indent=1))
    print(f"{sum(outcome['right'] for outcome in found.values())} of {len(found)} right", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
