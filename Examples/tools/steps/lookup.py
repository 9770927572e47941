"""A tool: rows of a table, which is bound to the function when it is registered."""

import csv

from dandelion import Item, ItemSet, handler

MOST_ROWS = 50


def number(text):
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def result_of(rows, column, equals):
    if column is None and equals is None:
        found = rows
    elif column not in rows[0]:
        return {"error": f"there is no column '{column}'; there are {', '.join(rows[0])}"}
    else:
        found = [row for row in rows if str(row[column]).lower() == str(equals).strip().lower()]
    return {"rows": [{name: number(value) for name, value in row.items()} for row in found[:MOST_ROWS]], "more": max(0, len(found) - MOST_ROWS)}


@handler
def look_up(lookups: ItemSet, table: ItemSet) -> Item:
    call = lookups.only
    given = call.json()
    rows = list(csv.DictReader(table.only.text.splitlines()))
    return Item(result_of(rows, given.get("column"), given.get("equals")), name=call.name)
