"""Figure 5: latency of a cold start against the offered rate, nothing hot, 1x1 matrix product."""

from .. import stats
from ..bench import Unavailable, progress
from ..load import Kind
from ..peers import WASMTIME, wasmtime_in_process
from ..plot import line_plot
from ..report import Section, Target
from ..sweep import sweep_all, systems

TITLE = "Figure 5: cold starts against the offered rate"


def node_kinds(bench):
    return [Kind("/v1/invoke/matmul?fresh=true", bench.matrix(1), bench.product(1))]


def rows(sweeps):
    best = min((stats.median(each.unloaded) for each in sweeps if each.system.ours), default=None)
    for each in sweeps:
        median = stats.median(each.unloaded)
        yield [
            each.system.title,
            len(each.unloaded),
            median,
            stats.p99(each.unloaded),
            f"{median / best:.1f}" if best else None,
            each.sustained,
            each.capacity,
        ]


def targets(sweeps):
    """Each of our classes against crun and against fork+exec, end to end."""
    medians = {each.system.title: stats.median(each.unloaded) for each in sweeps}
    ours = [each.system.title for each in sweeps if each.system.ours]
    for title, bound in (("crun (without cgroups)", 50), ("fork+exec, static glibc", 8)):
        for name in ours:
            value = medians[title] / medians[name] if title in medians else None
            yield Target(f"cold start end to end, {name}: faster than {title} by", value, bound, True)


def in_process(bench, section):
    try:
        times = wasmtime_in_process(bench, 1, bench.scale(2000, 300))
        section.text(
            f"wasmtime {WASMTIME} in a Python process, without HTTP: instantiate and call {stats.median(times):.0f} us"
            f" in the median of {len(times)}."
        )
    except Unavailable as reason:
        section.text(f"wasmtime in process: {reason}")


def run(bench):
    section = Section(TITLE)
    everything = systems(node_kinds, lambda source: 0, lambda bench, peer: [peer.kind(bench, 1)], lambda source: 0)
    sweeps, missing = sweep_all(bench, "figure5", everything)
    section.text(
        "1x1 matrix product of 64-bit integers over HTTP, a new sandbox for every request; ours reads the image from"
        " the state folder each time. Each system has one CPU, the load comes from "
        + ("another" if bench.load_cpu not in bench.node_cpu else "the same")
        + " one, open loop with exponential gaps. Kept up: the median stayed below ten times the unloaded one and at"
        " most 1 % failed. Unloaded: one at a time, with pauses as long as requests, from a client on the same CPU, so that"
        " none has to be woken; counted from when it was sent, in several turns between the other systems. Latencies in us."
    )
    head = [
        "system",
        "samples",
        "unloaded p50",
        "p99",
        "x our best",
        "kept up with, requests/s",
        "most answered, requests/s",
    ]
    section.table(head, rows(sweeps))
    if missing:
        section.table(["not measured", "reason"], missing)
    progress("figure5: wasmtime in process")
    in_process(bench, section)
    for name, percentile in (("p50", stats.median), ("p99", stats.p99)):
        series = {each.system.title: [(rate, percentile(times)) for rate, times in each.points] for each in sweeps}
        title = f"Cold start, {name} in us"
        section.plot(f"figure5-{name}", line_plot(title, "offered requests/s", "us", series, True, True), title)
    section.targets += targets(sweeps)
    return section
