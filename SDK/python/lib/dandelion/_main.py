"""From the interpreter's start to the end of an invocation; called by main.c and where.c."""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.machinery
import os
import random
import runpy
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import _dandelion
from dandelion import HandlerError, _calling, _failures, _registered

CODE = "/code"
FILES = "/files"
USAGE = "usage: python3 [-c COMMAND | -m MODULE | FILE | -] [ARGUMENT]..."
IGNORED = {"-B", "-E", "-I", "-S", "-b", "-q", "-s", "-u", "-X", "-W"}


class _LinkedModules(importlib.machinery.BuiltinImporter):
    """Finds modules of packages that are linked into the interpreter, which importlib looks for at the top only."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
        return None if path is None else super().find_spec(fullname)


def prepare() -> int:
    """What is the same for every invocation: imports the user's module. 0, or 1 after telling what failed."""
    # Objects that live through all invocations need not be looked at by their collector, which would write to their pages.
    sys.meta_path.append(_LinkedModules)
    try:
        return _guarded(_import_function)
    finally:
        gc.collect()
        gc.freeze()


def _import_function() -> None:
    if os.path.exists(f"{CODE}/function.py"):
        # The folder may not have been there when it was looked for first.
        importlib.invalidate_caches()
        importlib.import_module("function")


def run(argv: list[str]) -> int:
    """One invocation; its exit code."""
    _renew()
    _dandelion.watch()
    return _guarded(lambda: _command(argv[1:]) if len(argv) > 1 else _function(argv))


def tell_where() -> None:
    """Notes the user's lines that are under way, for the error if the invocation is stopped."""
    if lines := _failures.stack(sys._getframe(1)):
        _dandelion.where(_bytes(lines))


def _renew() -> None:
    """What must not be the same for two invocations that go on from one snapshot."""
    random.seed()
    if numbers := sys.modules.get("numpy.random"):
        numbers.seed()
    environment = dict(_dandelion.environment())
    os.environ.clear()
    os.environ.update(environment)


def _guarded(body: Callable[[], None]) -> int:
    """Runs it and what it left to be done at the end; an exception becomes the function's failure."""
    try:
        code = _ended(body)
        atexit._run_exitfuncs()
        return _flush() or code
    except BaseException as error:
        failure = _failures.tell(error)
        _flush()
        _dandelion.fail(*map(_bytes, failure))
        return 1


def _bytes(text: str) -> bytes:
    """As C has texts."""
    return text.encode("utf-8", "replace").replace(b"\0", b"")


def _ended(body: Callable[[], None]) -> int:
    try:
        body()
    except SystemExit as exit:
        if exit.code is None:
            return 0
        if isinstance(exit.code, int):
            return exit.code & 0xFF
        print(exit.code, file=sys.stderr)
        return 1
    return 0


def _flush() -> int:
    code = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            code = 120
    return code


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
            _file(file, rest)
        case [option, *_]:
            raise HandlerError(f"{option}: no such option\n{USAGE}")


def _script(source: str | bytes, name: str, argv: list[str]) -> None:
    import linecache

    text = source.decode() if isinstance(source, bytes) else source
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    sys.argv = argv
    sys.path.insert(0, "")
    main = sys.modules["__main__"]
    exec(compile(source, name, "exec"), main.__dict__)


def _file(path: str, arguments: list[str]) -> None:
    importlib.invalidate_caches()
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    runpy.run_path(path, run_name="__main__")


def _function(argv: list[str]) -> None:
    """The handler, else the script of the set `code`, else a script on standard input."""
    sys.argv = argv
    if _registered.handler is None:
        _import_function()
    handler = _registered.handler
    if handler is not None:
        return _calling.store(_calling.call(handler, _inputs()), _dandelion.output_sets(), _dandelion.output)
    names = sorted(os.listdir(CODE)) if os.path.isdir(CODE) else []
    scripts = [name for name in names if name == "main.py"] or [name for name in names if name != "packages.zip"]
    if "function.py" in names:
        raise HandlerError("function.py has no function with the decorator @dandelion.handler")
    if len(scripts) > 1:
        raise HandlerError(f"the set 'code' has several files and none is main.py or function.py: {', '.join(scripts)}")
    if not scripts:
        return _command(["-"])
    if os.path.isdir(FILES):
        os.chdir(FILES)
    _file(f"{CODE}/{scripts[0]}", [bytes(memory).decode() for _, _, memory in _inputs().get("args", list)()])


def _inputs() -> dict[str, Callable[[], list[tuple[str, int, memoryview]]]]:
    """How to read each input set."""
    return {name: partial(_dandelion.inputs, number) for number, name in enumerate(_dandelion.input_sets())}
