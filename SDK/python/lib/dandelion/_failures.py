"""What a failed function's caller is told: the kind of error, what is wrong, and the user's lines that led there."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from types import FrameType, TracebackType

from dandelion import HandlerError

LIBRARY = ("/usr/lib/python311.zip/", "<frozen ")
MOST_FRAMES = 50
LONGEST_LINE = 500
FULL = "the function's memory is used up; `memory` of its registration says how much it has"
NO_PROCESSES = "a function has no processes of its own, and no devices"
NO_NETWORK = "a function has no network; an HTTP function of the node makes requests for it"
NO_LOADER = "a function cannot load compiled code while it runs"
# Parts of the standard library that the image is without.
MISSING = {
    "_ssl": NO_NETWORK, "_ctypes": NO_LOADER, "_multiprocessing": NO_PROCESSES, "_posixshmem": NO_PROCESSES,
    "_posixsubprocess": NO_PROCESSES, "_curses": "a function has no terminal", "_tkinter": "a function has no screen",
    "numpy": "the image python-numpy has it",
}

# Given up when an error is to be told: there may be no other memory left for it.
_reserve: bytearray | None = bytearray(1 << 20)


def tell(error: BaseException) -> tuple[str, str, str]:
    """Kind, message and traceback of an exception. Never raises."""
    global _reserve
    _reserve = None
    if isinstance(error, MemoryError):
        # What the functions on the way had is needed to tell of them.
        traceback.clear_frames(error.__traceback__)
    try:
        return _kind(error), _message(error), _traceback(error)
    except BaseException as second:
        # Its own __str__ failed, say, or there is no memory for more.
        told = FULL if isinstance(second, MemoryError) else f"it cannot be told, because of {type(second).__name__}"
        return type(error).__name__, told, f"{type(error).__name__}: {told}\n"


def stack(frame: FrameType | None) -> str:
    """The user's lines that are under way in a frame; empty when there are none."""
    frames = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=MOST_FRAMES)
    frames.reverse()
    if all(entry.filename.startswith(LIBRARY) for entry in frames):
        return ""
    return "".join(_from_the_first_line(frames).format())


def _kind(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__", "dandelion") else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    hint = _hint(error)
    return f"{error}; {hint}" if hint and str(error) else hint or str(error)


def _hint(error: BaseException) -> str:
    """What such an error means here, where that is another thing than on a machine of one's own."""
    match error:
        case MemoryError():
            return FULL
        case FileNotFoundError(filename=str(path)) if path.startswith("/") and path.count("/") >= 2:
            return _about_set(path.split("/")[1])
        case OSError(errno=errno.ENOSYS):
            return NO_PROCESSES
        case OSError() if errno.EAFNOSUPPORT in (error.errno, getattr(getattr(error, "reason", None), "errno", None)):
            return NO_NETWORK
        case ModuleNotFoundError(name=str(name)):
            return MISSING.get(name, "") or _about_module(name.partition(".")[0])
    return ""


def _about_module(name: str) -> str:
    if name in sys.stdlib_module_names:
        return "the image is without this part of the standard library"
    return f"'{name}' is neither in the image nor in the set 'code'; packages come there by requirements.txt"


def _about_set(name: str) -> str:
    import _dandelion

    if os.path.isdir(f"/{name}"):
        return ""
    inputs, outputs = _dandelion.input_sets(), _dandelion.output_sets()
    sets = [f"{kind} sets: {', '.join(names)}" for kind, names in (("input", inputs), ("output", outputs)) if names]
    return f"the function has no set '{name}' ({'; '.join(sets) or 'it has none at all'})"


def _traceback(error: BaseException) -> str:
    if isinstance(error, HandlerError) and error.__traceback__ and not _users(error.__traceback__):
        return f"dandelion: {error}\n"
    told = traceback.TracebackException.from_exception(error, limit=-MOST_FRAMES)
    told.stack = _from_the_first_line(told.stack)
    hint = _hint(error)
    lines = [line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "...\n" for line in told.format()]
    return "".join(lines) + (f"({hint})\n" if hint else "")


def _users(trace: TracebackType | None) -> bool:
    while trace:
        if not trace.tb_frame.f_code.co_filename.startswith(LIBRARY):
            return True
        trace = trace.tb_next
    return False


def _from_the_first_line(frames: traceback.StackSummary) -> traceback.StackSummary:
    """Without what leads to the user's first line."""
    first = next((i for i, frame in enumerate(frames) if not frame.filename.startswith(LIBRARY)), 0)
    return traceback.StackSummary.from_list(frames[first:])
