"""Counts lines, words and bytes of each text."""

from collections.abc import Iterator

from dandelion import Item, ItemSet, handler


@handler
def count(texts: ItemSet) -> Iterator[Item]:
    for item in texts:
        text = item.text
        counts = {"lines": text.count("\n"), "words": len(text.split()), "bytes": len(item.data)}
        yield Item(counts, name=f"{item.name}.json")
