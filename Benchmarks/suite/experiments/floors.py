"""The node beside floors in C: a cold start against an HTTP echo plus the least that a sandbox can cost."""

import threading
import time

from .. import load, stats
from ..bench import Server, Unavailable, free_port, progress
from ..load import Kind
from ..node import Node, cpu_seconds, memory, register_matmul
from ..report import Section, Target

TITLE = "Floors: a cold start beside the least that it can cost"
BOUNDS = {"process": 1.5, "kvm": 1.4}
MIB = 1 << 20
PACE = 1000  # requests/s
STATIC = ["-static", "-no-pie", "-fno-stack-protector", "-fcf-protection=none"]


def clients(bench):
    """(title, key, CPU of the client)."""
    places = [("same CPU", "same", bench.cpus[0])]
    return places + ([("CPUs apart", "apart", bench.load_cpu)] if len(bench.cpus) > 1 else [])


def against(bench, server, kind, name, requests, found):
    """Paced, and back to back, from each place."""
    for _, place, cpu in clients(bench):
        found[name, "paced", place] = load.client(bench, server.port, kind, requests, 200, cpu=cpu, rate=PACE)
        found[name, "closed", place] = load.client(bench, server.port, kind, requests, 500, cpu=cpu)


def echo(bench, requests, found):
    port = free_port()
    program = bench.helper("floors/echo_epoll.c")
    with Server([program, port, bench.cpus[0]], port, bench.work / "echo.log") as server:
        against(bench, server, Kind("/", bench.matrix(1)), "echo", requests, found)


