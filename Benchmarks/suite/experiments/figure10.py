"""Figure 10: the Azure sample replayed; measured memory of the node against a keep-alive model."""

from .. import azure, load, stats
from ..bench import Unavailable, progress
from ..node import Node, memory, stages
from ..peers import HOT, PEERS
from ..plot import line_plot
from ..report import Section, Target, number
from ..sampler import Sampler

TITLE = "Figure 10: the Azure trace, memory over time"
LEAVE_OUT = 8  # functions with the most time, which two cores cannot hold
MIB = 1 << 20
CLASS = "process"


def step_seconds(bench, node):
    """The time of one step of `keep`: the best of several runs of many, undisturbed by others."""
    steps, times = 20_000_000, []
    for _ in range(5):
        _, headers, _ = node.request("POST", "/v1/invoke/keep", f"{steps} 0".encode())
        times.append(stages(headers)["run"] / 1e6 / steps)
    return min(times)


def kinds(bench, node, trace, step):
    """One kind of request for each function and duration; registers each function with the memory that it needs."""
    image, made, numbers = bench.function("Benchmarks/functions/keep.c"), [], {}
    for each in {each.function: each for each in trace}.values():
        node.register(f"azure{each.function}", image, CLASS, "in", "out", memory=each.memory + 4 * MIB)
    for each in trace:
        iterations = rounded(each, step)
        key = (each.function, iterations)
        if key not in numbers:
            numbers[key] = len(made)
            body = bench.write(f"keep-{each.function}-{iterations}", f"{iterations} {each.memory}")
            made.append(load.Kind(f"/v1/invoke/azure{each.function}", body))
    schedule = [(each.start, numbers[each.function, rounded(each, step)]) for each in trace]
    return made, schedule


def rounded(each, step):
    """Steps of an invocation, to two digits: an invocation of another length is another kind, of which there can be
    1024."""
    iterations = int(each.duration / step)
    return iterations - iterations % max(1, 10 ** max(0, len(str(iterations)) - 2))


def replay(bench, trace):
    """The outcome, the samples of memory, and the node's memory before."""
    with Node(bench, settings={"queue_delay": '"60s"'}) as node:  # bursts of seconds are to wait, not to be refused
        node.register("keep", bench.function("Benchmarks/functions/keep.c"), CLASS, "in", "out")
        made, schedule = kinds(bench, node, trace, step_seconds(bench, node))
        idle = memory(node.pid)
        with Sampler(lambda: memory(node.pid), 0.1) as sampler:
            outcome = load.play(bench, node.port, made, schedule, grace=30)
    return outcome, sampler, idle


def sandbox_memory(bench, peer):
    """Bytes of one idle sandbox that a peer keeps, its helper processes included."""
    with peer.start(bench) as server:
        before = memory(server.process.pid)
        outcome = load.play(bench, server.port, [peer.kind(bench, 1, hot=True)], load.steady(4 * HOT, 2000))
        if outcome.failures:
            raise Unavailable(f"{outcome.failures} of {outcome.requests} requests failed")
        return max(0, memory(server.process.pid) - before) / HOT


def overheads(bench):
    for peer in PEERS:
        if not peer.keeps:
            continue
        progress(f"figure10: memory of {peer.title}")
        try:
            yield peer.title, sandbox_memory(bench, peer), ""
        except Unavailable as reason:
            yield peer.title, None, str(reason)


def compare(bench, section, trace, seconds, average, series, shed):
    """`shed`: why the memory that was measured is not that of the whole load, or nothing."""
    rows = []
    for title, overhead, reason in overheads(bench):
        what = f"trace: committed memory below keep-alive with {title}"
        if overhead is None:
            rows.append([title, f"unavailable: {reason}", "", ""])
            section.targets.append(Target(what, None, 0.96, True, reason))
            continue
        kept = azure.keep_alive(trace, seconds, overhead)
        mean = sum(kept) / len(kept)
        rows.append([title, overhead / MIB, mean / MIB, f"{100 * (1 - average / mean):.1f} %"])
        section.targets.append(Target(what, None if shed else 1 - average / mean, 0.96, True, shed))
        series[f"keep-alive, {title}"] = [(2.0 * index, value / MIB) for index, value in enumerate(kept)]
    section.table(["keep-alive with", "MiB of one idle sandbox", "MiB committed, mean", "ours is below by"], rows)


def run(bench):
    section, minutes = Section(TITLE), bench.scale(4, 1)
    trace, seconds = azure.invocations(minutes, LEAVE_OUT), 60 * minutes
    progress(f"figure10: {len(trace)} invocations in {seconds} s")
    outcome, sampler, idle = replay(bench, trace)
    average, times = sampler.average, [latency / 1000 for latency in outcome.latencies()]
    active = sum(each.duration * each.memory for each in trace) / seconds
    section.text(
        f"The first {minutes} minutes of the sample without the {LEAVE_OUT} functions that take the most time (with"
        f" them concurrency is 10, which {len(bench.cpus)} cores cannot hold; the paper had 64): {len(trace)}"
        f" invocations of {len({each.function for each in trace})} functions, mean concurrency"
        f" {azure.concurrency(trace, seconds):.2f}. Times and memory are the trace's. Each invocation writes to every"
        " page of its memory, which alone takes longer than most of them did, and then computes for its duration, in the"
        f" class `{CLASS}`. Node and load share all CPUs."
    )
    middle, tail = number(stats.median(times)), number(stats.p99(times))
    section.text(
        f"Measured: proportional set size of the node and its helpers, mean **{average / MIB:.0f} MiB** over the"
        f" replay, {idle / MIB:.0f} MiB before it; memory of running invocations by the trace alone would be"
        f" {active / MIB:.0f} MiB. {outcome.describe()}; latency p50 {middle}"
        f" ms, p99 {tail} ms. In the model {100 * azure.cold_share(trace, seconds):.1f} % of the"
        " invocations are cold (3.3 % in the paper)."
    )
    series = {
        "Dandelion, measured": [(time, value / MIB) for time, value in sampler.samples[:: bench.scale(5, 1)]]
    }
    shed = outcome.describe() if outcome.failures > 0.01 * outcome.requests else ""
    compare(bench, section, trace, seconds, average, series, shed)
    section.text(
        "Keep-alive is a model of Knative's autoscaler (60 s stable and 6 s panic window, 70 % of one request for each"
        " sandbox), whose sandboxes take the memory of their function in the trace and what an idle sandbox takes here,"
        " measured. The paper: 109 MB against 2619 MB."
    )
    title = "Committed memory in MiB over the trace's time"
    section.plot("figure10", line_plot(title, "s of the trace", "MiB", series, log_y=True, marks=False), title)
    return section
