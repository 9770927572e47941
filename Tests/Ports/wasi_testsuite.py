#!/usr/bin/env python3
"""Runs the preview 1 tests of https://github.com/WebAssembly/wasi-testsuite under RWasm.

    wasi_testsuite.py DANDELION FOLDER [NAME...]

FOLDER is a checkout of its branch prod/testsuite-base, which has the compiled modules. Each module runs by `dandelion run`;
its file of the same name with .json says by which arguments, variables and files, and what it should give. The counts become a
row of Docs/compatibility.md (`./dev ports --write`)."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from run import counts, judge, kept_folder, known_failures  # noqa: E402

TIMEOUT = 300
TITLE = "wasi-testsuite, preview 1: AssemblyScript, C, Rust"


def run(dandelion, module):
    """None when all is as expected, else what is not."""
    described = module.with_suffix(".json")
    wanted = json.loads(described.read_text()) if described.exists() else {}
    command = [dandelion, "run", "--class", "rwasm"]
    for name, value in wanted.get("env", {}).items():
        command += ["--env", f"{name}={value}"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if root := wanted.get("root"):
            folder = shutil.copytree(module.parent / root, folder / "root")
            command.append("--here")
        try:
            done = subprocess.run([*command, "--", module, *wanted.get("args", [])], cwd=folder, capture_output=True,
                                  text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return f"more than {TIMEOUT} s"
    if done.returncode != wanted.get("exit_code", 0):
        return f"exit code {done.returncode}: {done.stderr[-500:]}"
    if done.stdout != wanted.get("stdout", done.stdout):
        return f"it prints {done.stdout!r}"
    return None


def main(dandelion, folder, names):
    dandelion, results = Path(dandelion).resolve(), {}
    for module in sorted(Path(folder).resolve().glob("tests/*/testsuite/wasm32-wasip1/*.wasm")):
        if names and module.stem not in names:
            continue
        name = f"{module.parts[-4]}/{module.stem}"
        wrong = run(dandelion, module)
        results[name] = "not ok" if wrong else "ok"
        print(f"{results[name]} {name}" + (f": {wrong}" if wrong else ""), flush=True)
    if not results:
        sys.exit(f"wasi_testsuite: {folder} has no modules; it is the branch prod/testsuite-base that does")
    if not names:
        record = {"title": TITLE, "source": "WebAssembly/wasi-testsuite, prod/testsuite-base",
                  "command": "Tests/Ports/wasi_testsuite.py DANDELION FOLDER", "classes": {"rwasm": counts(results)}}
        (kept_folder() / "wasi-testsuite.json").write_text(json.dumps(record))
    complaints = judge("wasi-testsuite", "rwasm", results, known_failures())
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
