"""When the machine stood still, seen by real-time threads: what happens then says nothing about a server."""

import bisect
import subprocess

from .bench import Server, Unavailable


class Stalls:
    """Watches all CPUs in `with`; afterwards `times` are (from, to) in ns of CLOCK_MONOTONIC, without overlaps, of stalls
    longer than 1 ms. Without the right to real-time priority nothing is watched, and `missing` says why."""

    def __init__(self, bench):
        self.bench, self.times, self.missing = bench, [], None

    def __enter__(self):
        command = [self.bench.helper("load/stalls.c"), *self.bench.cpus]
        try:
            self.server = Server(command, 0, self.bench.work / "stalls.log", stdin=subprocess.PIPE)
        except Unavailable as reason:
            self.missing = str(reason)
        return self

    def __exit__(self, *_):
        if self.missing:
            return
        process = self.server.process
        process.stdin.close()
        lines = [line.split() for line in process.stdout]
        self.server.stop()
        self.times = union((int(begin), int(end)) for _, begin, end in lines)

    def describe(self, start, seconds):
        """Of a run that began at `start`."""
        if self.missing:
            return f"stalls were not watched ({self.missing})"
        within = [(begin, end) for begin, end in self.times if start <= begin < start + seconds * 1e9]
        total = sum(end - begin for begin, end in within) / 1e6
        longest = max((end - begin for begin, end in within), default=0) / 1e6
        return f"{len(within)} stalls of more than 1 ms, {total:.0f} ms in all, the longest {longest:.0f} ms"

    def touch(self, begin, end):
        """Whether a stall overlaps the time from `begin` to `end`."""
        index = bisect.bisect(self.times, (end, end))
        return index > 0 and self.times[index - 1][1] > begin


def union(intervals):
    """The same times as rising intervals that do not overlap."""
    found = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found
