"""Wasmtime's side of run.py; runs in the environment that has it.

    peer.py time ROUNDS FILE EXPORT...   name, result and the fastest call in ns of processor time, one export a line
    peer.py compile FILE                 milliseconds to compile
    peer.py cold ROUNDS FILE EXPORT      median ns: precompiled file -> instance -> result
"""

import sys
import tempfile
import time

import wasmtime

now = time.perf_counter_ns


def time_exports(rounds, file, exports):
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, wasmtime.Module.from_file(engine, file), [])
    for name in exports:
        function = instance.exports(store)[name]
        best, result = None, 0
        for _ in range(rounds):
            begin = time.thread_time_ns()
            result = function(store)
            took = time.thread_time_ns() - begin
            best = took if best is None else min(best, took)
        print(name, result % 2**64, best, flush=True)


def compile_file(file):
    bytes_ = open(file, "rb").read()
    begin = now()
    wasmtime.Module(wasmtime.Engine(), bytes_)
    print((now() - begin) / 1e6)


def cold(rounds, file, export):
    engine = wasmtime.Engine()
    with tempfile.NamedTemporaryFile() as compiled:
        compiled.write(wasmtime.Module.from_file(engine, file).serialize())
        compiled.flush()
        times = []
        for _ in range(rounds):
            begin = now()
            store = wasmtime.Store(engine)
            module = wasmtime.Module.deserialize_file(engine, compiled.name)
            wasmtime.Instance(store, module, []).exports(store)[export](store)
            times.append(now() - begin)
    print(sorted(times)[len(times) // 2])


command, *rest = sys.argv[1:]
if command == "time":
    time_exports(int(rest[0]), rest[1], rest[2:])
elif command == "compile":
    compile_file(rest[0])
else:
    cold(int(rest[0]), rest[1], rest[2])