def sandbox_floors(bench, requests, found):
    """The ready process, and one KVM_RUN where there is KVM; each copies 104 KiB in and 4 KiB out."""
    program = bench.helper("floors/process_floor.c", *STATIC)
    found["process floor paced"] = load.words(bench.run([program, bench.cpus[0], requests // 2, PACE]))
    found["process floor"] = load.words(bench.run([program, bench.cpus[0], requests]))
    try:
        lines = bench.run(["taskset", "-c", bench.cpus[0], bench.helper("floors/kvm_floor.c")]).splitlines()
    except Unavailable:
        return
    table = {words[0]: words[1:] for words in (line.split() for line in lines) if len(words) >= 3}
    found["kvm floor"] = {
        f"{key}_{name}": float(table[f"{row}_0"][index])
        for key, row in (("ready", "run"), ("cycle", "cycle"))
        for index, name in ((0, "p50"), (1, "p99"))
    }


def idle(bench, node, found):
    time.sleep(1)
    before, seconds = cpu_seconds(node.pid), bench.scale(10, 2)
    time.sleep(seconds)
    found["idle cpu"] = 100 * (cpu_seconds(node.pid) - before) / seconds
    found["idle memory"] = memory(node.pid) / MIB


def node_alone(bench, class_name, requests, found):
    small = bench.matrix(1), bench.product(1)
    with Node(bench, bench.node_cpu) as node:
        register_matmul(bench, node, class_name)
        idle(bench, node, found)
        against(bench, node, Kind("/v1/invoke/matmul?fresh=true", *small), "cold", requests, found)
        against(bench, node, Kind("/v1/invoke/matmul", *small), "hot", requests, found)
        large = Kind("/v1/invoke/matmul", bench.matrix(128), bench.product(128))
        found["large"] = load.client(bench, node.port, large, requests // 4, 50, cpu=bench.cpus[0])


def beside_long_ones(bench, class_name, requests, found):
    """Short requests while functions run that take hundreds of milliseconds."""
    with Node(bench) as node:
        register_matmul(bench, node, class_name)
        node.register("busy", bench.function("Examples/functions/busy.c"), class_name, "in", "out")
        busy = Kind("/v1/invoke/busy", bench.write("iterations", "400000000"))
        found["busy"] = load.client(bench, node.port, busy, 1, 0)
        ended = threading.Event()

        def keep_busy():
            while not ended.is_set():
                node.request("POST", busy.path, busy.body.read_bytes())

        thread = threading.Thread(target=keep_busy)
        thread.start()
        try:
            short = Kind("/v1/invoke/matmul", bench.matrix(1), bench.product(1))
            found["mixed"] = load.client(bench, node.port, short, max(100, requests // 4), 20, rate=200)
        finally:
            ended.set()
            thread.join()


def row(title, measured, count, prefix=""):
    """p99.9 only where there are samples enough."""
    tail = measured.get(f"{prefix}p999") if count >= stats.P999_SAMPLES else None
    numbers = [measured.get(f"{prefix}{name}") for name in ("p50", "p90", "p99")]
    return [title, *numbers, tail, measured.get("rate")]


def rows(bench, class_name, found, requests):
    kinds = {"paced": "paced", "closed": "back to back"}
    for name, title in (
        ("echo", "floor: epoll echo"),
        ("cold", "node: 1x1, image from disk"),
        ("hot", "node: 1x1, image in memory"),
    ):
        for place_title, place, _ in clients(bench):
            for kind, kind_title in kinds.items():
                yield row(f"{title}, {kind_title}, {place_title}", found[name, kind, place], requests)
        if name == "echo":
            yield row("floor: ready process", found["process floor"], requests, "ready_")
            yield row("floor: ready process, paced", found["process floor paced"], requests, "ready_")
            yield row("floor: the same, kill, reap, zero, refill", found["process floor"], requests, "cycle_")
            if "kvm floor" in found:
                yield row("floor: one KVM_RUN", found["kvm floor"], 0, "ready_")
                yield row("floor: the same, memory clean again", found["kvm floor"], 0, "cycle_")
    yield row("node: 128x128, back to back, same CPU", found["large"], requests // 4)
    yield row(
        f"node: 1x1, 200/s, beside functions of {found['busy']['p50'] / 1000:.0f} ms", found["mixed"], requests // 4
    )


def targets(class_name, found):
    floor, bound = found[f"{class_name} floor"], BOUNDS[class_name]
    least = found["echo", "paced", "same"]["p50"] + floor["ready_p50"]
    cycle = found["echo", "closed", "same"]["p50"] + floor["cycle_p50"]
    for name in ("cold", "hot"):
        paced, closed = found[name, "paced", "same"], found[name, "closed", "same"]
        title = f"{class_name}, {name}"
        yield Target(f"{title}, paced: p50 / (echo + sandbox = {least:.1f} us)", paced["p50"] / least, bound, False)
        yield Target(f"{title}, paced: p99 / (echo + sandbox)", paced["p99"] / least, 4, False)
        what = f"{title}, back to back: requests/s x (echo + cycle = {cycle:.1f} us)"
        yield Target(what, closed["rate"] * cycle / 1e6, 0.6, True)
    yield Target(f"{class_name}: idle node, % of one CPU", found["idle cpu"], 1, False)
    yield Target(f"{class_name}: idle node and helpers, PSS in MiB", found["idle memory"], 40, False)


def run(bench):
    section, requests = Section(TITLE), bench.scale(10_000, 300)
    section.text(
        f'Times in us, {requests} requests a row, one keep-alive connection, every answer checked byte by byte. "Paced"'
        ' is one request every millisecond, "back to back" the next one at the answer. Every invocation has a fresh'
        " sandbox. The floors of sandboxes copy 104 KiB in and 4 KiB out."
    )
    base = {}
    progress("floors: echo and sandboxes")
    echo(bench, requests, base)
    sandbox_floors(bench, requests, base)
    for class_name in BOUNDS:
        progress(f"floors: {class_name}")
        found = dict(base)
        try:
            node_alone(bench, class_name, requests, found)
            beside_long_ones(bench, class_name, requests, found)
        except Unavailable as reason:
            section.text(f"Class `{class_name}`: {reason}")
            continue
        section.text(f"Class `{class_name}`:")
        section.table(["", "p50", "p90", "p99", "p99.9", "requests/s"], rows(bench, class_name, found, requests))
        if f"{class_name} floor" in found:
            section.targets += targets(class_name, found)
    return section
