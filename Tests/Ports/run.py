#!/usr/bin/env python3
"""Builds programs and libraries that others wrote with the SDK, and runs their own tests in sandboxes.

    run.py SDK_FOLDER DANDELION [--class process,kvm] [--sample] [--write] [--keep FOLDER] [NAME...]

A program is a file programs/NAME.sh: `title`, `package`, `file` and `sha256` of Debian's source package, `also`, the same
three words of another one, which comes into the folder `also`, `command`, what a user types, `classes` where it does not run
on process and kvm alone (rwasm: built for WebAssembly too), `needs`, ports of the SDK, and the functions `build` and `check`, which prints a line "ok NAME", "not ok NAME" or
"skip NAME" for each test. failures.txt says which tests fail, and why; any other
that fails, and any of those that passes, is an error. --sample takes the quick ones (`sample=yes`), --write makes
Docs/compatibility.md out of all results that are kept in the cache. --keep leaves what was built in FOLDER/NAME, and takes
it from there when it is there already."""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "SDK" / "tools"))
sys.dont_write_bytecode = True
import debian_source  # noqa: E402
from sources import Problem, cache_folder  # noqa: E402

TIMEOUT = 3600
CLASSES = ("process", "kvm")
# What is compiled otherwise than for the first class.
VARIANTS = {"rwasm": "-wasm"}
FIELDS = ("title", "package", "file", "sha256", "also", "command", "classes", "needs", "sample")
RESULT = re.compile(r"^(ok|not ok|skip) (.*)$")


class Program:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        script = f"source {path}; " + "; ".join(f'printf "%s\\0" "${{{field}:-}}"' for field in FIELDS)
        values = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
        for field, value in zip(FIELDS, values):
            setattr(self, field, value)
        self.classes = self.classes.split() or list(CLASSES)

    def shell(self, function, folder, environment, log):
        command = f"source {HERE}/prelude.sh; source {self.path}; cd {folder}; {function}"
        return subprocess.run(["bash", "-c", command], env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
                              errors="replace", timeout=TIMEOUT)

    def build(self, sdk, dandelion, run_class, folder, log):
        for need in self.needs.split():
            subprocess.run([ROOT / "SDK" / "ports" / "add.sh", sdk, need], check=True, stdout=log, stderr=log)
        tarball = debian_source.tarball(self.package, self.file, self.sha256)
        unpack(tarball, folder)
        if self.also:
            unpack(debian_source.tarball(*self.also.split()), Path(folder) / "also")
        environment = surroundings(sdk, dandelion, run_class)
        done = self.shell("build 2>&1", folder, environment, log)
        log.write(done.stdout)
        return done.returncode == 0

    def check(self, sdk, dandelion, run_class, folder, log):
        done = self.shell("check", folder, surroundings(sdk, dandelion, run_class), log)
        log.write(done.stdout)
        results = {}
        for line in done.stdout.splitlines():
            if match := RESULT.match(line.rstrip()):
                results[match[2].strip() or "?"] = match[1]
        if not results:
            results["(its tests)"] = "not ok"
        return results


def unpack(tarball, folder):
    Path(folder).mkdir(exist_ok=True)
    subprocess.run(["tar", "xf", tarball, "-C", folder, "--strip-components=1"], check=True)


def surroundings(sdk, dandelion, run_class):
    return {**os.environ, "SDK": str(sdk), "DANDELION": str(dandelion), "RUN": f"{sdk}/bin/dandelion-run",
            "DANDELION_RUN": f"{sdk}/bin/dandelion-run", "DANDELION_RUN_OPTIONS": f"--class {run_class}", "LC_ALL": "C",
            "DANDELION_VARIANT": VARIANTS.get(run_class, "")}


