"""What `dandelion wasm observe` and `validate` do, by wasmtime."""

import ctypes
import re
import struct

import wasmtime

MASK = 2**64 - 1
TRAPS = {
    "UNREACHABLE": "unreachable", "MEMORY_OUT_OF_BOUNDS": "out of bounds memory access",
    "TABLE_OUT_OF_BOUNDS": "out of bounds table access", "INDIRECT_CALL_TO_NULL": "uninitialized element",
    "BAD_SIGNATURE": "indirect call type mismatch", "INTEGER_DIVISION_BY_ZERO": "integer divide by zero",
    "INTEGER_OVERFLOW": "integer overflow", "BAD_CONVERSION_TO_INTEGER": "invalid conversion to integer",
    "STACK_OVERFLOW": "call stack exhausted",
}
# Limits of the backend on modules that are valid.
LIMITS = ("more than ", "locals in a function", "blocks are nested deeper", "constant expression of more than")


def _engine():
    config = wasmtime.Config()
    for name in ("threads", "tail_call", "memory64", "multi_memory", "gc", "function_references", "relaxed_simd",
                 "exceptions", "wide_arithmetic", "custom_page_sizes", "stack_switching"):
        try:
            setattr(config, f"wasm_{name}", False)
        except (AttributeError, wasmtime.WasmtimeError):
            pass
    return wasmtime.Engine(config)


_shared = _engine()


def is_valid(module):
    """None when the module has exceptions, whose older form wasmtime does not know."""
    try:
        wasmtime.Module.validate(_shared, module)
        return True
    except wasmtime.WasmtimeError as error:
        return None if "exceptions" in str(error) else False


def is_limit(answer):
    return any(limit in answer for limit in LIMITS)


def _argument(index, kind):
    pattern = (index + 1) * 0x9E3779B97F4A7C15 & MASK
    if kind == "i32":
        return struct.unpack("<i", struct.pack("<I", pattern >> 32))[0]
    if kind == "i64":
        return struct.unpack("<q", struct.pack("<Q", pattern))[0]
    if kind == "f32":
        return index - 1.5
    return index * 1.25 - 3 if kind == "f64" else None


def _text(value, kind):
    if kind == "i32":
        return f"{value & 0xFFFFFFFF:x}"
    if kind == "i64":
        return f"{value & MASK:x}"
    if kind == "f32":
        return f"{struct.unpack('<I', struct.pack('<f', value))[0]:x}"
    if kind == "f64":
        return f"{struct.unpack('<Q', struct.pack('<d', value))[0]:x}"
    return "null" if value is None or getattr(value, "is_null", False) else "reference"


def _checksum(bytes_):
    value = 0xCBF29CE484222325
    for run in re.finditer(rb"[^\0]+", bytes_):
        for index, byte in enumerate(run.group(), run.start()):
            value = (value ^ (index << 8 | byte)) * 0x100000001B3 & MASK
    return value


def ended_early(theirs, mine):
    """Whether one of the stacks ended, which is no fault of the other engine; what came before is the same."""
    for left, right in zip(theirs, mine):
        if left != right:
            return "call stack exhausted" in left or "call stack exhausted" in right
    return False


def _instantiate(module):
    """A store, and what an instance exports by name and value, in order."""
    store = wasmtime.Store(_shared)
    return store, list(zip(module.exports, wasmtime.Instance(store, module, []).exports(store).values()))


def observe(bytes_, globals_):
    """The lines that `observe` prints of one module, with its globals or without; the call after a trap is made in a new instance."""
    module = wasmtime.Module(_shared, bytes_)
    try:
        store, exports = _instantiate(module)
    except wasmtime.Trap as trap:
        return [f"trap {TRAPS.get(trap.trap_code.name, trap.trap_code.name)}"]
    lines = []
    for number, export in enumerate(module.exports):
        if not isinstance(export.type, wasmtime.FuncType):
            continue
        parameters, results = ([str(kind) for kind in kinds] for kinds in (export.type.params, export.type.results))
        if "v128" in parameters + results:
            continue
        try:
            answer = exports[number][1](store, *(_argument(index, kind) for index, kind in enumerate(parameters)))
        except wasmtime.Trap as trap:
            name = TRAPS.get(trap.trap_code.name, trap.trap_code.name)
            lines.append(f"call {number} trap {name}")
            store, exports = _instantiate(module)
            continue
        answers = answer if isinstance(answer, list) else [answer] if results else []
        lines.append(f"call {number} " + " ".join(map(_text, answers, results)))
    return lines + [line for number, pair in enumerate(exports) for line in _state(store, number, *pair, globals_)]


def _state(store, number, export, value, globals_):
    kind = export.type
    if isinstance(kind, wasmtime.MemoryType):
        size = value.data_len(store)
        bytes_ = ctypes.string_at(ctypes.addressof(value.data_ptr(store).contents), size) if size else b""
        return [f"memory {number} {size} {_checksum(bytes_)}"]
    if isinstance(kind, wasmtime.TableType):
        return [f"table {number} {value.size(store)}"]
    if globals_ and isinstance(kind, wasmtime.GlobalType) and str(kind.content) != "v128":
        return [f"global {number} {_text(value.value(store), str(kind.content))}"]
    return []
