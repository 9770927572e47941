"""Figure 2: tail latency against the share of hot requests, for the peers that keep sandboxes."""

from .. import load, stats
from ..bench import Unavailable, progress
from ..node import node_for_matmul
from ..peers import peer
from ..plot import line_plot
from ..report import Section

TITLE = "Figure 2: tail latency against the share of hot requests"
KEEPERS = ["forkexec", "bubblewrap", "crun", "worker"]


def measure(bench, server, kinds, share, rate, count):
    schedule = load.steady(count, rate, load.mix(share))
    outcome = load.play(bench, server.port, kinds, schedule, cpu=bench.load_cpu)
    if outcome.failures:
        raise Unavailable(f"{outcome.failures} of {outcome.requests} requests failed")
    return outcome.latencies()


def keeper(bench, each, shares, count):
    """(share, latencies) at a third of what the peer could do without hot sandboxes."""
    with each.start(bench, bench.node_cpu) as server:
        kinds = [each.kind(bench, 1, hot=False), each.kind(bench, 1, hot=True)]
        cold = stats.median(measure(bench, server, kinds, 0, 10, 10))
        measure(bench, server, kinds, 1, 20, 10)
        rate = 0.3e6 / cold
        count = min(count, int(bench.scale(7, 3) * rate))
        return rate, [(share, measure(bench, server, kinds, share, rate, count)) for share in shares]


def ours(bench, class_name, count):
    kind = load.Kind("/v1/invoke/matmul?fresh=true", bench.matrix(1), bench.product(1))
    with node_for_matmul(bench, class_name) as node:
        measure(bench, node, [kind], 0, 200, 50)
        return measure(bench, node, [kind], 0, 200, count)


def run(bench):
    section, rows, series, missing = Section(TITLE), [], {}, []
    shares = bench.scale([0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 1], [0, 0.9, 0.97, 1])
    count = bench.scale(400, 100)
    for name in KEEPERS:
        each = peer(name)
        progress(f"figure2: {each.title}")
        try:
            rate, points = keeper(bench, each, shares, count)
        except Unavailable as reason:
            missing.append([each.title, str(reason)])
            continue
        rows.append([f"{each.title}, {rate:.0f}/s", *(stats.p99(times) for _, times in points)])
        series[each.title] = [(100 * share, stats.p99(times)) for share, times in points]
    for class_name in ("process", "kvm"):
        progress(f"figure2: {class_name}")
        try:
            tail = stats.p99(ours(bench, class_name, max(count, 400)))
        except Unavailable as reason:
            missing.append([f"Dandelion {class_name}", str(reason)])
            continue
        rows.append([f"Dandelion {class_name}, always cold, 200/s", *[tail] * len(shares)])
        series[f"Dandelion {class_name}"] = [(100 * share, tail) for share in shares]
    section.text(
        f"p99 in us of up to {count} requests (`-`: fewer than {stats.P99_SAMPLES}), 1x1 matrix product; each peer at"
        " 30 % of the rate that it could serve cold, on one CPU. Ours has no such share: every request gets a fresh"
        " sandbox."
    )
    section.table(["system", *(f"{100 * share:.0f} % hot" for share in shares)], rows)
    if missing:
        section.table(["not measured", "reason"], missing)
    title = "p99 in us against the share of hot requests"
    section.plot("figure2", line_plot(title, "hot requests, %", "us", series, log_y=True), title)
    return section
