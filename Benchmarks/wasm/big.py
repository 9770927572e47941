#!/usr/bin/env python3
"""Writes a module of many small functions, and measures how a compiler of modules takes it.

    big.py write COUNT FILE                a module of COUNT functions, always the same for the same COUNT
    big.py measure COUNT [--levels quick]  seconds and peak memory of `dandelion wasm compile` with it (Linux)

Each function computes a few values from its two arguments, keeps one in memory, and calls the next one and another one behind
it, or one of a hundred and one in a table. `_start` calls the first.
"""

import argparse
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[2]
HEAD = b"\0asm\1\0\0\0"
I32, END, LOCAL, SET, CONST, CALL, INDIRECT = 0x7F, 0x0B, 0x20, 0x21, 0x41, 0x10, 0x11
ADD, SUB, MUL, AND, OR, XOR, SHR, ROTL = 0x6A, 0x6B, 0x6C, 0x71, 0x72, 0x73, 0x76, 0x77
LOAD, STORE, IF, ELSE, LESS, DROP = 0x28, 0x36, 0x04, 0x05, 0x48, 0x1A


def unsigned(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def signed(value):
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value & 0x7F]))


def section(number, content):
    return bytes([number]) + unsigned(len(content)) + content


def vector(entries):
    return unsigned(len(entries)) + b"".join(entries)


def name(text):
    return vector([bytes([letter]) for letter in text.encode()])


def constant(value):
    return bytes([CONST]) + signed(value)


def local(index):
    return bytes([LOCAL, index])


def body(code, locals_=0):
    declared = vector([unsigned(locals_) + bytes([I32])]) if locals_ else vector([])
    content = declared + code + bytes([END])
    return unsigned(len(content)) + content


def address():
    """Of a word in the first half of the memory, by local 0."""
    return local(0) + constant(0x7FFC) + bytes([AND])


def function(index, count, random_):
    """(i32, i32) -> i32, with two locals of its own."""
    code = b""
    for target in (2, 3):
        code += local(random_.randrange(4)) + constant(random_.randrange(-5000, 5000))
        code += bytes([random_.choice((ADD, SUB, MUL, XOR))]) + local(random_.randrange(4))
        code += bytes([random_.choice((ADD, AND, OR, ROTL, SHR)), SET, target])
    code += address() + address() + bytes([LOAD, 2]) + unsigned(4 * random_.randrange(64))
    code += local(2) + bytes([ADD, STORE, 2]) + unsigned(4 * random_.randrange(64))
    # Every chain of calls rises, and soon ends: its arguments only shrink.
    code += local(0) + constant(1) + bytes([LESS, IF, I32]) + local(2) + local(3) + bytes([XOR, ELSE])
    if index == count - 1:
        code += local(3)
    else:
        code += local(0) + constant(1) + bytes([SHR]) + local(2) + bytes([CALL]) + unsigned(index + 1)
        code += local(0) + constant(2) + bytes([SHR]) + local(3)
        if random_.randrange(8) == 0:
            code += constant(random_.randrange(101)) + bytes([INDIRECT, 0, 0])
        else:
            code += bytes([CALL]) + unsigned(random_.randrange(index + 1, count))
        code += bytes([XOR])
    return body(code + local(2) + bytes([ADD, END]), 2)


def module(count):
    random_ = random.Random(count)
    start = constant(1 << 20) + constant(7) + bytes([CALL, 0, DROP])
    table = [index * (count - 1) // 100 for index in range(101)]
    return HEAD + b"".join((
        section(1, vector([b"\x60\2\x7f\x7f\1\x7f", b"\x60\0\0"])),
        section(3, vector([b"\0"] * count + [b"\1"])),
        section(4, vector([b"\x70\0" + unsigned(len(table))])),
        section(5, vector([b"\1\1\1"])),
        section(6, vector([bytes([I32, 0]) + constant(0xFF00) + bytes([END])])),
        section(7, vector([name("_start") + b"\0" + unsigned(count), name("first") + b"\0\0", name("memory") + b"\2\0",
                           name("__dandelion_system_data") + b"\3\0"])),
        section(9, vector([b"\0" + constant(0) + bytes([END]) + vector([unsigned(index) for index in table])])),
        section(10, vector([function(index, count, random_) for index in range(count)] + [body(start)])),
    ))


def resident(pid):
    """Bytes that a process and all below it hold, shared pages counted once (PSS)."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) << 10
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(resident(child) for child in (task / "children").read_text().split())
    except OSError:
        pass  # it ended
    return total


def measure(tool, file, levels):
    """Prints what the tool does, and returns (seconds, processor seconds, peak bytes), the last two of it and its children."""
    begin, peak = time.monotonic(), 0
    process = subprocess.Popen([str(tool), "compile", str(file), *levels])
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.1)
    if process.returncode != 0:
        raise SystemExit(f"{tool}: exit code {process.returncode}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begin, used.ru_utime + used.ru_stime, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("write", "measure"))
    parser.add_argument("count", type=int)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--levels", default="quick", help="of quick, fast, with a comma between")
    parser.add_argument("--tool", default=root / ".build/release/dandelion-wasm")
    parser.add_argument("--seconds", type=float, help="exit with 1 when it takes longer")
    parser.add_argument("--memory", type=float, help="exit with 1 when it takes more MiB")
    options = parser.parse_args()
    if options.command == "write":
        Path(options.file or parser.error("write needs a file")).write_bytes(module(options.count))
        return
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(module(options.count))
        file.flush()
        seconds, busy, peak = measure(options.tool, file.name, options.levels.split(","))
    print(f"{options.count} functions: {seconds:.1f} s, {busy:.1f} s of processor time, at most {peak / (1 << 20):.0f} MiB at once")
    if seconds > (options.seconds or seconds) or peak / (1 << 20) > (options.memory or peak):
        raise SystemExit("that is more than it may take")


if __name__ == "__main__":
    main()
