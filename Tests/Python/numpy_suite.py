#!/usr/bin/env python3
"""Runs numpy's own tests of its core, linear algebra and FFT in sandboxes, and compares what fails with numpy-failures.txt.

    numpy_suite.py [--all] [--class process] [--write] [--log FOLDER] [MODULE...]

Without names a sample runs. The rest is as cpython.py has it. The tests come from the source distribution that the image
python-numpy was built from; pytest and hypothesis from the package index, where the sandbox gets them as packages.zip."""

import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
from listed import Listed, judge, options  # noqa: E402
from surroundings import DANDELION, ROOT, SDK  # noqa: E402

sys.path.insert(0, str(ROOT / "SDK/tools"))
from sources import cache_folder  # noqa: E402

IMAGE = SDK / "python/python-numpy"
PARTS = ("core", "linalg", "fft")
SAMPLE = ["linalg/tests/test_linalg.py", "core/tests/test_numeric.py", "core/tests/test_umath.py", "fft/tests/test_pocketfft.py"]
REQUIREMENTS = "pytest==7.4.4\nhypothesis==6.68.2\n"
TIMEOUT = 600
OUTCOME = re.compile(r"^(?:FAILED|ERROR) code/numpy/(\S+?)(?: - .*)?$", re.MULTILINE)
COUNT = re.compile(r"(\d+) (?:passed|failed|errors?|xfailed|xpassed)")

# Tests look for each other as modules of numpy, which lies in the image. Some files import ctypes for a few of their tests.
RUN = """
import importlib, sys, types
for part in ("core", "linalg", "fft"):
    importlib.import_module("numpy." + part).__path__.append("/code/numpy/" + part)
import pytest
class Missing(types.ModuleType):
    class Structure: pass
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *values: (_ for _ in ()).throw(ImportError("there is no ctypes"))})
sys.modules["ctypes"] = Missing("ctypes")
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir=/code", "--import-mode=importlib", "--tb=line", *sys.argv[1:]]))
"""


def sdist():
    script = (ROOT / "SDK/python/build.sh").read_text()
    version = re.search(r"^numpy_version=(\S+)", script, re.MULTILINE)[1]
    return cache_folder() / f"numpy-{version}.tar.gz"


def unpack(folder):
    """The tests as the package `numpy` in a folder, what runs them, and pytest."""
    with tarfile.open(sdist()) as archive:
        for member in archive:
            parts = member.name.split("/")
            if member.isfile() and parts[1] == "numpy" and parts[2] in PARTS and parts[3] == "tests":
                member.name = "/".join(parts[1:])
                archive.extract(member, folder, filter="data")
            elif parts[1:] == ["numpy", "conftest.py"]:
                member.name = "conftest.py"
                archive.extract(member, folder, filter="data")
    Path(folder, "run.py").write_text(RUN)
    listed = Path(folder, "requirements.txt")
    listed.write_text(REQUIREMENTS)
    subprocess.run([sys.executable, SDK / "python/bundle.py", listed, Path(folder, "packages.zip")], check=True)


def run(module, folder, run_class):
    """What failed in a module, as module::test, and how many ran; the whole module when it did not end."""
    begun = time.monotonic()
    done = subprocess.run(
        [DANDELION, "run", "--class", run_class, "--memory", "4GiB", "--timeout", f"{TIMEOUT}s", "--in", f"code={folder}", str(IMAGE),
         "/code/run.py", f"/code/numpy/{module}"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    failed = set(OUTCOME.findall(text))
    # The last line counts; without one, the module did not end.
    counts = COUNT.findall(text.rstrip().rsplit("\n", 1)[-1])
    if not counts and not re.search(r"\d+ (skipped|deselected)|no tests ran", text) or done.returncode != 0 and not failed:
        failed.add(module)
    return failed, sum(map(int, counts)), time.monotonic() - begun, text


def main():
    if not IMAGE.exists():
        sys.exit(f"there is no {IMAGE}: ./dev python --numpy builds it")
    arguments, listed = options(__doc__), Listed(Path(__file__).resolve().parent / "numpy-failures.txt")
    with tempfile.TemporaryDirectory() as folder:
        unpack(folder)
        root = Path(folder, "numpy")
        everything = sorted(path.relative_to(root).as_posix() for path in root.glob("*/tests/test_*.py"))
        modules = arguments.modules or (everything if arguments.all else SAMPLE)
        modules = [module for module in modules if arguments.modules or module not in listed.causes]
        judge(arguments, listed, modules, lambda module: run(module, folder, arguments.run_class),
              lambda name, module: name.split("::")[0] == module)


if __name__ == "__main__":
    main()
