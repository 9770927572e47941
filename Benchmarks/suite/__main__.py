"""The benchmark suite: `./dev bench [--quick] [--output FOLDER] [EXPERIMENT...]`."""

import argparse
import datetime
import importlib
import platform
import re
import signal
import sys
import time
import traceback
from pathlib import Path

from .bench import ROOT, Bench, Unavailable, progress
from .report import Section, target_table

EXPERIMENTS = ["floors", "table1", "figure5", "figure2", "figure6", "chains", "figure7", "figure8", "figure10", "wasm", "images", "python", "sql", "durable"]


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures the node beside floors and peers.")
    parser.add_argument(
        "experiments", nargs="*", metavar="EXPERIMENT", help=f"of {', '.join(EXPERIMENTS)}; all without"
    )
    parser.add_argument("--quick", action="store_true", help="a scaled subset, about five minutes for all")
    parser.add_argument(
        "--output", type=Path, help="folder of the results (Benchmarks/results, with --quick its folder quick)"
    )
    parser.add_argument("--check", action="store_true", help="only check the arguments")
    parser.add_argument("--node", default=ROOT / ".build/release/dandelion", help="the executable to measure")
    options = parser.parse_args()
    for name in options.experiments:
        if name not in EXPERIMENTS:
            parser.error(f"no experiment is called '{name}': {', '.join(EXPERIMENTS)}")
    return options


def machine(bench):
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return (
        f"{model.group(1) if model else platform.machine()}, {len(bench.cpus)} CPUs, Linux {platform.release()}, "
        f"{datetime.date.today()}{', quick' if bench.quick else ''}."
    )


def run_one(bench, name):
    """The section of an experiment; what stopped it instead, when something did. Other experiments go on."""
    module = importlib.import_module(f".experiments.{name}", __package__)
    try:
        return module.run(bench), True
    except Unavailable as reason:
        section = Section(module.TITLE)
        section.text(f"Not measured: {reason}")
        return section, False
    except Exception:
        traceback.print_exc()
        section = Section(module.TITLE)
        section.text("Not measured: the experiment failed; its trace is in the output of the run.")
        return section, False


def write(folder, name, section, about):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(f"{section.markdown()}\n{about}\n")
    for file, svg in section.plots.items():
        (folder / file).write_text(svg)


def main():
    options = arguments()
    if options.check:
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    folder = options.output or ROOT / ("Benchmarks/results/quick" if options.quick else "Benchmarks/results")
    bench = Bench(options.quick, options.node)
    about, sections, failed = machine(bench), {}, []
    try:
        for name in options.experiments or EXPERIMENTS:
            progress(f"experiment {name}")
            start = time.monotonic()
            sections[name], good = run_one(bench, name)
            failed += [] if good else [name]
            write(folder, name, sections[name], about)
            progress(f"{name} took {time.monotonic() - start:.0f} s")
    finally:
        bench.close()
    targets = [target for section in sections.values() for target in section.targets]
    if not options.experiments:
        links = "\n".join(f"- [{section.title}]({name}.md)" for name, section in sections.items())
        (folder / "README.md").write_text(
            f"# Results of `./dev bench`\n\n{about}\n\n{links}\n\n{target_table(targets)}\n"
        )
    print("\n".join(section.markdown() for section in sections.values()))
    progress(f"results are in {folder}")
    if failed:
        progress(f"did not finish: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
