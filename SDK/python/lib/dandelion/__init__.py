"""Compute functions for Dandelion in Python.

    from dandelion import ItemSet, handler

    @handler
    def main(numbers: ItemSet) -> dict[str, float]:
        values = [float(item.text) for item in numbers]
        return {"sum": sum(values)}

The handler's parameters are named after the function's input sets; one with a default may be missing from them. What it
returns becomes one item of the only output set: bytes as they are, text as UTF-8, None as no item, anything else as JSON.
An `Item` carries a name and a key, a generator or `Items` yields several items, and `Outputs` tells the sets apart. The
handler may be a coroutine function. An exception becomes the answer of the invocation, with its message and traceback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from dandelion import _registered

__all__ = ["HandlerError", "Item", "ItemSet", "Items", "Outputs", "handler"]

Handler = TypeVar("Handler", bound=Callable[..., Any])


class HandlerError(Exception):
    """The handler and the function's sets do not fit together: what to mend, in one sentence."""


@dataclass(frozen=True)
class Item:
    """One piece of data that functions exchange.

    `content` is bytes, text (stored as UTF-8), or anything that JSON can say. `key` groups items for `keyed` edges,
    0 to 4294967295.
    """

    content: Any
    name: str = ""
    key: int = 0

    @property
    def data(self) -> bytes:
        """The bytes, whatever the content was."""
        if isinstance(self.content, (bytes, bytearray, memoryview)):
            return bytes(self.content)
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def text(self) -> str:
        """The bytes as UTF-8; raises UnicodeDecodeError where they are not."""
        return self.content if isinstance(self.content, str) else self.data.decode()

    def json(self) -> Any:
        """The value that the bytes are the JSON of; raises json.JSONDecodeError."""
        return json.loads(self.data)


class ItemSet(Sequence[Item]):
    """The items of one input set, in order. Their content is a writable memoryview of what the platform placed."""

    def __init__(self, name: str, items: Iterable[Item]) -> None:
        self.name = name
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<ItemSet {self.name!r} of {len(self)} items>"

    @property
    def only(self) -> Item:
        """The item of a set that must have exactly one; raises ValueError."""
        if len(self._items) != 1:
            raise ValueError(f"input set {self.name!r} has {len(self)} items where one is expected")
        return self._items[0]

    def named(self, name: str) -> Item:
        """The first item of that name; raises KeyError."""
        for item in self._items:
            if item.name == name:
                return item
        raise KeyError(f"input set {self.name!r} has no item {name!r}")


class Items:
    """Several items where a handler's result would be one."""

    def __init__(self, contents: Iterable[Any]) -> None:
        self._contents = contents

    def __iter__(self) -> Iterator[Any]:
        return iter(self._contents)


class Outputs(dict[str, Any]):
    """What a handler returns for several output sets: Outputs(page="<html>", counts={"a": 1})."""


def handler(function: Handler) -> Handler:
    """Makes `function` the one that each invocation calls."""
    known = _registered.handler
    if known is not None and known is not function:
        raise HandlerError(f"there are two handlers: {known.__qualname__} and {function.__qualname__}")
    if not callable(function):
        raise HandlerError("@dandelion.handler stands before a function")
    _registered.handler = function
    return function