def known_failures():
    """{(program, class or *): {test: reason}}; a test may end in `*`."""
    known = []
    for line in (HERE / "failures.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            program, run_class, rest = line.split(None, 2)
            test, reason = rest.rsplit(" -- ", 1)
            known.append((program, run_class, test, reason))
    return known


def judge(name, run_class, results, known):
    """Complaints about results that failures.txt does not foresee."""
    complaints = []
    mine = [entry for entry in known if entry[0] == name and entry[1] in (run_class, "*")]
    for test, result in results.items():
        expected = any(test == entry[2] or (entry[2].endswith("*") and test.startswith(entry[2][:-1])) for entry in mine)
        if result == "not ok" and not expected:
            complaints.append(f"{name} on {run_class}: {test} fails")
        if result == "ok" and any(test == entry[2] for entry in mine):
            complaints.append(f"{name} on {run_class}: {test} passes, take it out of failures.txt")
    return complaints


def counts(results):
    values = list(results.values())
    return [values.count("ok"), values.count("not ok"), values.count("skip")]


def kept_folder():
    folder = cache_folder() / "ports-results"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def work_folder(name, keep):
    """A folder to build in, and whether the program is built there already."""
    if not keep:
        with tempfile.TemporaryDirectory() as scratch:
            yield scratch, False
        return
    folder, done = keep / name, keep / f"{name}.built"
    built = done.exists()
    if not built:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    yield folder, built


def run_variant(program, classes, options, known, record, log):
    """Builds for these classes, which take the same images, and tests on each."""
    complaints, name = [], program.name + VARIANTS.get(classes[0], "")
    with work_folder(name, options.keep) as (scratch, built):
        if not built and not program.build(options.sdk, options.dandelion, classes[0], scratch, log):
            return [f"{name} does not build: {log.name}"]
        if options.keep:
            (options.keep / f"{name}.built").touch()
        for run_class in classes:
            results = program.check(options.sdk, options.dandelion, run_class, scratch, log)
            record["classes"][run_class] = counts(results)
            complaints += judge(program.name, run_class, results, known)
    return complaints


def run(program, options, known):
    begin, complaints = time.time(), []
    kept = kept_folder() / f"{program.name}.json"
    record = {"title": program.title, "source": program.file, "command": program.command, "classes": {}}
    if kept.exists():
        # What another run found on other classes.
        before = json.loads(kept.read_text())
        record["classes"] = before["classes"] if before["source"] == program.file else {}
    classes = [name for name in program.classes if name in options.classes]
    with open(kept_folder() / f"{program.name}.log", "w") as log:
        for variant in sorted({VARIANTS.get(name, "") for name in classes}):
            same = [name for name in classes if VARIANTS.get(name, "") == variant]
            complaints += run_variant(program, same, options, known, record, log)
    print(f"{program.name}: {record['classes']} in {time.time() - begin:.0f} s", flush=True)
    if record["classes"]:
        kept.write_text(json.dumps(record))
    return complaints


def write_table(known):
    lines = [
        "# Programs and libraries that others wrote", "",
        "Made by `./dev ports --write` (`Tests/Ports/run.py`): each is built with the SDK by the command shown and tested in",
        "sandboxes, through `dandelion run`. A cell has the tests passed, failed and skipped; `-` is a class not tried. The tests",
        "are a package's own where its source has some that run this way, else a few of ours (`Tests/Ports/programs`).", "",
        "| program | source | command | process | kvm | rwasm |", "|---|---|---|---|---|---|"]
    for path in sorted(kept_folder().glob("*.json")):
        record = json.loads(path.read_text())
        cells = ["/".join(map(str, record["classes"][name])) if name in record["classes"] else "-"
                 for name in ("process", "kvm", "rwasm")]
        lines.append(f"| {record['title']} | `{record['source']}` | `{record['command']}` | " + " | ".join(cells) + " |")
    lines += ["", "## Why tests fail", "", "| program | class | test | reason |", "|---|---|---|---|"]
    lines += [f"| {program} | {run_class} | `{test}` | {reason} |" for program, run_class, test, reason in known]
    (ROOT / "Docs" / "compatibility.md").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sdk", type=Path)
    parser.add_argument("dandelion", type=Path)
    parser.add_argument("--class", dest="classes", default=",".join((*CLASSES, *VARIANTS)))
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    options.sdk, options.dandelion = options.sdk.resolve(), options.dandelion.resolve()
    options.classes = options.classes.split(",")
    known, complaints = known_failures(), []
    for path in sorted((HERE / "programs").glob("*.sh")):
        if options.names and path.stem not in options.names:
            continue
        program = Program(path)
        if options.sample and program.sample != "yes":
            continue
        try:
            complaints += run(program, options, known)
        except (Problem, subprocess.SubprocessError) as problem:
            complaints.append(f"{path.stem}: {problem}")
    if options.write:
        write_table(known)
    for complaint in complaints:
        print(f"ports: {complaint}", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
