"""libc++, libc++abi and libunwind over hlibc: libhlibc++.a."""

import shutil
from pathlib import Path

import compiling
import libc
from compiling import ARCH_FLAGS, BASE_FLAGS, cached, compile_all, digest_of, target

CONFIG = libc.HLIBC / "cxx"
SITE = "/* zig patch: instead of including __config_site, zig adds -D flags when compiling */"

# Parts for other systems, and those that need a time zone database or another scheduler.
LEFT_OUT = {"libdispatch.cpp", "time_zone.cpp", "tzdb.cpp", "tzdb_list.cpp", "chrono_exception.cpp",
            "cxa_noexception.cpp", "int128_builtins.cpp"}
LEFT_OUT_FOLDERS = {"ibm", "win32"}
UNWIND = ["libunwind.cpp", "UnwindLevel1.c", "UnwindLevel1-gcc-ext.c", "UnwindRegistersRestore.S",
          "UnwindRegistersSave.S"]


def install_headers(lib, to):
    """The headers with the line put back that includes the configuration, and with complex functions of the C library."""
    shutil.copytree(lib / "libcxx" / "include", to, dirs_exist_ok=True)
    for name in ("cxxabi.h", "__cxxabi_config.h"):
        shutil.copyfile(lib / "libcxxabi" / "include" / name, to / name)
    for name in ("unwind.h", "unwind_itanium.h", "unwind_arm_ehabi.h", "libunwind.h", "__libunwind_config.h"):
        shutil.copyfile(lib / "libunwind" / "include" / name, to / name)
    shutil.copyfile(CONFIG / "__config_site", to / "__config_site")
    for path in to.rglob("*"):
        if path.is_file() and SITE in (text := path.read_text(errors="replace")):
            path.write_text(text.replace(SITE, "#include <__config_site>"))
    shutil.copytree(CONFIG / "include", to, dirs_exist_ok=True)
    with open(to / "complex", "a") as file:
        file.write("#include <__complex_functions.h>\n")


def c_headers(lib, architecture):
    include = lib / "libc" / "include"
    resources = Path(compiling.output_of([compiling.CLANG, "-print-resource-dir"]).strip()) / "include"
    return [include / f"{architecture}-linux-musl", include / "generic-musl", lib / "libc" / "musl" / "include", CONFIG,
            resources]


def library(lib, architecture, folder):
    headers = folder / "include"
    install_headers(lib, headers)
    common = [target(architecture), *BASE_FLAGS, *ARCH_FLAGS[architecture], "-w", "-funwind-tables", "-D_GNU_SOURCE"]
    after = [f"-isystem{path}" for path in c_headers(lib, architecture)]
    plus = ["-std=c++23", "-nostdinc++", f"-isystem{headers}", *after, "-D_LIBCPP_BUILDING_LIBRARY",
            "-DLIBCXX_BUILDING_LIBCXXABI", "-fvisibility-inlines-hidden", "-fvisibility=hidden",
            "-D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS", "-D_LIBCXXABI_DISABLE_VISIBILITY_ANNOTATIONS"]
    abi = ["-D_LIBCXXABI_BUILDING_LIBRARY", "-D_LIBCXXABI_HAS_NO_DL"]
    unwind = ["-D_LIBUNWIND_HAS_NO_THREADS", "-D_LIBUNWIND_IS_NATIVE_ONLY", "-D_LIBUNWIND_HIDE_SYMBOLS", "-fno-rtti",
              "-fno-exceptions"]
    jobs = []
    for file in sorted((lib / "libcxx" / "src").rglob("*.cpp")):
        if file.name not in LEFT_OUT and not LEFT_OUT_FOLDERS & set(file.parts):
            jobs.append((file, [*common, *plus, f"-I{lib / 'libcxx' / 'src'}"]))
    for file in sorted((lib / "libcxxabi" / "src").glob("*.cpp")):
        if file.name not in LEFT_OUT:
            jobs.append((file, [*common, *plus, *abi, f"-I{lib / 'libcxxabi' / 'include'}",
                                f"-I{lib / 'libcxx' / 'src'}"]))
    for name in UNWIND:
        flags = [*common, *unwind, f"-I{lib / 'libunwind' / 'include'}", "-funwind-tables"]
        flags += [*plus, "-fno-exceptions"] if name.endswith(".cpp") else after
        jobs.append((lib / "libunwind" / "src" / name, flags))
    compile_all(f"libc++ for {architecture}", jobs, folder / "libhlibc++.a")


def install(sources, architecture, output):
    parts = [Path(__file__), Path(compiling.__file__), CONFIG]
    built = cached(f"libcxx-{architecture}", digest_of(sources.digest, compiling.compiler_version(), *parts),
                   lambda folder: library(sources.lib, architecture, folder))
    shutil.copyfile(built / "libhlibc++.a", output / "hlibc" / "lib" / architecture / "libhlibc++.a")
    shutil.copytree(built / "include", output / "hlibc" / "include" / "c++" / "v1", dirs_exist_ok=True)
