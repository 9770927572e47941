"""Open-loop load: schedules of requests, played by Benchmarks/load/replay.c."""

import random
from dataclasses import dataclass, field

from . import stats


@dataclass(frozen=True)
class Kind:
    """A kind of request. `body` and `expect` are files or None; every answer must be 200 and, with `expect`, those
    bytes."""

    path: str
    body: object = None
    expect: object = None
    method: str = "POST"
    content_type: str = "-"

    def line(self):
        return f"{self.method} {self.path} {self.body or '-'} {self.expect or '-'} {self.content_type}\n"


@dataclass
class Outcome:
    """What became of a schedule: samples are (kind, due s, latency us), of requests that were answered rightly."""

    samples: list = field(default_factory=list)
    requests: int = 0
    failures: int = 0
    statuses: dict = field(default_factory=dict)  # of failures; 0: not answered in time, 1: a wrong body
    late: float | None = None  # 99th percentile of how late requests were sent, us
    waits: list = field(default_factory=list)  # us from sending a request to its answer
    start: int = 0  # ns of CLOCK_MONOTONIC

    def latencies(self, kind=None):
        return [latency for each, _, latency in self.samples if kind is None or each == kind]

    def describe(self):
        """How many were answered, and what became of the others."""
        names = {"0": "not answered in time", "1": "wrong"}
        rest = ", ".join(f"{count} {names.get(status, status)}" for status, count in sorted(self.statuses.items()))
        return f"{len(self.samples)} of {self.requests} answered" + (f" ({rest})" if rest else "")

    @property
    def rate(self):
        """Right answers a second, from the first due time to the last answer."""
        if not self.samples:
            return 0.0
        return len(self.samples) / max(due + latency / 1e6 for _, due, latency in self.samples)


def poisson(rate, seconds, chooser=lambda random: 0, seed=1):
    """A schedule of (due s, kind) with exponential gaps, the same for the same seed; `chooser` draws the kind."""
    source = random.Random(seed)
    schedule, time = [], source.expovariate(rate)
    while time < seconds:
        schedule.append((time, chooser(source)))
        time += source.expovariate(rate)
    return schedule


def steady(count, rate, chooser=lambda random: 0, seed=1):
    """A schedule of `count` requests at equal distances."""
    source = random.Random(seed)
    return [(index / rate, chooser(source)) for index in range(1, count + 1)]


def steps(rates, seconds, kind):
    """Equal distances at rates that change: [(from s, requests/s), ...], until `seconds`."""
    schedule, ends = [], [start for start, _ in rates[1:]] + [seconds]
    for (start, rate), end in zip(rates, ends):
        count = int((end - start) * rate)
        schedule += [(start + (index + 0.5) / rate, kind) for index in range(count)]
    return schedule


def mix(share):
    """A chooser of kind 1 for that share of the requests, else 0."""
    return lambda source: 1 if source.random() < share else 0


def play(bench, port, kinds, schedule, connections=128, grace=10, cpu=None):
    """Plays a schedule to its end, or `grace` seconds longer; latencies count from the due time."""
    replay = bench.helper("load/replay.c")
    kinds_file = bench.write("kinds", "".join(kind.line() for kind in kinds))
    plan = bench.write("plan", "".join(f"{due * 1e6:.1f} {kind}\n" for due, kind in sorted(schedule)))
    out = bench.work / "samples"
    command = [replay, "--port", port, "--kinds", kinds_file, "--plan", plan, "--out", out, "--grace", grace]
    command += ["--connections", connections, *(["--cpu", cpu] if cpu is not None else [])]
    length = max((due for due, _ in schedule), default=0)
    bench.run(command, timeout=length + grace + 30)
    return read_samples(out)


def read_samples(path):
    start, *lines = path.read_text().splitlines()
    outcome, lateness = Outcome(start=int(start)), []
    for line in lines:
        kind, due, sent, done, status = line.split()
        outcome.requests += 1
        if status == "200":
            outcome.samples.append((int(kind), float(due) / 1e6, float(done) - float(due)))
            lateness.append(float(sent) - float(due))
            outcome.waits.append(float(done) - float(sent))
        else:
            outcome.failures += 1
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
    outcome.late = stats.percentile(lateness, 0.99)
    return outcome


def client(bench, port, kind, requests, warmup=20, connections=1, cpu=None, rate=None):
    """Requests back to back on each connection, or with `rate` at that pace on one (loadgen.c): the words that it
    prints, as numbers. Raises Unavailable on a wrong answer."""
    command = [bench.helper("load/loadgen.c"), "--port", port, "--path", kind.path, "--method", kind.method]
    for option, value in (("--body", kind.body), ("--expect", kind.expect), ("--cpu", cpu), ("--rate", rate)):
        command += [option, value] if value is not None else []
    command += ["--requests", requests, "--warmup", warmup, "--connections", connections]
    return words(bench.run(command, timeout=120))


def words(line):
    """The numbers in a line of `name=value`."""
    return {name: float(value) for name, value in (word.split("=") for word in line.split())}
