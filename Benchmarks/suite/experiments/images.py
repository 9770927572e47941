"""Large images and snapshots: what a start costs by the pages that it touches, beside a small image and the floor in C."""

import struct

from .. import load, stats
from ..bench import ROOT, progress
from ..load import Kind
from ..node import Node, memory, stages
from ..report import Section, Target

TITLE = "Large images and snapshots"
CLASSES = ("kvm", "process")
READ, WRITTEN, KIB = 256, 200, 16 << 10
MEMORY = 64 << 20
NOTHING = "reads and writes nothing"
TOUCHED = f"reads {READ} pages, writes {WRITTEN}"
PROGRAMS = {"image of 100 KiB": (100,), "image of 16 MiB": (KIB,), "snapshot of 16 MiB": (KIB, "-DSNAPSHOT")}


def program(bench, kib, *flags):
    def make(path):
        bench.compile(["clang", f"--config={bench.hosted_sdk}/dandelion.cfg", f"-DKIB={kib}", *flags,
                       ROOT / "Benchmarks/functions/pages.c", "-o", path])
    return bench.once(f"pages-{kib}{''.join(flags)}", make)


def floor(bench):
    """{title: (touched, fetched, cycle)} of the C floor, us."""
    lines = bench.run([bench.helper("floors/mapped_floor.c"), bench.cpus[0]]).splitlines()[1:]
    return {words[0].strip(): tuple(map(float, words[1:])) for words in (line.rsplit(None, 3) for line in lines)}


def sandbox_time(node, path, body, runs):
    """Median of the node's stages from an engine that is free to the outputs, us."""
    times = []
    for _ in range(runs):
        status, headers, reply = node.request("POST", path, body)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {reply[:300]!r}")
        found = stages(headers)
        times.append(sum(found[stage] for stage in ("load", "input", "run", "output")))
    return stats.median(times[len(times) // 10:])


def measure(bench, class_name, runs):
    """{(program, work): (us in the sandbox, HTTP p50, HTTP p99)} and MiB that the node grew by with the snapshot."""
    found = {}
    works = {NOTHING: struct.pack("<2Q", 0, 0), TOUCHED: struct.pack("<2Q", READ, WRITTEN)}
    with Node(bench, bench.node_cpu) as node:
        for index, (title, arguments) in enumerate(PROGRAMS.items()):
            node.register(f"pages{index}", program(bench, *arguments), class_name, "in", "out", memory=MEMORY)
            for work, words in works.items():
                if arguments[0] != KIB and work != NOTHING:
                    continue
                path = f"/v1/invoke/pages{index}"
                inside = sandbox_time(node, path, words, runs)
                http = load.client(bench, node.port, Kind(path, bench.write("words", words)), runs, 20, cpu=bench.load_cpu)
                found[title, work] = inside, http["p50"], http["p99"]
    with Node(bench) as node:
        before = memory(node.pid)
        node.register("pages", program(bench, *PROGRAMS["snapshot of 16 MiB"]), class_name, "in", "out", memory=MEMORY)
        load.client(bench, node.port, Kind("/v1/invoke/pages", bench.write("words", works[TOUCHED])), runs, 20, connections=8)
        grown = (memory(node.pid) - before) / (1 << 20)
    return found, grown


def targets(class_name, found, floors):
    small = found["image of 100 KiB", NOTHING][0]
    pages = floors["reads and writes"][0] - floors["touches nothing"][0] + floors["reads and writes"][1] - floors["touches nothing"][1]
    image, snapshot = found["image of 16 MiB", TOUCHED], found["snapshot of 16 MiB", TOUCHED]
    yield Target(f"{class_name}: 16 MiB image / (2 x the small one + its pages in C)", image[0] / (2 * small + pages), 1, False)
    yield Target(f"{class_name}: snapshot in the sandbox, us", snapshot[0], 300, False)
    yield Target(f"{class_name}: snapshot over HTTP, p50, us", snapshot[1], 500, False)
    yield Target(f"{class_name}: snapshot over HTTP, p99, us", snapshot[2], 1000, False)


def run(bench):
    section, runs = Section(TITLE), bench.scale(1000, 100)
    progress("images: the floor in C")
    floors = floor(bench)
    section.text(f"A fresh sandbox for each request, of which the program reads {READ} and writes {WRITTEN} pages of its 16 MiB. "
                 "The floor in C maps the file privately into a forked process, and fetches what that wrote; us, medians.")
    section.table(["floor in C", "touched", "fetched", "cycle"], [[title, *numbers] for title, numbers in floors.items()])
    rows = []
    for class_name in CLASSES:
        progress(f"images: class {class_name}")
        found, grown = measure(bench, class_name, runs)
        rows += [[f"{class_name}: {title}, {work}", *numbers] for (title, work), numbers in found.items()]
        section.targets += targets(class_name, found, floors)
        section.targets.append(Target(f"{class_name}: MiB more at rest, two engines, snapshot of 16", grown, 24, False))
    section.table(["", "in the sandbox", "HTTP p50", "HTTP p99"], rows)
    return section
