"""Arithmetic that the processor lacks: the compiler's own library, or, where this clang has none for the architecture,
that of zig's distribution, built by the zig in it."""

import subprocess
import tempfile
from pathlib import Path

import compiling
from compiling import cached, digest_of, run
from sources import Problem, say


def of_compiler(architecture):
    named = compiling.output_of([compiling.CLANG, f"--target={architecture}-unknown-linux-gnu", "-rtlib=compiler-rt",
                                 "--print-libgcc-file-name"]).strip()
    return Path(named) if Path(named).is_file() else None


def build(sources, architecture, folder):
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        scratch = Path(scratch)
        zig, source = sources.compiler(scratch)
        if not zig.is_file():
            raise Problem(f"this clang has no builtins library for {architecture}, and {zig} is missing, which builds it")
        whole = scratch / "builtins.o"
        say(f"builtins for {architecture}")
        run([zig, "build-obj", source, "-target", f"{architecture}-linux-musl", "-O", "ReleaseFast", "-fno-PIC", "-fstrip",
             "-ffunction-sections", "-fdata-sections", "-fno-stack-check", "--cache-dir", scratch / "cache",
             "--global-cache-dir", scratch / "cache", f"-femit-bin={whole}"])
        # It also has weak copies of what libc has: only the names that compilers call stay to be seen.
        run([compiling.OBJCOPY, "--wildcard", "--keep-global-symbol=__*", whole, folder / "builtins.o"])
    compiling.archive(folder / "builtins.a", [folder / "builtins.o"])


def builtins(sources, architecture):
    """The archive of the architecture."""
    found = of_compiler(architecture)
    if found:
        return found
    digest = digest_of(sources.digest, Path(__file__))
    return cached(f"builtins-{architecture}", digest, lambda folder: build(sources, architecture, folder)) / "builtins.a"
