#!/usr/bin/env python3
"""Runs the Star Schema Benchmark's queries on a node of this machine, over Parquet files in an S3 server.

    demo.py [CLASS]          the function class (default); expects what `./dev demo sql` builds
    demo.py --check [CLASS]  only checks the arguments"""

import sys
import tempfile
from pathlib import Path

CLASSES = ["default", "process", "kvm"]


def main(arguments):
    only_check = arguments[:1] == ["--check"]
    arguments = arguments[only_check:]
    if len(arguments) > 1:
        sys.exit(f"demo: unknown argument '{arguments[1]}'; it takes one: the function class")
    class_ = arguments[0] if arguments else "default"
    if class_ not in CLASSES:
        sys.exit(f"demo: no class '{class_}' for native functions; there are: {' '.join(CLASSES)}")
    if only_check:
        return
    # Needs packages of the Python package index, which checking arguments does not.
    from dandelion_sql import Refused
    from demonstration import demo

    with tempfile.TemporaryDirectory() as folder:
        try:
            wrong = demo(Path(folder), class_)
        except (Refused, RuntimeError) as error:
            sys.exit(f"demo: {error}")
    if wrong:
        sys.exit(f"demo: wrong answers: {', '.join(wrong)}")


if __name__ == "__main__":
    main(sys.argv[1:])
