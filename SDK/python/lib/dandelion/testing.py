"""Calls a handler as a node would, for tests:

    from dandelion.testing import invoke
    from function import main

    def test_mean():
        assert invoke(main, numbers=["1", "3"]).only("out").json() == {"mean": 2.0}

Works under any Python 3.10 or later, and in the function's own interpreter by `make test`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dandelion import Item, ItemSet, _calling

__all__ = ["Result", "invoke"]


class Result(dict[str, ItemSet]):
    """The output sets of an invocation, by name."""

    def only(self, name: str = "out") -> Item:
        """The item of a set that must have exactly one; raises ValueError, or KeyError without such a set."""
        return self[name].only


def invoke(handler: Callable[..., Any], *, outputs: Sequence[str] = ("out",), **inputs: Any) -> Result:
    """What a handler answers. An input set is one item or an iterable of them; an item is an `Item`, or the content of one:
    bytes, text or anything that JSON can say."""
    readers = {name: _reader(items) for name, items in inputs.items()}
    stored: list[tuple[str, Item]] = []

    def store(number: int, name: str, key: int, data: Any) -> None:
        stored.append((outputs[number], Item(bytes(data), name, key)))

    _calling.store(_calling.call(handler, readers), outputs, store)
    return Result({name: ItemSet(name, [item for set, item in stored if set == name]) for name in outputs})


def _reader(items: Any) -> _calling.Reader:
    single = isinstance(items, (Item, str, bytes, bytearray, dict)) or not isinstance(items, Iterable)
    read = [item if isinstance(item, Item) else Item(item) for item in ([items] if single else items)]
    return lambda: [(item.name, item.key, memoryview(bytearray(item.data))) for item in read]
