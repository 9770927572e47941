"""matches(TEXT, PATTERN): whether a text contains what a regular expression says. PATTERN is the same in all rows."""

import re

import table
from dandelion import Item, ItemSet, handler


@handler
def matches(rows: ItemSet) -> Item:
    names, tuples = table.read(rows[0].content)
    text, pattern = names.index("argument0"), names.index("argument1")
    found: dict[str, bool] = {}
    for row in tuples:
        if row[text] not in found and row[text] is not None:
            found[row[text]] = re.search(row[pattern], row[text]) is not None
    return Item(table.write("value", [found.get(row[text]) for row in tuples], table.BOOLEAN), name="value")
