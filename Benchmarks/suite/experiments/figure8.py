"""Figure 8: log processing and image compression together under the paper's bursts."""

from .. import applications, load, stats
from ..bench import Unavailable, progress
from ..node import Node, cpu_seconds
from ..plot import line_plot
from ..report import Section, Target
from ..sampler import Sampler
from ..stalls import Stalls

TITLE = "Figure 8: log processing and image compression together"
PAPER_CORES, SECONDS = 16, 90
LOGS = [(0, 200), (20, 500), (40, 300), (60, 100)]
IMAGES = [(0, 150), (70, 250), (80, 150)]
NAMES = ["log processing", "image compression"]
BOUNDS = [0.029, 0.013]
FLOOR_RATE, FLOOR_US = 25, 6000  # about what a picture takes
CORES = {"dandelion_engines_compute_cores": "compute", "dandelion_engines_communication_cores": "communication"}


def schedule(scale, seconds):
    """The paper's pattern at that share of its rates; a shorter time has the same pattern, faster."""
    faster = seconds / SECONDS

    def scaled(rates):
        return [(start * faster, rate * scale) for start, rate in rates]

    return load.steps(scaled(LOGS), seconds, 0) + load.steps(scaled(IMAGES), seconds, 1)


def play(bench, class_name, scale, seconds):
    """The outcome, the share of all CPUs that the node used, samples of its cores by kind, and the machine's stalls."""
    with applications.start_services(bench) as storage, Node(bench) as node:
        applications.register(bench, node, class_name)
        kinds = applications.kinds(bench, node, storage)
        load.play(bench, node.port, kinds, load.steady(40, 40, load.mix(0.5)))
        before = cpu_seconds(node.pid)
        with Stalls(bench) as stalls, Sampler(node.metrics, bench.scale(0.5, 0.25)) as sampler:
            outcome = load.play(bench, node.port, kinds, schedule(scale, seconds), grace=15)
        used = (cpu_seconds(node.pid) - before) / (seconds * len(bench.cpus))
    return outcome, used, sampler.samples, stalls


def undisturbed(outcome, kind, stalls):
    """Latencies of the requests during which the machine ran all the time."""
    for each, due, latency in outcome.samples:
        begin = outcome.start + due * 1e9
        if each == kind and not stalls.touch(begin, begin + latency * 1e3):
            yield latency


def floor(bench):
    """The row of a process that computes as long as a picture takes, at a steady pace, and waits for nobody."""
    seconds = bench.scale(20, 4)
    found = load.words(bench.run([bench.helper("floors/steady.c"), FLOOR_RATE, seconds, FLOOR_US]))
    times = [found[name] / 1000 for name in ("mean", "p50", "p90", "p99")]
    variance = percent(found["relative_variance"])
    return ["floor", f"computing alone, {FLOOR_RATE}/s", FLOOR_RATE * seconds, *times, None, variance, None, None]


def percent(value):
    return None if value is None else f"{100 * value:.2f} %"


def rows(class_name, outcome, stalls):
    for kind, name in enumerate(NAMES):
        times = [latency / 1000 for latency in outcome.latencies(kind)]
        tail = [stats.percentile(times, 0.5), stats.percentile(times, 0.9), stats.p99(times), stats.p999(times)]
        rest = list(undisturbed(outcome, kind, stalls))
        without = [None, None] if stalls.missing else [percent(stats.relative_variance(rest)), len(rest)]
        variances = [percent(stats.relative_variance(times)), *without]
        yield [class_name, name, len(times), stats.mean(times), *tail, *variances]


def over_time(outcome, kind, seconds, width):
    """(time, p99 in ms) by windows of that width."""
    points = []
    for index in range(int(seconds / width)):
        window = [t / 1000 for k, due, t in outcome.samples if k == kind and index * width <= due < (index + 1) * width]
        if window:
            points.append(((index + 0.5) * width, stats.percentile(window, 0.99)))
    return points


def core_series(samples):
    return {
        label: [(time, values[name]) for time, values in samples if name in values] for name, label in CORES.items()
    }


def run(bench):
    section, table, missing = Section(TITLE), [floor(bench)], []
    seconds, scale = bench.scale(SECONDS, 15), len(bench.cpus) / PAPER_CORES
    for class_name in bench.scale(["process", "kvm"], ["process"]):
        progress(f"figure8: {class_name}")
        try:
            outcome, used, samples, stalls = play(bench, class_name, scale, seconds)
        except Unavailable as reason:
            missing.append([class_name, str(reason)])
            continue
        if outcome.failures:
            missing.append([class_name, outcome.describe()])
        table += rows(f"{class_name}, CPUs {100 * used:.0f} % busy", outcome, stalls)
        section.text(f"The machine during the run of {class_name}: {stalls.describe(outcome.start, seconds)}.")
        for kind, name in enumerate(NAMES):
            value = stats.relative_variance(outcome.latencies(kind))
            what = f"figure 8, {class_name}, {name}: relative variance at {100 * used:.0f} % use"
            section.targets.append(Target(what, value, BOUNDS[kind], False))
        series = {name: over_time(outcome, kind, seconds, seconds / 45) for kind, name in enumerate(NAMES)}
        title = f"{class_name}: p99 in ms over time"
        section.plot(f"figure8-{class_name}", line_plot(title, "s", "ms", series, marks=False), title)
        cores = core_series(samples)
        if any(cores.values()):
            title = f"{class_name}: cores of each kind over time"
            section.plot(f"figure8-{class_name}-cores", line_plot(title, "s", "cores", cores, marks=False), title)
        else:
            section.text("The node tells no cores by kind in `/metrics`.")
    section.parts.insert(
        0,
        f"The paper's bursts at {scale:.3f} of its rates, which is this machine's share of its {PAPER_CORES} cores:"
        f" {', '.join(f'{rate * scale:.0f}/s' for _, rate in LOGS)} and"
        f" {', '.join(f'{rate * scale:.0f}/s' for _, rate in IMAGES)} over {seconds} s. Every service call takes 10 ms."
        " Node, load and services share all CPUs. Latencies in ms; relative variance is the variance over the square"
        " of the mean. The paper: 27.9 ms (p99 30.6) with 2.87 % for the logs, 18.2 ms (p99 19.6) with 1.30 % for the"
        " images.",
    )
    section.text(
        "A stall is a time in which a thread of real-time priority did not run on a CPU where nothing else can hold it"
        " up, so the host of this virtual machine did not run that CPU. The last two columns leave out the requests"
        " that were under way then. The floor is a loop of multiplications without memory, from its due time to its end,"
        " with nothing else on the machine: its variance is that of the processor."
    )
    head = ["backend", "application", "samples", "mean", "p50", "p90", "p99", "p99.9", "relative variance"]
    head += ["variance without stalls", "samples"]
    section.table(head, table)
    if missing:
        section.table(["not right", "reason"], missing)
    return section
