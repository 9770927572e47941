"""Exact percentiles and moments of recorded samples."""

import math

P99_SAMPLES = 100
P999_SAMPLES = 10_000


def percentile(samples, fraction):
    """The smallest sample that at least `fraction` of all do not exceed; None without samples."""
    if not samples:
        return None
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def median(samples):
    return percentile(samples, 0.5)


def p99(samples):
    """None below P99_SAMPLES samples, which cannot tell it."""
    return percentile(samples, 0.99) if len(samples) >= P99_SAMPLES else None


def p999(samples):
    """None below P999_SAMPLES samples, which cannot tell it."""
    return percentile(samples, 0.999) if len(samples) >= P999_SAMPLES else None


def mean(samples):
    return sum(samples) / len(samples) if samples else None


def relative_variance(samples):
    """Variance divided by the square of the mean; None without samples."""
    if not samples:
        return None
    average = mean(samples)
    return sum((sample - average) ** 2 for sample in samples) / len(samples) / average**2


def slope(points):
    """Least-squares slope of (x, y) pairs that differ in x."""
    x_mean, y_mean = mean([x for x, _ in points]), mean([y for _, y in points])
    over = sum((x - x_mean) * (y - y_mean) for x, y in points)
    return over / sum((x - x_mean) ** 2 for x, _ in points)
