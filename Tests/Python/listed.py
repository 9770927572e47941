"""A file of the tests that are known to fail in sandboxes, by cause, and the comparison of a run with it: a new failure is an error,
and so is a listed test that passes. What the suites of CPython and numpy have in common."""

import argparse
import concurrent.futures
import os
import sys
from pathlib import Path

UNKNOWN = "TO BE LOOKED AT"


class Listed:
    def __init__(self, path):
        """{test: cause}, in the file's order."""
        self.path, self.causes, self.head, cause = path, {}, [], ""
        for line in path.read_text().splitlines() if path.exists() else []:
            if line.startswith("    "):
                self.causes[line.strip()] = cause
            elif line.startswith("#"):
                self.head.append(line)
            elif line:
                cause = line.rstrip(":")

    def compare(self, failed, belongs):
        """What failed and is not listed, and what is listed and did not fail, of the tests that `belongs` is true for."""
        new = sorted(failed - set(self.causes))
        mended = sorted(name for name in self.causes if belongs(name) and name not in failed)
        for name in mended:
            del self.causes[name]
        self.causes |= {name: UNKNOWN for name in new}
        return new, mended

    def write(self):
        by_cause = {}
        for name, cause in self.causes.items():
            by_cause.setdefault(cause, []).append(name)
        text = "\n".join(self.head) + "\n"
        for cause, names in by_cause.items():
            text += f"\n{cause}:\n" + "".join(f"    {name}\n" for name in sorted(names))
        self.path.write_text(text)


def options(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--class", dest="run_class", default="process")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--log", help="a folder for each module's output")
    parser.add_argument("modules", nargs="*")
    return parser.parse_args()


def judge(arguments, listed, modules, run, belongs):
    """Runs modules by `run(module)`, which tells (failed tests, how many ran, seconds, output), and ends the program."""
    problems, total = [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for module, (failed, ran, seconds, text) in zip(modules, pool.map(run, modules)):
            total += ran
            if arguments.log:
                Path(arguments.log, module.replace("/", "_")).write_text(text)
            new, mended = listed.compare(failed, lambda name: belongs(name, module))
            problems += [f"{name} fails" for name in new] + [f"{name} passes, and is listed as failing" for name in mended]
            print(f"{module}: {ran} tests, {len(failed)} failed, {seconds:.0f} s" + "".join(
                f"\n  new: {name}" for name in new) + "".join(f"\n  mended: {name}" for name in mended), flush=True)
    print(f"{len(modules)} modules, {total} tests in sandboxes of class {arguments.run_class}")
    if arguments.write:
        listed.write()
    elif problems:
        print("\n".join(problems))
        sys.exit(f"{len(problems)} differences from {listed.path.name}")
