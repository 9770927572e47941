"""Compiles many files at once, shows how far it is, and keeps the result under a digest of all that went into it."""

import concurrent.futures
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sources import Problem, cache_folder, say

CLANG = os.environ.get("CLANG", "clang")
ARCHIVER = os.environ.get("LLVM_AR", "llvm-ar")
OBJCOPY = os.environ.get("LLVM_OBJCOPY", "llvm-objcopy")

BASE_FLAGS = [
    "-O2", "-fno-pic", "-ffunction-sections", "-fdata-sections", "-fno-stack-protector", "-fno-strict-aliasing",
    "-fdebug-prefix-map=/=", "-nostdinc",
]
ARCH_FLAGS = {"x86_64": ["-fcf-protection=none"], "aarch64": ["-mno-outline-atomics"]}


def target(architecture):
    return f"--target={architecture}-unknown-linux-musl"


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def digest_of(*parts):
    """A digest of texts, of files, and of folders' names and contents."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path) and part.is_dir():
            part = digest_of(*sorted(file for file in part.rglob("*") if file.is_file()))
        content = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        name = part.name if isinstance(part, Path) else ""
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def compiler_version():
    return output_of([CLANG, "--version"])


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise Problem(" ".join(map(str, command)) + "\n" + result.stderr)


def object_name(source):
    """One name for each source; upstream has files of one name in several folders."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", "_".join(Path(source).parts[-3:])) + ".o"


def archive(library, objects):
    library.unlink(missing_ok=True)
    run([ARCHIVER, "rcsD", str(library), *map(str, objects)])


def compile_all(title, jobs, library):
    """Compiles (source, flags) pairs on every core into one archive."""
    with tempfile.TemporaryDirectory() as scratch:
        commands, objects = [], []
        for source, flags in jobs:
            objects.append(Path(scratch) / object_name(source))
            commands.append([CLANG, *flags, "-c", str(source), "-o", str(objects[-1])])
        pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        try:
            running = [pool.submit(run, command) for command in commands]
            progress = Progress(title, len(running))
            for done, future in enumerate(concurrent.futures.as_completed(running), 1):
                progress.show(done)
                future.result()
        finally:
            # After a failure, or when a signal ends the build: only what has begun is waited for.
            pool.shutdown(cancel_futures=True)
        archive(library, objects)


class Progress:
    """Tells how far a step is: always on a terminal, every 15 seconds elsewhere."""

    def __init__(self, title, total):
        self.title, self.total, self.told = title, total, time.monotonic()

    def show(self, done):
        text = f"{self.title}: {done} of {self.total} files"
        if sys.stderr.isatty():
            print(f"\r{text}", end="\n" if done == self.total else "", file=sys.stderr, flush=True)
        elif done == self.total or time.monotonic() - self.told >= 15:
            say(text)
            self.told = time.monotonic()


def cached(name, digest, build):
    """The folder `name` that `build(folder)` fills, built once for each digest."""
    folder = cache_folder() / f"{name}-{digest[:24]}"
    if not folder.is_dir():
        scratch = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            build(scratch)
            # Another build may have put the same there meanwhile.
            if not folder.is_dir():
                scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder
