"""Manifests: what a client has to know of a table's Parquet files, so that nobody reads their footers at every query.

    {"tables": {NAME: {"rows": N, "columns": {NAME: {"type", "physical", "codec", "nullable", "distinct"}},
                       "groups": [{"path", "rows", "chunks": {NAME: [offset, length, least, largest]}}]}}}

A group is a row group of a file, which is a partition for queries. Types are those of the operators: ["integer", DIGITS],
["decimal", DIGITS, SCALE], ["date"], ["double"], ["text"], ["boolean"]. least and largest are there for integers and dates."""

import datetime
import json
from pathlib import Path

from . import Refused

NAME = "manifest.json"
EPOCH = datetime.date(1970, 1, 1)
# Columns with more values than this count as having different ones in all rows.
MOST_COUNTED = 2_000_000


def physical_of(column):
    kinds = {"BOOLEAN": "boolean", "INT32": "int32", "INT64": "int64", "FLOAT": "float", "DOUBLE": "double", "BYTE_ARRAY": "bytes"}
    if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
        return ["fixed", column.length]
    if column.physical_type not in kinds:
        raise Refused(f"column {column.name} is stored as {column.physical_type}, which is not read")
    return [kinds[column.physical_type]]


def type_of(column):
    logical, physical = column.logical_type.type, column.physical_type
    if logical == "DECIMAL":
        return ["decimal", column.precision, column.scale]
    if logical == "DATE":
        return ["date"]
    if logical in ("STRING", "ENUM", "JSON") or (logical == "NONE" and physical == "BYTE_ARRAY"):
        return ["text"]
    if physical in ("INT32", "INT64") and (logical == "NONE" or (logical == "INT" and "isSigned=true" in str(column.logical_type))):
        return ["integer", 10 if physical == "INT32" else 19]
    if physical in ("FLOAT", "DOUBLE") and logical == "NONE":
        return ["double"]
    if physical == "BOOLEAN":
        return ["boolean"]
    raise Refused(f"column {column.name} is {column.logical_type} of {physical}, which no operator knows")


def bound(value):
    if isinstance(value, datetime.date):
        return (value - EPOCH).days
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def chunk_of(column):
    start = column.data_page_offset if column.dictionary_page_offset is None else min(column.dictionary_page_offset, column.data_page_offset)
    statistics = column.statistics
    known = statistics is not None and statistics.has_min_max
    return [start, column.total_compressed_size, bound(statistics.min) if known else None, bound(statistics.max) if known else None]


def columns_of(file, path):
    columns = {}
    for place in range(len(file.schema)):
        column = file.schema.column(place)
        if column.max_repetition_level or column.max_definition_level > 1:
            raise Refused(f"{path}: column {column.path} is nested; only flat columns are read")
        codecs = {file.metadata.row_group(group).column(place).compression for group in range(file.metadata.num_row_groups)}
        codec = {"UNCOMPRESSED": "none", "SNAPPY": "snappy"}.get(codecs.pop() if len(codecs) == 1 else "")
        if codec is None and file.metadata.num_row_groups:
            raise Refused(f"{path}: column {column.name} is compressed by {codecs or 'what is not read'}; write it with snappy or without compression")
        columns[column.name] = {
            "type": type_of(column), "physical": physical_of(column), "codec": codec, "nullable": column.max_definition_level}
    return columns


def same_columns(known, columns, path, first):
    """The columns of a table's files, whose compression is unknown (None) while there are no rows."""
    def without_codec(one):
        return {name: {key: value for key, value in column.items() if key != "codec"} for name, column in one.items()}
    if known is None:
        return columns
    if without_codec(known) != without_codec(columns):
        raise Refused(f"{path}: its columns are not those of {first}")
    for name, column in columns.items():
        codec = known[name]["codec"]
        if codec is not None and column["codec"] not in (None, codec):
            raise Refused(f"{path}: column {name} is compressed in another way than in {first}")
        known[name]["codec"] = codec or column["codec"]
    return known


def in_small_letters(table, path):
    """Names of columns are the same in any case, as in SQL."""
    names = [name.lower() for name in table["columns"]]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Refused(f"{path}: two columns are called '{twice}'; names in SQL do not tell large letters from small ones")
    table["columns"] = {name.lower(): column for name, column in table["columns"].items()}
    for group in table["groups"]:
        group["chunks"] = {name.lower(): chunk for name, chunk in group["chunks"].items()}
    return table


def table_of(files, root):
    """A table's part of the manifest, of Parquet files that have the same columns."""
    import pyarrow.compute
    import pyarrow.parquet

    table = {"rows": 0, "columns": None, "groups": []}
    for path in files:
        file = pyarrow.parquet.ParquetFile(path)
        table["columns"] = same_columns(table["columns"], columns_of(file, path), path, files[0])
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            chunks = {file.schema.column(place).name: chunk_of(group.column(place)) for place in range(group.num_columns)}
            if group.num_rows:
                table["groups"].append({"path": path.relative_to(root).as_posix(), "rows": group.num_rows, "chunks": chunks})
                table["rows"] += group.num_rows
    for column in table["columns"].values():
        column["codec"] = column["codec"] or "none"
    if table["rows"] <= MOST_COUNTED:
        for name, column in table["columns"].items():
            values = pyarrow.concat_tables(pyarrow.parquet.read_table(path, columns=[name], partitioning=None) for path in files)[name]
            column["distinct"] = len(pyarrow.compute.unique(values.combine_chunks() if values.num_chunks > 1 else values))
    return in_small_letters(table, files[0])


def build(root):
    """The manifest of a folder: each folder in it with Parquet files is a table, and each Parquet file beside them."""
    root = Path(root)
    tables = {}
    for path in sorted(root.iterdir()):
        files = sorted(path.glob("*.parquet")) if path.is_dir() else [path] if path.suffix == ".parquet" else []
        if files:
            tables[path.stem.lower()] = table_of(files, root)
    if not tables:
        raise Refused(f"{root} holds no Parquet files")
    return {"tables": tables}


def write(root):
    manifest = build(root)
    Path(root, NAME).write_text(json.dumps(manifest, separators=(",", ":")))
    return manifest


def parse(text, place):
    try:
        manifest = json.loads(text)
        if not isinstance(manifest["tables"], dict):
            raise ValueError("'tables' is no object")
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{place} is no manifest: {error}") from None
    return manifest
