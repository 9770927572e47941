#!/usr/bin/env python3
"""Runs CPython's own tests in sandboxes, and compares what fails with cpython-failures.txt.

    cpython.py [--all] [--class process] [--write] [MODULE...]

Without names a sample runs; --all takes every test module but those that cpython-failures.txt leaves out as a whole. A test
that fails and is not listed is an error, and so is a listed one that passes. --write puts new failures into the file, below a
heading that asks for their cause, and takes those off that pass. DANDELION and DANDELION_SDK are as in surroundings.py."""

import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from listed import Listed, judge, options  # noqa: E402
from surroundings import DANDELION, IMAGE, ROOT  # noqa: E402

sys.path.insert(0, str(ROOT / "SDK/tools"))
import debian_source  # noqa: E402

SAMPLE = """test_asyncio.test_tasks test_asyncio.test_locks test_asyncio.test_queues test_bool test_bytes test_codecs
    test_collections test_csv test_datetime test_decimal test_dict test_float test_hashlib test_int test_io
    test_json test_list test_long test_math test_memoryview test_os test_pathlib test_random test_re test_shutil
    test_statistics test_struct test_tempfile test_textwrap test_time test_typing test_unicode test_zipfile
    test_zlib""".split()
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
    return failed, ran, time.monotonic() - begun, text


def main():
    arguments, listed = options(__doc__), Listed(Path(__file__).resolve().parent / "cpython-failures.txt")
    with tempfile.TemporaryDirectory() as folder:
        unpack(folder)
        everything = sorted(path.stem for path in Path(folder, "test").glob("test_*") if path.suffix == ".py" or (path / "__init__.py").exists())
        modules = arguments.modules or (everything if arguments.all else SAMPLE)
        modules = [module for module in modules if arguments.modules or module not in listed.causes]
        judge(arguments, listed, modules, lambda module: run(module, folder, arguments.run_class),
              lambda name, module: name == module or name.startswith(module + "."))


if __name__ == "__main__":
    main()
