"""From the interpreter's start to the end of an invocation; called by main.c."""

from __future__ import annotations

import atexit
import gc
import importlib
import inspect
import os
import random
import runpy
import sys
import traceback
from types import GeneratorType
from typing import Any

import _dandelion
import dandelion
from dandelion import Item, Items, ItemSet, Outputs

CODE = "/code"
LIBRARY = ("/usr/lib/python311.zip/", "<frozen ")
USAGE = "usage: python3 [-c COMMAND | -m MODULE | FILE | -] [ARGUMENT]..."
IGNORED = {"-B", "-E", "-I", "-S", "-b", "-q", "-s", "-u", "-X", "-W"}
LONGEST_TRACEBACK = 50


class Misuse(Exception):
    """What the function's author has to mend: told without a traceback."""


def prepare() -> int:
    """What is the same for every invocation: imports the user's module. 0, or 1 after telling what failed."""
    # Objects that live through all invocations need not be looked at by their collector, which would write to their pages.
    try:
        return _imported()
    finally:
        gc.collect()
        gc.freeze()


def _imported() -> int:
    if not os.path.exists(f"{CODE}/function.py"):
        return 0
    return _guarded(lambda: importlib.import_module("function"))


def run(argv: list[str]) -> int:
    """One invocation; its exit code."""
    _renew()
    code = _guarded(lambda: _command(argv[1:]) if len(argv) > 1 else _function(argv))
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    return code


def _renew() -> None:
    """What must not be the same for two invocations that go on from one snapshot."""
    random.seed()
    environment = dict(_dandelion.environment())
    os.environ.clear()
    os.environ.update(environment)


def _guarded(body: Any) -> int:
    try:
        body()
    except SystemExit as exit:
        return _exit_code(exit.code)
    except Misuse as misuse:
        print(misuse, file=sys.stderr)
        return 1
    except BaseException as error:
        _tell(error)
        return 1
    return 0


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _tell(error: BaseException) -> None:
    """The traceback from the user's first line on."""
    told = traceback.TracebackException.from_exception(error, limit=-LONGEST_TRACEBACK)
    first = next((i for i, frame in enumerate(told.stack) if not frame.filename.startswith(LIBRARY)), 0)
    del told.stack[:first]
    print("".join(told.format()), end="", file=sys.stderr)


def _command(arguments: list[str]) -> None:
    """What the command python3 does with its arguments."""
    while arguments and (arguments[0] in IGNORED or arguments[0][:2] in ("-X", "-W") and len(arguments[0]) > 2):
        arguments = arguments[2 if arguments[0] in ("-X", "-W") else 1 :]
    match arguments:
        case ["-c", command, *rest]:
            _script(command, "<string>", ["-c", *rest])
        case ["-m", module, *rest]:
            sys.argv = [module, *rest]
            sys.path.insert(0, os.getcwd())
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [] | ["-", *_]:
            _script(sys.stdin.buffer.read(), "<stdin>", arguments or [""])
        case [file, *rest] if not file.startswith("-"):
            sys.argv = [file, *rest]
            sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
            runpy.run_path(file, run_name="__main__")
        case [option, *_]:
            raise Misuse(f"{option}: no such option\n{USAGE}")


def _script(source: str | bytes, name: str, argv: list[str]) -> None:
    import linecache

    text = source.decode() if isinstance(source, bytes) else source
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    sys.argv = argv
    sys.path.insert(0, "")
    main = sys.modules["__main__"]
    exec(compile(source, name, "exec"), main.__dict__)


def _function(argv: list[str]) -> None:
    """The handler, else the script /code/main.py, else a script on standard input."""
    sys.argv = argv
    if dandelion._handler is not None:
        _store(_call(dandelion._handler))
    elif os.path.exists(f"{CODE}/main.py"):
        sys.argv = [f"{CODE}/main.py"]
        runpy.run_path(f"{CODE}/main.py", run_name="__main__")
    elif os.path.exists(f"{CODE}/function.py"):
        raise Misuse("function.py has no function with the decorator @dandelion.handler")
    else:
        _command(["-"])


def _call(handler: Any) -> Any:
    numbers = {name: number for number, name in enumerate(_dandelion.input_sets())}
    arguments = {}
    for name, parameter in inspect.signature(handler).parameters.items():
        if name in numbers:
            arguments[name] = _input(name, numbers[name])
        elif parameter.default is parameter.empty:
            known = ", ".join(sorted(numbers)) or "none"
            raise Misuse(f"the handler's parameter '{name}' names no input set of this function; there are: {known}")
    return handler(**arguments)


def _input(name: str, number: int) -> ItemSet:
    return ItemSet(name, (Item(memory, ident, key) for ident, key, memory in _dandelion.inputs(number)))


def _store(result: Any) -> None:
    numbers = {name: number for number, name in enumerate(_dandelion.output_sets())}
    if not isinstance(result, Outputs):
        own = [name for name in numbers if name != "stdio"]
        if len(own) != 1 and result is not None:
            raise Misuse(f"the handler must return dandelion.Outputs, which names its sets: {', '.join(own) or 'there are none'}")
        result = Outputs({own[0]: result} if own else {})
    for name, contents in result.items():
        if name not in numbers:
            raise Misuse(f"the handler returned items for '{name}', which is no output set; there are: {', '.join(numbers)}")
        several = isinstance(contents, (Items, GeneratorType))
        for index, content in enumerate(contents if several else [contents]):
            _store_item(name, numbers[name], index, content)


def _store_item(name: str, number: int, index: int, content: Any) -> None:
    if content is None:
        return
    item = content if isinstance(content, Item) else Item(content)
    raw = item.content if isinstance(item.content, (bytes, memoryview)) else None
    try:
        _dandelion.output(number, item.name, item.key, raw if raw is not None else item.data)
    except (TypeError, ValueError, OverflowError) as error:
        raise Misuse(f"item {index} for the output set '{name}' cannot be stored: {error}") from None
