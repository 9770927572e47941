"""Figure 7: the compute/communicate split against a hybrid function that does its own sockets."""

from .. import load, stats
from ..bench import Server, Unavailable, free_port, progress
from ..node import Node, register_matmul
from ..plot import line_plot
from ..report import Section
from ..storage import array_result, register_chain, start_storage

TITLE = "Figure 7: compute/communicate split against a hybrid"
SIZE, DELAY_US = 128, 10_000
RATES = {"compute": [200, 400, 700, 1000, 1300, 1700], "fetch": [100, 200, 400, 800, 1500, 3000]}


def hybrids(bench):
    """(threads for each CPU, pinned)."""
    return [(threads, pin) for pin in (0, 1) for threads in bench.scale([1, 2, 4, 8], [1, 5])]


def highest(bench, port, kind, rates, seconds):
    """The highest rate that was answered within 10 times the unloaded median, with its p50 and p99; all that was
    measured."""
    base = stats.median(load.play(bench, port, [kind], load.steady(20, 20)).latencies())
    if base is None:
        raise Unavailable("no request was answered")
    best, points = (0, None, None), []
    for rate in rates:
        outcome = load.play(bench, port, [kind], load.poisson(rate, seconds), connections=512, grace=3)
        times = outcome.latencies()
        if not times or outcome.failures > 0.01 * outcome.requests or stats.median(times) > 10 * base:
            break
        best = (rate, stats.median(times), stats.p99(times))
        points.append((rate, best[2]))
    return best, points


def both(bench, port, compute, fetch, rates, seconds):
    return [highest(bench, port, kind, rates[name], seconds) for name, kind in (("compute", compute), ("fetch", fetch))]


def hybrid(bench, storage, threads, pin, seconds, rates):
    port = free_port()
    command = [bench.helper("peers/hybrid.c"), port, threads, pin, storage.port]
    with Server(command, port, bench.work / "hybrid.log") as server:
        compute = load.Kind("/matmul", bench.matrix(SIZE), bench.product(SIZE))
        fetch = load.Kind("/fetch", None, array_result(bench), "GET")
        return both(bench, server.port, compute, fetch, rates, seconds)


def ours(bench, storage, class_name, seconds, rates):
    service = bench.write("service", f"http://127.0.0.1:{storage.port}/array")
    with Node(bench) as node:
        register_matmul(bench, node, class_name)
        register_chain(bench, node, class_name, "Fetch", 1)
        compute = load.Kind("/v1/invoke/matmul", bench.matrix(SIZE), bench.product(SIZE))
        fetch = load.Kind("/v1/invoke/Fetch", service, array_result(bench))
        return both(bench, node.port, compute, fetch, rates, seconds)


def run(bench):
    section, rows, series = Section(TITLE), [], {"compute": {}, "fetch": {}}
    seconds = bench.scale(1.5, 0.4)
    rates = bench.scale(RATES, {name: rates[1::2] for name, rates in RATES.items()})
    with start_storage(bench, DELAY_US) as storage:
        systems = [
            (f"Dandelion {name}", lambda name=name: ours(bench, storage, name, seconds, rates))
            for name in ("process", "kvm")
        ]
        for threads, pin in hybrids(bench):
            title = f"hybrid, {threads} per CPU{', pinned' if pin else ''}"
            systems.append((title, lambda t=threads, p=pin: hybrid(bench, storage, t, p, seconds, rates)))
        for title, measure in systems:
            progress(f"figure7: {title}")
            try:
                (compute, compute_points), (fetch, fetch_points) = measure()
            except Unavailable as reason:
                rows.append([title, f"unavailable: {reason}", *[""] * 5])
                continue
            rows.append([title, *compute, *fetch])
            series["compute"][title], series["fetch"][title] = compute_points, fetch_points
    section.text(
        "Node or hybrid, load and storage server share all CPUs. Compute: 128x128 product. Fetch: 64 KiB from a"
        f" storage server that waits {DELAY_US // 1000} ms, and its sum. The hybrid forks a process for each request,"
        " which does its own sockets. Highest offered rate whose median stayed below ten times the unloaded one, and"
        " the latencies there in us."
    )
    section.table(["", "compute/s", "p50", "p99", "fetch/s", "p50", "p99"], rows)
    for name, lines in series.items():
        title = f"{name}: p99 in us"
        section.plot(f"figure7-{name}", line_plot(title, "offered requests/s", "us", lines, True, True), title)
    return section
