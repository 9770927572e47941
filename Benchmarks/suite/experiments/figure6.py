"""Figure 6: 128x128 matrix product, 97 % hot for the peers that keep sandboxes; ours takes a fresh one every time."""

from .. import load, stats
from ..bench import Server, Unavailable, free_port, progress
from ..load import Kind
from ..node import CLASSES, cpu_seconds, node_for_matmul
from ..peers import peer
from ..plot import line_plot
from ..report import Section, Target
from ..sweep import sweep_all, systems

TITLE = "Figure 6: 128x128 matrix product, 97 % hot for the peers"
SIZE, HOT_SHARE, CONNECTIONS = 128, 0.97, 4
QUICK_PEERS = ["forkexec", "wasmtime", "worker"]
BOUNDS = {"kvm": 0.9, "rwasm": 0.9, "process": 0.8}


def node_kinds(bench):
    """From memory, and with the image read from disk."""
    body, expect = bench.matrix(SIZE), bench.product(SIZE)
    return [Kind("/v1/invoke/matmul?fresh=true", body, expect), Kind("/v1/invoke/matmul", body, expect)]


def peer_kinds(bench, peer):
    cold = peer.kind(bench, SIZE)
    return [cold, peer.kind(bench, SIZE, hot=True)] if peer.keeps else [cold]


def native_product(bench, count):
    """Microseconds of one product in a loop that does nothing else, on the node's CPU."""
    program = bench.native("Examples/functions/matmul.c")
    command = ["taskset", "-c", bench.cpus[0], program, "--loop", count, bench.matrix(SIZE)]
    return float(bench.run(command)) / 1000


def saturated(bench, class_name):
    """Medians of slices of a load that keeps the node's one CPU busy: us for each product, us of one in the native
    loop, and their ratio. The loop has a slice before and after each of the node's, because the machine's speed changes
    within seconds."""
    fresh, cached = node_kinds(bench)
    rounds, products = bench.scale(16, 5), 200
    parts = [(cached, round(products * HOT_SHARE)), (fresh, round(products * (1 - HOT_SHARE)))]
    with node_for_matmul(bench, class_name) as node:
        load.client(bench, node.port, fresh, 20, 5, cpu=bench.load_cpu)
        native, times = [native_product(bench, products)], []
        for _ in range(rounds):
            words = [load.client(bench, node.port, kind, count, 0, CONNECTIONS, bench.load_cpu) for kind, count in parts]
            times.append(1e6 * sum(word["requests"] / word["rate"] for word in words) / products)
            native.append(native_product(bench, products))
    around = [(before + after) / 2 for before, after in zip(native, native[1:])]
    ratios = [loop / time for loop, time in zip(around, times)]
    return stats.median(times), stats.median(native), stats.median(ratios)


def echo_cpu(bench):
    """Microseconds of CPU time that the least HTTP server needs to take and give back the bytes of one product."""
    port, requests = free_port(), bench.scale(4000, 700)
    with Server([bench.helper("floors/echo_epoll.c"), port, bench.cpus[0]], port, bench.work / "echo.log") as server:
        kind = Kind("/", bench.matrix(SIZE), bench.matrix(SIZE))
        load.client(bench, port, kind, 20, 5, cpu=bench.load_cpu)
        before = cpu_seconds(server.process.pid)
        load.client(bench, port, kind, requests, 0, CONNECTIONS, bench.load_cpu)
        return (cpu_seconds(server.process.pid) - before) / requests * 1e6


def throughput(bench, section):
    echo, rows, loops = echo_cpu(bench), [], []
    for class_name in CLASSES:
        progress(f"figure6: throughput of {class_name}")
        what = f"128x128 product, {class_name}: throughput per core / native loop"
        try:
            ours, native, ratio = saturated(bench, class_name)
        except Unavailable as reason:
            rows.append([f"Dandelion {class_name}", f"unavailable: {reason}", "", ""])
            section.targets.append(Target(what, None, BOUNDS[class_name], True, str(reason)))
            continue
        loops.append(native)
        rows.append([f"Dandelion {class_name}", 1e6 / ours, 1e6 / native, ratio])
        section.targets.append(Target(what, ratio, BOUNDS[class_name], True))
    native = stats.median(loops) if loops else native_product(bench, bench.scale(2000, 500))
    most = native / (native + echo)
    rows.append(["floor: native loop and an HTTP echo", 1e6 / (native + echo), 1e6 / native, most])
    section.text(
        f"Throughput of one core that is kept busy ({CONNECTIONS} connections), in turn with a native loop that does"
        " only the product, from the same source by the same compiler: medians of slices of 200 products, and of their"
        " ratios to the slices of the loop before and after. An epoll loop in C that sends the same 128 KiB back needs"
        f" {echo:.0f} us of CPU time for it, so that no server can do more than the floor."
    )
    section.table(["", "products/s", "native loop, products/s", "ratio"], rows)


def run(bench):
    section = Section(TITLE)
    everything = systems(node_kinds, load.mix(HOT_SHARE), peer_kinds, load.mix(HOT_SHARE))
    if bench.quick:
        everything = [
            each for each in everything if each.ours or each.title in (peer(name).title for name in QUICK_PEERS)
        ]
    sweeps, missing = sweep_all(bench, "figure6", everything)
    section.text(
        "Open loop, one CPU for each system. 97 % of the requests go to kept sandboxes where a peer has them; ours and"
        " wasmtime make a fresh one each time, and ours reads the image from disk for 3 %. Unloaded: one at a time from"
        " a client on the same CPU. Latencies in us."
    )
    rows = []
    for each in sweeps:
        times = each.unloaded
        tail = [stats.percentile(times, 0.05), stats.median(times), stats.percentile(times, 0.95), stats.p99(times)]
        rows.append([each.system.title, len(times), *tail, each.sustained, each.capacity])
    head = [
        "system",
        "samples",
        "unloaded p5",
        "p50",
        "p95",
        "p99",
        "kept up with, requests/s",
        "most answered, requests/s",
    ]
    section.table(head, rows)
    if missing:
        section.table(["not measured", "reason"], missing)
    series = {each.system.title: [(rate, stats.median(times)) for rate, times in each.points] for each in sweeps}
    title = "128x128 product, p50 in us"
    section.plot("figure6", line_plot(title, "offered requests/s", "us", series, True, True), title)
    throughput(bench, section)
    return section
