"""musl with its system calls turned into calls, and hlibc, which answers them: libhlibc.a."""

import shutil
import tempfile
from pathlib import Path

import compiling
import complex_functions
from compiling import ARCH_FLAGS, BASE_FLAGS, cached, compile_all, digest_of, run, target
from sources import Problem

SDK = Path(__file__).resolve().parent.parent
HLIBC = SDK / "hlibc"
ABI = SDK.parent / "Sources" / "PluginABI" / "include"

# Assembly that makes system calls; the generic C files take its place, or ours.
RAW_SYSCALLS = {
    "thread/clone", "thread/__unmapself", "thread/__set_thread_area", "thread/syscall_cp", "signal/restore",
    "process/vfork",
}
# What hlibc has of its own: the thread pointer, and memory functions as in freestanding functions.
REPLACED = {
    "thread/__set_thread_area", "thread/syscall_cp", "thread/clone", "thread/__unmapself", "thread/pthread_getattr_np",
    "mman/mmap", "malloc/realloc", "malloc/free", "env/__libc_start_main", "string/memset", "string/memcmp",
    "string/memchr", "string/bcmp", "string/strlen",
}
# Complex functions that lose digits or whole results in musl: those of hlibc/complex and of complex_functions.py.
REPLACED |= {f"complex/{name}{kind}" for kind in ("f", "", "l")
             for name in ("cacos", "casin", "catan", "cacosh", "casinh", "catanh", "clog", "csqrt")}
REPLACED |= {f"complex/{name}l" for name in ("cexp", "ccosh", "csinh", "ctanh")}

# Wrong results of musl's own: in the place of a text that is there once, another.
MENDED = {
    # Large negative numbers had a finite result.
    "math/acosh": {"\t/* x < 1 domain error is handled in the called functions */\n": "\tif (x < 1) return (x-x)/(x-x);\n"},
    # Where the result is too large or too small, its sign was lost.
    "math/powl": {
        "\tif (w > MEXP)\n\t\treturn huge * huge;": "\tif (w > MEXP)\n\t\treturn (nflg ? -huge : huge) * huge;",
        "\tif (w < MNEXP)\n\t\treturn twom10000 * twom10000;":
            "\tif (w < MNEXP)\n\t\treturn (nflg ? -twom10000 : twom10000) * twom10000;",
    },
}


def musl_files(source, architecture):
    """musl's own choice of files (its Makefile): an architecture's file replaces the generic one of its name."""
    chosen = {}
    folders = [folder for folder in sorted((source / "src").iterdir()) if folder.is_dir()]
    for folder in folders:
        for file in sorted(folder.glob("*.c")):
            chosen[f"{folder.name}/{file.stem}"] = file
        for file in sorted((folder / architecture).glob("*.[csS]")):
            name = f"{folder.name}/{file.stem}"
            if name not in RAW_SYSCALLS:
                chosen[name] = file
    for file in sorted((source / "src" / "malloc" / "oldmalloc").glob("*.c")):
        chosen[f"malloc/oldmalloc/{file.stem}"] = file
    return [file for name, file in chosen.items() if name not in REPLACED]


def header_folders(lib, architecture):
    musl, include = lib / "libc" / "musl", lib / "libc" / "include"
    return [
        HLIBC / "musl", HLIBC / "complex", HLIBC / "calls", musl / "arch" / architecture, musl / "arch" / "generic",
        musl / "src" / "include", musl / "src" / "internal", musl / "src" / "malloc" / "oldmalloc",
        include / f"{architecture}-linux-musl", include / "generic-musl", musl / "include",
    ]


def mended(file, folder):
    """The file, or what MENDED makes of it, in `folder`."""
    changes = MENDED.get(f"{file.parent.name}/{file.stem}")
    if not changes:
        return file
    text = file.read_text()
    for before, after in changes.items():
        if text.count(before) != 1:
            raise Problem(f"{file} is not the file that is to be mended: it has no {before!r}")
        text = text.replace(before, after)
    (folder / file.name).write_text(text)
    return folder / file.name


