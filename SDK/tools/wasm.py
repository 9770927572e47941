"""The Wasm target, wasm/: wasi-libc as Debian builds it and libc++, over the SDK's file system, which answers their WASI
calls inside the module."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import compiling
import complex_functions
import libc
import libcxx
from compiling import cached, compile_all, digest_of, run
from sources import Problem, cache_folder, say

PACKAGES = ("wasi-libc", "libclang-rt-19-dev-wasm32")
ARCHIVE = "debian-wasm"

LIBC = "usr/lib/wasm32-wasi"
HEADERS = "usr/include/wasm32-wasi"
BUILTINS = "usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a"

CONFIG = libc.HLIBC / "wasi" / "cxx"

# Of libc++abi and libc++: what threads need.
THREADS = {"barrier.cpp", "condition_variable.cpp", "condition_variable_destructor.cpp", "cxa_thread_atexit.cpp", "future.cpp",
           "mutex.cpp", "mutex_destructor.cpp", "shared_mutex.cpp", "thread.cpp", "atomic.cpp"}

# Exceptions in the form of WebAssembly 3.0.
EXCEPTIONS = ["-fwasm-exceptions", "-mllvm", "-wasm-use-legacy-eh=false"]
JUMPS = [f"-I{libc.HLIBC / 'wasi' / 'include'}", "-mexception-handling", "-mllvm", "-wasm-enable-sjlj", *EXCEPTIONS[1:]]


def debian():
    """The folder with the packages' files: / when they are installed, else the cache, where apt-get puts them without
    installing anything; apt checks their signatures."""
    system = Path("/")
    if all((system / file).is_file() for file in (f"{LIBC}/libc.a", f"{HEADERS}/stdio.h", BUILTINS)):
        return system
    folder = cache_folder() / ARCHIVE
    if not folder.is_dir():
        if not shutil.which("apt-get"):
            raise Problem(f"the Wasm target needs the Debian packages {' '.join(PACKAGES)}")
        say(f"downloading {' '.join(PACKAGES)}")
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            download(Path(scratch))
            (Path(scratch) / "files").rename(folder)
    return folder


def download(folder):
    command = ["apt-get", "download", "-qq", *PACKAGES]
    if subprocess.run(command, cwd=folder, capture_output=True).returncode != 0:
        raise Problem(f"apt-get could not download {' '.join(PACKAGES)}; is `apt-get update` needed?")
    for package in folder.glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(folder / "files")])


def target_flags(root):
    return ["--target=wasm32-unknown-wasi", "-O2", "-nostdlibinc", "-fno-strict-aliasing", "-mbulk-memory",
            "-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS", "-D_WASI_EMULATED_MMAN"], [
            "-isystem", str(root / HEADERS)]


def arithmetic_jobs(lib, root, scratch):
    """What takes the place of musl's files in the other targets too: wasi-libc's are the same."""
    target, after = target_flags(root)
    musl = lib / "libc" / "musl"
    flags = [*target, "-w", "-std=gnu11", "-Dhidden=", "-Dweak=__attribute__((__weak__))", f"-I{libc.HLIBC / 'complex'}", *after]
    flags += [f"-idirafter{musl / part}" for part in ("src/internal", "arch/generic")]
    functions = scratch / "complex_functions.c"
    functions.write_text(complex_functions.source()[0])
    mended = [libc.mended(musl / "src" / f"{name}.c", scratch) for name in libc.MENDED]
    return [(file, flags) for file in (functions, *mended, *sorted((libc.HLIBC / "complex").glob("*.c")))]


def own_library(lib, root, folder):
    target, after = target_flags(root)
    flags = [*target, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-int-to-pointer-cast",
             f"-I{libc.SDK / 'include'}", f"-I{libc.ABI}", *after]
    hlibc = libc.HLIBC
    files = [file for part in ("core", "wasi", "wasi/program") for file in sorted((hlibc / part).glob("*.c"))]
    files += [hlibc / "start" / "arguments.c", hlibc / "start" / "heap.c", libc.SDK / "freestanding" / "data.c",
              libc.SDK / "freestanding" / "report.c"]
    jobs = [(file, flags + JUMPS if file.name == "jumps.c" else flags) for file in files]
    with tempfile.TemporaryDirectory() as scratch:
        jobs += arithmetic_jobs(lib, root, Path(scratch))
        compile_all("hlibc for wasm32", jobs, folder / "libdandelion.a")


def cxx_library(lib, root, folder):
    headers = folder / "include"
    libcxx.install_headers(lib, headers)
    shutil.copyfile(CONFIG / "__config_site", headers / "__config_site")
    target, after = target_flags(root)
    plus = [*target, *EXCEPTIONS, "-w", "-std=c++23", "-nostdinc++", f"-isystem{headers}", "-isystem",
            str(CONFIG), *after, "-D_LIBCPP_BUILDING_LIBRARY", "-DLIBCXX_BUILDING_LIBCXXABI", "-D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS",
            "-D_LIBCXXABI_DISABLE_VISIBILITY_ANNOTATIONS", "-D_LIBCXXABI_HAS_NO_THREADS", f"-I{lib / 'libcxx' / 'src'}"]
    abi = ["-D_LIBCXXABI_BUILDING_LIBRARY", "-D_LIBCXXABI_HAS_NO_DL", f"-I{lib / 'libcxxabi' / 'include'}"]
    unwind = [*target, *EXCEPTIONS, "-w", "-DNDEBUG", "-D_LIBUNWIND_HIDE_SYMBOLS", f"-I{lib / 'libunwind' / 'include'}", "-isystem", str(CONFIG), *after]
    left_out = libcxx.LEFT_OUT | THREADS
    jobs = [(file, plus) for file in sorted((lib / "libcxx" / "src").rglob("*.cpp"))
            if file.name not in left_out and not libcxx.LEFT_OUT_FOLDERS & set(file.parts)]
    jobs += [(file, [*plus, *abi]) for file in sorted((lib / "libcxxabi" / "src").glob("*.cpp"))
             if file.name not in left_out]
    # The name is what raise.cpp has another function for.
    jobs += [(lib / "libunwind" / "src" / "Unwind-wasm.c", [*unwind, "-D_Unwind_RaiseException=dandelion_raise"]),
             (CONFIG / "raise.cpp", [*plus, f"-I{lib / 'libunwind' / 'include'}"])]
    compile_all("libc++ for wasm32", jobs, folder / "libc++.a")


def install(sources, output):
    root = debian()
    wasm = output / "wasm"
    tools = [compiling.compiler_version(), Path(__file__), Path(compiling.__file__), root / LIBC / "libc.a"]
    own = cached("hlibc-wasm32",
                 digest_of(*tools, sources.digest, Path(complex_functions.__file__), Path(libc.__file__), libc.HLIBC,
                           libc.SDK / "freestanding", libc.SDK / "include", libc.ABI),
                 lambda folder: own_library(sources.lib, root, folder))
    cxx = cached("libcxx-wasm32", digest_of(*tools, sources.digest, Path(libcxx.__file__), CONFIG, libcxx.CONFIG),
                 lambda folder: cxx_library(sources.lib, root, folder))
    (wasm / "lib").mkdir(parents=True, exist_ok=True)
    # Debian's libc++, where it is installed too, lacks files and folders.
    parts = [file for file in sorted((root / LIBC).glob("*.[ao]")) if not file.name.startswith("libc++")]
    for file in (own / "libdandelion.a", cxx / "libc++.a", root / BUILTINS, *parts):
        shutil.copyfile(file, wasm / "lib" / file.name)
    shutil.copytree(root / HEADERS, wasm / "include", dirs_exist_ok=True)
    shutil.copytree(libc.HLIBC / "wasi" / "include", wasm / "include", dirs_exist_ok=True)
    shutil.copytree(cxx / "include", wasm / "include" / "c++" / "v1", dirs_exist_ok=True)
    for package in PACKAGES:
        shutil.copyfile(root / "usr/share/doc" / package / "copyright", output / "licences" / f"{package}.txt")
