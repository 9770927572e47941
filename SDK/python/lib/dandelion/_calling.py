"""Between a function's sets and its handler."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import GeneratorType
from typing import Any

from dandelion import HandlerError, Item, Items, ItemSet, Outputs

LARGEST_KEY = 0xFFFF_FFFF

Reader = Callable[[], Sequence[tuple[str, int, Any]]]
Store = Callable[[int, str, int, Any], None]


def call(handler: Callable[..., Any], inputs: Mapping[str, Reader]) -> Any:
    """What the handler returns for these input sets."""
    arguments = {}
    for name, parameter in inspect.signature(handler).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise HandlerError(f"the handler's parameter '{name}' must be an ordinary one, named after an input set")
        if name in inputs:
            arguments[name] = ItemSet(name, (Item(memory, ident, key) for ident, key, memory in inputs[name]()))
        elif parameter.default is parameter.empty:
            known = ", ".join(sorted(set(inputs) - {"stdio", "code"})) or "none"
            raise HandlerError(f"the handler's parameter '{name}' names no input set of this function; there are: {known}")
    result = handler(**arguments)
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    return result


def store(result: Any, output_sets: Sequence[str], output: Store) -> None:
    """Makes items of what a handler returned."""
    own = [name for name in output_sets if name != "stdio"]
    for name, contents in _by_set(result, own).items():
        if name not in own:
            raise HandlerError(f"the handler returned items for '{name}', which is no output set; there are: {_list(own)}")
        several = isinstance(contents, (Items, GeneratorType))
        for index, content in enumerate(contents if several else [contents]):
            if content is not None:
                _store_item(name, index, content, lambda *item, number=output_sets.index(name): output(number, *item))


def _by_set(result: Any, own: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(result, Outputs):
        return result
    if result is None:
        return {}
    if len(own) == 1:
        return {own[0]: result}
    if not own:
        raise HandlerError("the handler returned something, but this function has no output set")
    raise HandlerError(f"this function has several output sets: return dandelion.Outputs({'=..., '.join(own)}=...)")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _store_item(name: str, index: int, content: Any, output: Callable[[str, int, Any], None]) -> None:
    item = content if isinstance(content, Item) else Item(content)
    place = f"item {index} for the output set '{name}'"
    if not isinstance(item.name, str):
        raise HandlerError(f"{place} has a name that is no text but {_a(item.name)}")
    if not isinstance(item.key, int) or not 0 <= item.key <= LARGEST_KEY:
        raise HandlerError(f"{place} has the key {item.key!r}; keys are numbers from 0 to {LARGEST_KEY}")
    try:
        data = item.content if isinstance(item.content, (bytes, memoryview)) else item.data
        output(item.name, item.key, data)
    except (TypeError, ValueError, RecursionError, BufferError) as error:
        raise HandlerError(
            f"{place} is {_a(item.content)}, which cannot be stored: {error}; return bytes, text or what JSON can say"
        ) from None


def _a(value: Any) -> str:
    return f"of type {type(value).__name__}"