def musl_library(lib, architecture, folder):
    flags = [target(architecture), *BASE_FLAGS, *ARCH_FLAGS[architecture], "-w", "-std=c99", "-ffreestanding",
             "-frounding-math", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-D_XOPEN_SOURCE=700"]
    flags += [f"-I{path}" for path in header_folders(lib, architecture)]
    with tempfile.TemporaryDirectory() as scratch:
        functions = Path(scratch) / "complex_functions.c"
        functions.write_text(complex_functions.source()[0])
        files = [mended(file, Path(scratch)) for file in musl_files(lib / "libc" / "musl", architecture)]
        files += [functions, *sorted((HLIBC / "musl").glob("*.c")), *sorted((HLIBC / "complex").glob("*.c"))]
        compile_all(f"musl for {architecture}", [(file, flags) for file in files], folder / "musl.a")


def own_flags(lib, architecture):
    include = lib / "libc" / "include"
    flags = [target(architecture), *BASE_FLAGS, *ARCH_FLAGS[architecture], "-std=gnu11", "-Wall", "-Wextra", "-Werror",
             "-fno-builtin", "-fno-asynchronous-unwind-tables", "-D_GNU_SOURCE", f"-I{SDK / 'include'}", f"-I{ABI}",
             f"-I{HLIBC / 'calls'}"]
    for path in (include / f"{architecture}-linux-musl", include / "generic-musl", lib / "libc" / "musl" / "include",
                 lib / "libc" / "musl" / "arch" / architecture, lib / "libc" / "musl" / "arch" / "generic"):
        flags += ["-isystem", str(path)]
    return flags


def own_library(lib, architecture, folder):
    """hlibc.a, and debug.a, which takes a platform's place on plain Linux."""
    flags = own_flags(lib, architecture)
    files = [HLIBC / "core" / name for name in ("blocks.c", "file.c", "pages.c", "random.c")]
    files += [SDK / "freestanding" / name for name in ("by_hand.c", "data.c", "entry.c", "memory.c", "report.c")]
    # What is not in a program's loops is made small: every program has a part of it.
    small = [file for part in ("core", "calls", "start") for file in sorted((HLIBC / part).glob("*.c"))
             if file not in files]
    jobs = [(file, flags) for file in files] + [(file, [*flags, "-Os"]) for file in small]
    compile_all(f"hlibc for {architecture}", jobs, folder / "hlibc.a")
    files = sorted((HLIBC / "debug").glob("*.c"))
    compile_all(f"debug backend for {architecture}", [(file, flags) for file in files], folder / "debug.a")


def libc(sources, architecture):
    """The folders that hold hlibc.a and debug.a, and musl.a."""
    version, lib = compiling.compiler_version(), sources.lib
    tools = [Path(__file__), Path(compiling.__file__)]
    arithmetic = [Path(complex_functions.__file__), HLIBC / "complex"]
    calls = [HLIBC / "calls" / "hl_calls.h", HLIBC / "calls" / "hl_prototypes.h"]
    musl = cached(f"musl-{architecture}", digest_of(sources.digest, version, *tools, *arithmetic, HLIBC / "musl", *calls),
                  lambda folder: musl_library(lib, architecture, folder))
    own = cached(f"hlibc-{architecture}", digest_of(sources.digest, version, *tools, HLIBC, SDK / "freestanding", ABI),
                 lambda folder: own_library(lib, architecture, folder))
    return own, musl


def install_headers(lib, architecture, to):
    """musl's headers: those of every architecture, then those of this one."""
    musl, include = lib / "libc" / "musl", lib / "libc" / "include"
    shutil.copytree(musl / "include", to / "include", dirs_exist_ok=True)
    shutil.copytree(include / "generic-musl", to / "include", dirs_exist_ok=True)
    shutil.copytree(musl / "arch" / "generic" / "bits", to / "arch" / architecture / "bits", dirs_exist_ok=True)
    shutil.copytree(musl / "arch" / architecture / "bits", to / "arch" / architecture / "bits", dirs_exist_ok=True)
    shutil.copytree(include / f"{architecture}-linux-musl", to / "arch" / architecture, dirs_exist_ok=True)


def merge(library, archives):
    library.parent.mkdir(parents=True, exist_ok=True)
    library.unlink(missing_ok=True)
    run([compiling.ARCHIVER, "qcLSD", str(library), *map(str, archives)])
    run([compiling.ARCHIVER, "s", str(library)])
