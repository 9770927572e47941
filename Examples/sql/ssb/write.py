#!/usr/bin/env python3
"""Writes the tables of the Star Schema Benchmark as Parquet files with a manifest: write.py SCALE_FACTOR FOLDER [PARTITIONS]"""

import sys
from pathlib import Path

import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from dandelion_sql import manifest  # noqa: E402
from ssb import generator  # noqa: E402


def partitions_of(factor):
    """Some 750,000 rows each, two at least."""
    return max(2, round(8 * factor))


def write(factor, folder, partitions=None):
    """Each partition becomes a file of one row group."""
    for name, parts in generator.tables(factor, partitions or partitions_of(factor)):
        for number, part in enumerate(parts):
            path = Path(folder, name, f"{number}.parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            pyarrow.parquet.write_table(part, path, compression="snappy", row_group_size=part.num_rows)
    return manifest.write(folder)


def main(arguments):
    if len(arguments) not in (2, 3):
        sys.exit(__doc__)
    try:
        write(float(arguments[0]), arguments[1], int(arguments[2]) if len(arguments) == 3 else None)
    except ValueError as error:
        sys.exit(f"write.py: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
