"""The sample of the Azure Functions trace: invocations with a duration and memory, and Knative's autoscaler over
them."""

import csv
import math
import random
from dataclasses import dataclass

from .bench import ROOT

FOLDER = ROOT / "Benchmarks/data/azure_100"
FIRST_MINUTE = 480
QUANTILES = [0, 1, 25, 50, 75, 99, 100]


@dataclass(frozen=True)
class Invocation:
    """Times in seconds, memory in bytes."""

    start: float
    duration: float
    function: int
    memory: int


def rows(name):
    with open(FOLDER / name, newline="") as file:
        return list(csv.DictReader(file))


def segments(quantiles):
    """Pairs of (percent, ms) between which the distribution is taken to be straight."""
    points = list(zip(QUANTILES, quantiles))
    return list(zip(points, points[1:]))


def draw(source, quantiles, average):
    """A duration in seconds: the shape is that of the trace's quantiles, the mean is the trace's average in ms."""
    mean = sum((high - low) / 100 * (left + right) / 2 for (low, left), (high, right) in segments(quantiles))
    at = source.random() * 100
    for (low, left), (high, right) in segments(quantiles):
        if at <= high:
            value = left + (right - left) * (at - low) / (high - low)
            return value * (average / mean if mean else 1) / 1000
    return quantiles[-1] / 1000


def invocations(minutes, leave_out):
    """The first minutes of the sample without the functions that take the most time in all; sorted, always the same."""
    source = random.Random(2019)
    durations = {row["HashFunction"]: row for row in rows("durations.csv")}
    megabytes = {row["HashFunction"]: float(row["AverageAllocatedMb"]) for row in rows("memory.csv")}
    found = []
    for function, row in enumerate(rows("invocations.csv")):
        name = row["HashFunction"]
        quantiles = [float(durations[name][f"percentile_Average_{each}"]) for each in QUANTILES]
        average = float(durations[name]["Average"])
        made = []
        for minute in range(minutes):
            for _ in range(int(row[str(FIRST_MINUTE + minute)])):
                start = 60 * (minute + source.random())
                made.append(Invocation(start, draw(source, quantiles, average), function, int(megabytes[name] * 1e6)))
        twenty = sum(int(row[str(FIRST_MINUTE + minute)]) for minute in range(20))
        found.append((twenty * average, made))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return sorted((each for _, made in found[leave_out:] for each in made), key=lambda each: each.start)


def concurrency(invocations, seconds):
    """How many invocations run on average, until the end."""
    return sum(min(each.duration, seconds - each.start) for each in invocations) / seconds


def average_concurrency(function, start, end):
    overlap = (min(each.start + each.duration, end) - max(each.start, start) for each in function)
    return sum(part for part in overlap if part > 0) / (end - start)


def knative_pods(function, seconds, tick=2.0, stable=60.0, panic=6.0, target=0.7):
    """Pods by tick under Knative's autoscaler: concurrency over the stable window by the target of 70 % of one request
    for each pod; over the panic window when that asks for twice the pods that there are, without scaling down until a
    stable window later; never fewer than run at the time. Scaling to zero waits for an empty stable window, without the
    grace period.
    """
    pods, panic_until, found = 0, -1.0, []
    for index in range(int(seconds / tick)):
        now = (index + 1) * tick
        wanted = math.ceil(average_concurrency(function, max(0, now - stable), now) / target)
        urgent = math.ceil(average_concurrency(function, max(0, now - panic), now) / target)
        if urgent >= 2 * max(pods, 1):
            panic_until = now + stable
        wanted = max(wanted, urgent, pods) if now < panic_until else wanted
        recent = any(each.start <= now and each.start + each.duration > now - stable for each in function)
        running = sum(1 for each in function if each.start <= now < each.start + each.duration)
        pods = max(wanted, running, 1 if recent else 0)
        found.append(pods)
    return found


def by_function(invocations):
    functions = {}
    for each in invocations:
        functions.setdefault(each.function, []).append(each)
    return functions.values()


def keep_alive(invocations, seconds, overhead, tick=2.0):
    """Committed bytes by tick when each pod takes its function's memory and the sandbox's own."""
    total = [0.0] * int(seconds / tick)
    for function in by_function(invocations):
        for index, pods in enumerate(knative_pods(function, seconds, tick)):
            total[index] += pods * (function[0].memory + overhead)
    return total


def cold_share(invocations, seconds, tick=2.0):
    """The share of invocations that find every pod of their function busy, or none."""
    cold = 0
    for function in by_function(invocations):
        pods = knative_pods(function, seconds, tick)
        for each in function:
            index = int(each.start / tick) - 1
            there = pods[index] if index >= 0 else 0
            busy = sum(1 for other in function if other.start < each.start < other.start + other.duration)
            cold += busy >= there
    return cold / len(invocations)
