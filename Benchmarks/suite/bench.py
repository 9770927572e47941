"""What experiments share: the folders, the compiled helpers, servers that are stopped again, progress."""

import operator
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
C_FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]


class Unavailable(Exception):
    """Something that this machine lacks; the message says what and why."""


def progress(message):
    print(f"-- {message}", file=sys.stderr, flush=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Server:
    """A child that prints `Socket ready`; to be used in `with`."""

    def __init__(self, arguments, port, log, cpus=None, **options):
        pin = None if cpus is None else lambda: os.sched_setaffinity(0, cpus)
        self.port, self.log = port, log
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=pin,
                **options,
            )
        for line in self.process.stdout:
            if line.startswith("Socket ready"):
                return
        self.stop()
        raise Unavailable(self.log_tail() or f"{arguments[0]} ended at once")

    def log_tail(self):
        """The last lines of what the server wrote to its error output, in one."""
        lines = Path(self.log).read_text(errors="replace").strip().splitlines()
        return " ".join(" ".join(lines[-4:]).split())[-300:]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Bench:
    """One run of the suite. `quick` asks for a scaled subset; `node` is the executable `dandelion`."""

    def __init__(self, quick, node):
        self.quick, self.node = quick, Path(node)
        self.tools = ROOT / ".build-bench"
        self.tools.mkdir(exist_ok=True)
        self.work = Path(tempfile.mkdtemp(prefix="dandelion-bench-"))
        self.cpus = sorted(os.sched_getaffinity(0))
        self.made = {}

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)

    def scale(self, full, quick):
        return quick if self.quick else full

    @property
    def node_cpu(self):
        """One CPU for what is measured by itself; with several, the load comes from another."""
        return {self.cpus[0]}

    @property
    def load_cpu(self):
        return self.cpus[-1]

    def run(self, arguments, timeout=300, **options):
        """The output of a command; its error output and exit code in the failure."""
        result = subprocess.run(
            [str(word) for word in arguments], capture_output=True, text=True, timeout=timeout, **options
        )
        if result.returncode != 0:
            raise Unavailable(f"{arguments[0]}: exit code {result.returncode}: {result.stderr.strip()[-300:]}")
        return result.stdout

    def compile(self, arguments):
        """A compiler's run; what it objects to is an error of the suite, not something that this machine lacks."""
        try:
            self.run(arguments)
        except Unavailable as reason:
            raise RuntimeError(str(reason)) from reason

    def once(self, name, make):
        """What `make(path)` put at a path of that name, made at the first call."""
        if name not in self.made:
            path = self.work / name
            make(path)
            self.made[name] = path
        return self.made[name]

    def write(self, name, content):
        path = self.work / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def helper(self, source, *flags, compiler="cc"):
        """A helper of Benchmarks, compiled; `source` is relative to Benchmarks."""

        def make(path):
            self.compile([compiler, *C_FLAGS, ROOT / "Benchmarks" / source, "-o", path, *flags])

        return self.once(Path(source).stem, make)

    def matrix(self, size):
        """A file with a square matrix as the functions take it: the size, then the values, 64-bit words."""
        values = [(index * 7 + 3) % 11 for index in range(size * size)]
        return self.once(
            f"matrix-{size}", lambda path: path.write_bytes(struct.pack(f"<{size * size + 1}Q", size, *values))
        )

    def product(self, size):
        """A file with the square of that matrix, computed here element by element."""

        def make(path):
            _, *values = struct.unpack(f"<{size * size + 1}Q", self.matrix(size).read_bytes())
            columns = [values[column::size] for column in range(size)]
            rows = [values[row * size : (row + 1) * size] for row in range(size)]
            square = [sum(map(operator.mul, row, column)) for row in rows for column in columns]
            path.write_bytes(struct.pack(f"<{size * size + 1}Q", size, *square))

        return self.once(f"product-{size}", make)

    @cached_property
    def sdk(self):
        """The SDK folder with the freestanding runtime."""
        self.run([ROOT / "SDK/build.sh", "--freestanding", self.work / "sdk"])
        return self.work / "sdk"

    @cached_property
    def hosted_sdk(self):
        """The SDK folder with the C library: minutes at the first time on a machine, then cached."""
        progress("SDK with the C library")
        self.run([ROOT / "SDK/build.sh", self.work / "sdk-hosted"], timeout=1200)
        return self.work / "sdk-hosted"

    def function(self, source):
        """A freestanding function of the tree, compiled for the native classes."""
        config = f"--config={self.sdk}/dandelion-freestanding.cfg"
        return self.once(
            Path(source).stem + ".elf", lambda path: self.compile(["clang", config, ROOT / source, "-o", path])
        )

    def program(self, source):
        config = f"--config={self.hosted_sdk}/dandelion.cfg"
        return self.once(
            Path(source).stem + ".hosted", lambda path: self.compile(["clang", config, ROOT / source, "-o", path])
        )

    def native(self, source):
        """The same function as a static program of glibc, which reads requests from standard input."""
        name = Path(source).stem

        def make(path):
            include = f"-I{self.sdk}/include"
            part = self.work / f"{name}.function.o"
            flags = ["-O2", "-std=gnu11", include]
            self.compile(["clang", *flags, "-Dmain=function_main", "-c", ROOT / source, "-o", part])
            self.compile(["clang", *flags, "-static", ROOT / "Benchmarks/peers/native.c", part, "-o", path])

        return self.once(name + ".native", make)

    def module(self, source):
        """The same function as a WebAssembly module in the original's raw form."""
        name = Path(source).stem

        def make(path):
            part = self.work / f"{name}.wasm.o"
            flags = [
                "--target=wasm32-unknown-unknown",
                "-O2",
                "-std=gnu11",
                "-nostdlib",
                "-mbulk-memory",
                "-msimd128",
                "-ffreestanding",
            ]
            flags += [f"-I{self.sdk}/include", f"-I{self.sdk}/freestanding/include"]
            self.compile(["clang", *flags, "-Dmain=function_main", "-c", ROOT / source, "-o", part])
            link = ["-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export-all"]
            self.compile(["clang", *flags, *link, ROOT / "Benchmarks/peers/wasm32.c", part, "-o", path])

        return self.once(name + ".wasm", make)


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Unavailable(f"{what}: not within {seconds} s")
        time.sleep(0.02)
