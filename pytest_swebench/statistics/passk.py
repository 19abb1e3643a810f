"""pass@k, solved at least once in k tries (Chen and others 2021), and pass^k, solved in all k (Yao and others 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.data import Interval, Sample
from pytest_swebench.statistics.distributions import t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class PassK:
    """Both shares for `k` tries, over the instances that have as many; `dropped` counts the others."""

    k: int
    at_least_once: float | None
    at_least_once_interval: Interval | None
    every_time: float | None
    every_time_interval: Interval | None
    instances: int
    dropped: int

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "k": self.k,
            "pass_at_k": self.at_least_once,
            "pass_at_k_interval": self.at_least_once_interval and self.at_least_once_interval.as_json(),
            "pass_hat_k": self.every_time,
            "pass_hat_k_interval": self.every_time_interval and self.every_time_interval.as_json(),
            "instances": self.instances,
            "dropped": self.dropped,
        }


def pass_at_k(tries: int, resolved: int, k: int) -> float:
    """Return the chance that `k` of the `tries`, drawn at random, hold a resolved one; without bias, for k <= tries."""
    return 1 - math.comb(tries - resolved, k) / math.comb(tries, k)


def pass_hat_k(tries: int, resolved: int, k: int) -> float:
    """Return the chance that `k` of the `tries`, drawn at random, are all resolved."""
    return math.comb(resolved, k) / math.comb(tries, k)


def pass_k(sample: Sample, k: int, confidence: float = 0.95) -> PassK:
    """Return both shares. Raises InputError for a `k` that no instance has the repetitions for."""
    if not 1 <= k <= max(1, sample.reps):
        raise InputError(
            f"pass@k: k={k!r} for {sample.variant}, which has {sample.reps} repetitions with an answer; give 1 to "
            f"{max(1, sample.reps)}, or run more with --count"
        )
    tallies = list(sample.answered.values())
    enough = [tally for tally in tallies if tally.attempted >= k]

    def over(share: Callable[[int, int, int], float]) -> list[float]:
        return [share(tally.attempted, tally.resolved, k) for tally in enough]

    once, always = over(pass_at_k), over(pass_hat_k)
    return PassK(
        k=k,
        at_least_once=_mean(once),
        at_least_once_interval=mean_interval(once, confidence),
        every_time=_mean(always),
        every_time_interval=mean_interval(always, confidence),
        instances=len(enough),
        dropped=len(tallies) - len(enough),
    )


def mean_interval(shares: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Return the t interval of a mean of shares, kept between 0 and 1; None for fewer than two, or all alike.

    Of shares that are all alike it would have no width, as if nothing could be otherwise.
    """
    spread = stdev(shares) if len(shares) > 1 else 0.0
    if not spread:
        return None
    mean = math.fsum(shares) / len(shares)
    reach = t_quantile((1 + confidence) / 2, len(shares) - 1) * spread / math.sqrt(len(shares))
    return Interval(max(0.0, mean - reach), min(1.0, mean + reach))


def _mean(shares: Sequence[float]) -> float | None:
    return math.fsum(shares) / len(shares) if shares else None
