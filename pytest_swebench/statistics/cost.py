"""What a variant takes: cost per resolved instance, and the spread of cost, tokens and time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.statistics.data import Interval, Sample
from pytest_swebench.statistics.distributions import t_quantile
from pytest_swebench.statistics.paired import Pair

_FEWEST: Final = 5  # resolved instances; below, the ratio's interval is not to be trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPerResolved:
    """Dollars spent per resolved instance, lost cells apart; `unknown` says why there is no number."""

    usd: float | None
    interval: Interval | None = None
    unknown: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {"usd": self.usd, "interval": self.interval and self.interval.as_json(), "unknown": self.unknown or None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """An amount over cells: it is skewed, so the median and 95 in 100 stand beside the mean."""

    total: float
    mean: float
    median: float
    p95: float

    def as_json(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {"total": self.total, "mean": self.mean, "p50": self.median, "p95": self.p95}


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much the variant takes as the baseline, over `pairs` instances."""

    ratio: float
    interval: Interval
    pairs: int

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {"ratio": self.ratio, "interval": self.interval.as_json(), "pairs": self.pairs}


def cost_per_resolved(sample: Sample, confidence: float = 0.95) -> CostPerResolved:
    """Return mean cost over mean resolved, with the log-delta interval, which is never negative or without end."""
    tallies = list(sample.answered.values())
    costs = [cost for tally in tallies if (cost := tally.mean_of("cost_usd")) is not None]
    if len(costs) < len(tallies):
        return CostPerResolved(usd=None, unknown="the price of some cells is not known")
    resolved = sum(tally.resolved > 0 for tally in tallies)
    if resolved < _FEWEST:
        return CostPerResolved(usd=None, unknown=f"{resolved} instances are resolved, and {_FEWEST} are needed")
    worth = [tally.mean for tally in tallies]
    usd = math.fsum(costs) / math.fsum(worth)
    if not usd:
        return CostPerResolved(usd=0.0)
    parts = _log_ratio_parts(costs, worth)
    reach = _reach(parts, confidence)
    return CostPerResolved(usd=usd, interval=Interval(usd * math.exp(-reach), usd * math.exp(reach)))


def ratio_of_costs_per_resolved(pairs: Sequence[Pair], confidence: float = 0.95) -> Ratio | None:
    """Return how costs per resolved compare on the same instances; None where one of them is not estimable."""
    if sum(pair.baseline.resolved > 0 for pair in pairs) < _FEWEST:
        return None
    if sum(pair.variant.resolved > 0 for pair in pairs) < _FEWEST:
        return None
    sides = []
    for tallies in ([pair.baseline for pair in pairs], [pair.variant for pair in pairs]):
        costs = [cost for tally in tallies if (cost := tally.mean_of("cost_usd")) is not None]
        if len(costs) < len(pairs) or not math.fsum(costs):
            return None
        worth = [tally.mean for tally in tallies]
        sides.append((math.fsum(costs) / math.fsum(worth), _log_ratio_parts(costs, worth)))
    (usd_a, parts_a), (usd_b, parts_b) = sides
    return _ratio(usd_b / usd_a, [b - a for a, b in zip(parts_a, parts_b, strict=True)], confidence)


def ratio_of(pairs: Sequence[Pair], amount: str, confidence: float = 0.95) -> Ratio | None:
    """Return the geometric mean of the instances' ratios of `cost_usd`, `tokens` or `seconds`.

    Instances where one side took nothing or is unknown are left out; None with fewer than two others.
    """
    logs = []
    for pair in pairs:
        before, after = pair.baseline.mean_of(amount), pair.variant.mean_of(amount)
        if before and after:
            logs.append(math.log(after / before))
    if len(logs) < 2:
        return None
    return _ratio(math.exp(math.fsum(logs) / len(logs)), logs, confidence)


def spread(amounts: Sequence[float] | None) -> Spread | None:
    """Return the spread of sorted amounts; None without any, or where one is unknown."""
    if not amounts:
        return None
    total = math.fsum(amounts)
    return Spread(total=total, mean=total / len(amounts), median=quantile(amounts, 0.5), p95=quantile(amounts, 0.95))


def quantile(ordered: Sequence[float], p: float) -> float:
    """Return the quantile of sorted values, between neighbours by straight line (Hyndman and Fan's type 7)."""
    place = p * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _log_ratio_parts(costs: Sequence[float], worth: Sequence[float]) -> list[float]:
    """Return each instance's part in the log of mean cost over mean worth, to first order (the delta method)."""
    cost, value = math.fsum(costs) / len(costs), math.fsum(worth) / len(worth)
    return [one / cost - its / value for one, its in zip(costs, worth, strict=True)]


def _ratio(ratio: float, parts: Sequence[float], confidence: float) -> Ratio:
    reach = _reach(parts, confidence)
    return Ratio(ratio, Interval(ratio * math.exp(-reach), ratio * math.exp(reach)), len(parts))


def _reach(parts: Sequence[float], confidence: float) -> float:
    """Return how far the t interval of a mean goes; in floats, since exact fractions take four times as long."""
    mean = math.fsum(parts) / len(parts)
    square = math.fsum((part - mean) ** 2 for part in parts) / (len(parts) - 1)
    return t_quantile((1 + confidence) / 2, len(parts) - 1) * math.sqrt(square / len(parts))
