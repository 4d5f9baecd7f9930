"""How much a number of outcomes proves: exact binomial bounds (Clopper and Pearson, Biometrika 26, 1934)."""

from math import exp, lgamma, log, log1p

_STEPS = 60
"""Halvings of the interval: more than a float can tell apart."""


def upper_bound(failures: int, of: int, confidence: float = 0.95) -> float:
    """The one-sided upper bound of a failure rate; 1 where nothing is known. Raises ValueError for impossible counts."""
    if not 0 <= failures <= of:
        raise ValueError(f"{failures} failures of {of} are impossible")
    if failures == of:
        return 1.0
    low, high = failures / of, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(failures, of, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def enough(failures: int, rate: float, confidence: float = 0.95) -> int:
    """The least number of outcomes with so many failures whose upper bound lies under a rate (between 0 and 1)."""
    too_few, found = failures, 2 * failures + 1
    while not _proves(failures, found, rate, confidence):
        too_few, found = found, 2 * found
    while found - too_few > 1:
        middle = (too_few + found) // 2
        if _proves(failures, middle, rate, confidence):
            found = middle
        else:
            too_few = middle
    return found


def _proves(failures: int, of: int, rate: float, confidence: float) -> bool:
    return _at_most(failures, of, rate) < 1 - confidence


def _at_most(failures: int, of: int, rate: float) -> float:
    """How likely so few failures are at this rate; by logarithms, since large counts leave a float's range."""
    return sum(exp(_log_ways(k, of) + k * log(rate) + (of - k) * log1p(-rate)) for k in range(failures + 1))


def _log_ways(k: int, of: int) -> float:
    return lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1)
