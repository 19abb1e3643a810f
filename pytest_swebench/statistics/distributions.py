"""Normal and Student's t distribution, without a library that costs an unrelated run a second to import.

The incomplete beta function is evaluated as a continued fraction by Lentz's method (Abramowitz and Stegun 26.5.8);
quantiles agree with scipy to nine digits, also for the fractional degrees of freedom of clusters.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Final

_TINY: Final = 1e-300
_STEPS: Final = 500
_PRECISE: Final = 1e-15


def normal_quantile(p: float) -> float:
    """Return the z below which a standard normal variable lies with probability `p`."""
    return NormalDist().inv_cdf(p)


def normal_cdf(z: float) -> float:
    """Return the probability that a standard normal variable is at most `z`."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def t_tail(t: float, df: float) -> float:
    """Return the probability that a t variable with `df` > 0 degrees of freedom exceeds `t`."""
    tail = 0.5 * _incomplete_beta(df / 2, 0.5, df / (df + t * t), t * t / (df + t * t))
    return tail if t >= 0 else 1 - tail


@functools.lru_cache(maxsize=1024)  # many variants ask for few of them, thousands of times
def t_quantile(p: float, df: float) -> float:
    """Return the t below which a t variable with `df` > 0 degrees of freedom lies with probability 0 < `p` < 1."""
    tail = min(p, 1 - p)
    low, high = 0.0, max(1.0, abs(normal_quantile(tail)))
    while t_tail(high, df) > tail:  # with one degree of freedom a quantile may lie in the hundreds
        low, high = high, 2 * high
    at = high
    for _ in range(_STEPS):
        excess = t_tail(at, df) - tail
        low, high = (at, high) if excess > 0 else (low, at)
        step = at + excess / _t_density(at, df)
        step = step if low < step < high else (low + high) / 2
        if abs(step - at) <= _PRECISE * max(1.0, at):
            break
        at = step
    return math.copysign(at, p - 0.5)


def _t_density(t: float, df: float) -> float:
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return math.exp(log_scale - (df + 1) / 2 * math.log1p(t * t / df))


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return I_x(a, b); `rest` is 1 - x, given apart because it cannot be had from an x near 1."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) / (a * _fraction(a, b, x))
    return 1 - math.exp(log_front) / (b * _fraction(b, a, rest))


def _fraction(a: float, b: float, x: float) -> float:
    value = upper = 1.0
    lower = 0.0
    for numerator in _numerators(a, b, x):
        lower = 1 / (1 + numerator * lower or _TINY)
        upper = 1 + numerator / upper or _TINY
        value *= upper * lower
        if abs(upper * lower - 1) < _PRECISE:
            break
    return value


def _numerators(a: float, b: float, x: float) -> Iterator[float]:
    for step in range(_STEPS):
        if step:
            yield step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        yield -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
