"""Systems under a rising open-loop rate, until they no longer keep up."""

from dataclasses import dataclass

from . import load, stats
from .bench import Unavailable, progress
from .node import CLASSES, node_for_matmul
from .peers import PEERS

RATES = [factor * 10**power for power in range(5) for factor in (1, 2, 5)]


@dataclass(frozen=True)
class System:
    """`start(bench)` gives a server; `kinds(bench)` the requests, of which `chooser` draws."""

    title: str
    start: object
    kinds: object
    chooser: object = staticmethod(lambda source: 0)
    ours: bool = False


@dataclass
class Sweep:
    """`unloaded`: latencies in us of one connection; `points`: (offered rate, latencies in us) that were kept up
    with."""

    system: System
    unloaded: list
    points: list
    overload: float | None
    capacity: float = 0.0

    @property
    def sustained(self):
        return self.points[-1][0] if self.points else None


def node_system(class_name, kinds, chooser=lambda source: 0):
    def start(bench):
        return node_for_matmul(bench, class_name)

    return System(f"Dandelion {class_name}", start, kinds, chooser, ours=True)


def systems(node_kinds, node_chooser, peer_kinds, peer_chooser):
    """Ours in every class, then all peers; `peer_kinds(bench, peer)`."""
    ours = [node_system(class_name, node_kinds, node_chooser) for class_name in CLASSES]

    def theirs(peer):
        return System(
            peer.title,
            lambda bench: peer.start(bench, bench.node_cpu),
            lambda bench: peer_kinds(bench, peer),
            peer_chooser if peer.keeps else lambda source: 0,
        )

    return ours + [theirs(peer) for peer in PEERS]


def turns(bench):
    """How often the unloaded latency of a system is looked at, between those of the others: the same process on the
    same machine took 42 us in one second and 112 in another."""
    return bench.scale(4, 1)


def unloaded(bench, server, system, kinds):
    """Latencies of requests one after another in one turn, as many as fit a bounded time. The client is on the server's
    CPU: a CPU that sleeps takes as long to wake as some of the sandboxes to start, whatever the system. They count from
    sending: a connection is always free, so only the client's own timer makes it later than due."""
    first = load.play(bench, server.port, kinds, load.steady(3, 20, system.chooser), cpu=bench.cpus[0])
    if first.failures:
        raise Unavailable(f"{first.failures} of 3 requests failed")
    period = max(2 * min(first.latencies()) / 1e6, 0.001)  # the least: the first ones find everything cold
    count = max(bench.scale(20, 10) // turns(bench), min(bench.scale(250, 200), int(1 / period)))
    outcome = load.play(bench, server.port, kinds, load.steady(count, 1 / period, system.chooser), cpu=bench.cpus[0])
    return outcome.waits


def keeps_up(outcome, base):
    """Whether the median stayed below ten times the unloaded one (as in the paper's runs) and at most 1 % failed."""
    good = outcome.samples and outcome.failures <= 0.01 * outcome.requests
    return good and stats.median(outcome.latencies()) <= 10 * base


def rates(bench, base):
    """From well below what one CPU can do with requests that take `base` us; steps of 2 to 2.5, in a quick run of 5."""
    return [rate for rate in RATES[:: bench.scale(1, 2)] if rate > 0.25e6 / base]


def sweep(bench, system):
    """Raises Unavailable when the system cannot run here."""
    with system.start(bench) as server:
        kinds = system.kinds(bench)
        result = Sweep(system, unloaded(bench, server, system, kinds), [], None)
        base = stats.median(result.unloaded)
        seconds, least = bench.scale(2, 0.5), bench.scale(20, 8)
        for rate in rates(bench, base):
            schedule = load.poisson(rate, max(seconds, least / rate), system.chooser)
            outcome = load.play(bench, server.port, kinds, schedule, grace=3, cpu=bench.load_cpu)
            result.capacity = max(result.capacity, outcome.rate)
            if not keeps_up(outcome, base):
                result.overload = rate
                break
            result.points.append((rate, outcome.latencies()))
        return result


def sweep_all(bench, name, all_systems):
    """The sweeps of what can run, and (title, reason) of what cannot."""
    sweeps, missing = [], []
    for system in all_systems:
        progress(f"{name}: {system.title}")
        try:
            sweeps.append(sweep(bench, system))
        except Unavailable as reason:
            missing.append([system.title, str(reason)])
    for turn in range(1, turns(bench)):
        progress(f"{name}: unloaded, turn {turn + 1} of {turns(bench)}")
        for each in sweeps:
            try:
                with each.system.start(bench) as server:
                    each.unloaded += unloaded(bench, server, each.system, each.system.kinds(bench))
            except Unavailable as reason:
                progress(f"{name}: {each.system.title}: a turn less: {reason}")
    return sweeps, missing
