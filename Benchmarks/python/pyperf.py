"""As much of pyperf as pyperformance's benchmarks call, in one process: the best of some runs, for interpreters that cannot
start other processes. Prints `NAME SECONDS` for each."""

import argparse
import time

perf_counter = time.perf_counter
ROUNDS, LEAST = 7, 0.2


class Runner:
    def __init__(self, *_, **__):
        self.argparser = argparse.ArgumentParser()
        self.metadata, self.args = {}, None

    def parse_args(self, arguments=None):
        self.args, _ = self.argparser.parse_known_args(arguments)
        return self.args

    def bench_time_func(self, name, function, *arguments, inner_loops=1, **_):
        loops = 1
        while (time := function(loops, *arguments)) < LEAST and loops < 1 << 20:
            loops *= 2
        best = min([time] + [function(loops, *arguments) for _ in range(ROUNDS - 1)])
        print(f"{name} {best / loops / inner_loops:.9f}", flush=True)

    def bench_func(self, name, function, *arguments, **options):
        def timed(loops):
            begun = perf_counter()
            for _ in range(loops):
                function(*arguments)
            return perf_counter() - begun

        self.bench_time_func(name, timed, **options)
