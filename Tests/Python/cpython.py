#!/usr/bin/env python3
"""Runs CPython's own tests in sandboxes, and compares what fails with cpython-failures.txt.

    cpython.py [--all] [--class process] [--write] [MODULE...]

Without names a sample runs; --all takes every test module but those that cpython-failures.txt leaves out as a whole. A test
that fails and is not listed is an error, and so is a listed one that passes. --write puts new failures into the file, below a
heading that asks for their cause, and takes those off that pass. DANDELION and DANDELION_SDK are as in surroundings.py."""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from surroundings import DANDELION, IMAGE, ROOT  # noqa: E402

sys.path.insert(0, str(ROOT / "SDK/tools"))
import debian_source  # noqa: E402

LISTED = Path(__file__).resolve().parent / "cpython-failures.txt"
SAMPLE = """test_asyncio.test_tasks test_asyncio.test_locks test_asyncio.test_queues test_bool test_bytes test_codecs
    test_collections test_csv test_datetime test_decimal test_dict test_float test_hashlib test_int test_io
    test_json test_list test_long test_math test_memoryview test_os test_pathlib test_random test_re test_shutil
    test_statistics test_struct test_tempfile test_textwrap test_time test_typing test_unicode test_zipfile
    test_zlib""".split()
UNKNOWN = "TO BE LOOKED AT"
TIMEOUT = 180
FAILED = re.compile(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+)(?: \(([^)\s]+)\))?", re.MULTILINE)
RAN = re.compile(r"^Ran (\d+) tests? in", re.MULTILINE)


def source():
    """Debian's pinned tarball, as build.sh names it."""
    script = (ROOT / "SDK/python/build.sh").read_text()
    version = re.search(r"^version=(\S+)", script, re.MULTILINE)[1]
    package, file, digest = re.search(r'^source=\((\S+) "(\S+)" (\S+)\)', script, re.MULTILINE).groups()
    return debian_source.tarball(package, file.replace("$version", version), digest)


def unpack(folder):
    """Lib/test as the package `test` in a folder."""
    with tarfile.open(source()) as archive:
        for member in archive:
            parts = member.name.split("/", 2)
            if member.isfile() and len(parts) == 3 and parts[1] == "Lib" and parts[2].startswith(("test/", "unittest/test/")):
                member.name = parts[2]
                archive.extract(member, folder, filter="data")


def read_listed():
    """{module or module.Class.test: cause}, in the file's order."""
    listed, cause = {}, ""
    for line in LISTED.read_text().splitlines() if LISTED.exists() else []:
        if line.startswith("    "):
            listed[line.strip()] = cause
        elif line and not line.startswith("#"):
            cause = line.rstrip(":")
    return listed


def write_listed(listed):
    causes = {}
    for name, cause in listed.items():
        causes.setdefault(cause, []).append(name)
    head = [line for line in LISTED.read_text().splitlines() if line.startswith("#")] if LISTED.exists() else []
    text = "\n".join(head) + "\n"
    for cause, names in causes.items():
        text += f"\n{cause}:\n" + "".join(f"    {name}\n" for name in sorted(names))
    LISTED.write_text(text)


def run(module, folder, run_class):
    """What failed in a test module, as module.Class.test, and how many tests ran; the whole module when it did not end."""
    begun = time.monotonic()
    command = [DANDELION, "run", "--class", run_class, "--memory", "1GiB", "--timeout", f"{TIMEOUT}s", "--cwd", "/lib",
               "--in", f"lib={folder}", str(IMAGE), "-m", "test", "-v", "-u", "none", module]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    ran = sum(int(count) for count in RAN.findall(text))
    failed = set()
    for test, place in FAILED.findall(text):
        name = (place or test).removeprefix("test.")
        # setUpClass and the like stand for their whole class.
        failed.add(name if place.endswith(test) or not place else f"{name}.{test}")
    result = re.search(r"^(?:== )?Tests result: (.*?)(?: ==)?$", text, re.MULTILINE)
    if not result or (result[1] not in ("SUCCESS", "NO TEST RUN", "NO TESTS RAN") and not failed):
        failed.add(module)
    return module, failed, ran, time.monotonic() - begun, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--class", dest="run_class", default="process")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--log", help="a folder for each module's output")
    parser.add_argument("modules", nargs="*")
    arguments = parser.parse_args()
    listed = read_listed()
    with tempfile.TemporaryDirectory() as folder:
        unpack(folder)
        everything = sorted(path.stem for path in Path(folder, "test").glob("test_*") if path.suffix == ".py" or (path / "__init__.py").exists())
        modules = arguments.modules or (everything if arguments.all else SAMPLE)
        modules = [module for module in modules if arguments.modules or module not in listed]
        problems, total = [], 0
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for module, failed, ran, seconds, text in pool.map(lambda name: run(name, folder, arguments.run_class), modules):
                total += ran
                if arguments.log:
                    Path(arguments.log, module).write_text(text)
                new = sorted(failed - set(listed))
                mended = sorted(name for name in listed if (name == module or name.startswith(module + ".")) and name not in failed)
                problems += [f"{name} fails" for name in new] + [f"{name} passes, and is listed as failing" for name in mended]
                print(f"{module}: {ran} tests, {len(failed)} failed, {seconds:.0f} s" + "".join(
                    f"\n  new: {name}" for name in new) + "".join(f"\n  mended: {name}" for name in mended), flush=True)
                for name in mended:
                    del listed[name]
                listed |= {name: UNKNOWN for name in new}
    print(f"{len(modules)} modules, {total} tests in sandboxes of class {arguments.run_class}")
    if arguments.write:
        write_listed(listed)
    elif problems:
        print("\n".join(problems))
        sys.exit(f"cpython: {len(problems)} differences from {LISTED.name}")


if __name__ == "__main__":
    main()
