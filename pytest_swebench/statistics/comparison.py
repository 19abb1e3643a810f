"""The comparison of two variants in full, and of a family of them: numbers, verdict word, what was left out and why.

The claim rule: better or worse only if p, adjusted for all comparisons of the family, is below 5 % and the interval
excludes no difference. Both are asked for, so that text and interval never contradict each other. Never "equal".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from pytest_swebench.errors import SelectionError, unknown
from pytest_swebench.statistics.cost import Ratio, ratio_of, ratio_of_costs_per_resolved
from pytest_swebench.statistics.data import COVERAGE_FLOOR, Interval, Sample, coverage_problem
from pytest_swebench.statistics.exactpower import fewest_instances, smallest_p
from pytest_swebench.statistics.multiple import holm
from pytest_swebench.statistics.paired import (
    PairedTest,
    cohens_h,
    correlation,
    differences_of,
    discordance,
    dropped,
    extremes,
    paired_test,
    pairs_of,
)
from pytest_swebench.statistics.repositories import Repositories, cluster_interval, repositories_of

ALPHA: Final = 0.05
_FEWEST: Final = 2


class Word(StrEnum):
    """What may be claimed of a difference."""

    BETTER = "better"
    WORSE = "worse"
    NONE = "no difference shown"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a comparison of one instance or more comes to; shares between 0 and 1, differences between -1 and 1.

    `interval` is not adjusted for other comparisons and None for a single instance; `clustered` says that it is for
    other repositories. `minimal_effect` is what such a comparison finds with a power of 80 %.
    """

    instances: int
    baseline_rate: float
    variant_rate: float
    difference: float
    interval: Interval | None
    clustered: bool
    test: PairedTest
    adjusted_p: float
    minimal_effect: float | None
    correlation: float | None
    discordance: float
    cohens_h: float
    cost_per_resolved: Ratio | None
    ratios: Mapping[str, Ratio | None]
    repositories: Repositories

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "instances": self.instances,
            "baseline_rate": self.baseline_rate,
            "variant_rate": self.variant_rate,
            "difference": self.difference,
            "interval": self.interval and self.interval.as_json(),
            "clustered": self.clustered,
            "p": self.test.p,
            "mid_p": self.test.mid_p,
            "p_method": self.test.method,
            "adjusted_p": self.adjusted_p,
            "minimal_effect": self.minimal_effect,
            "outcome_correlation": self.correlation,
            "discordance": self.discordance,
            "cohens_h": self.cohens_h,
            "cost_per_resolved_ratio": self.cost_per_resolved and self.cost_per_resolved.as_json(),
            "ratios": {name: ratio and ratio.as_json() for name, ratio in self.ratios.items()},
            "repositories": self.repositories.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A variant held against a baseline.

    `won` and `lost` are the instances on which it is better and worse, the clearest first. `dropped` maps an instance
    to why it is in none of this; `others_on_dropped` is the rate of all other variants there, beside that on the rest.
    `extremes` is the difference if what is missing spoke against the variant, and for it. `obstacle` says why nothing
    may be claimed.
    """

    baseline: str
    variant: str
    numbers: Numbers | None
    won: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    ties: int = 0
    dropped: Mapping[str, str]
    others_on_dropped: tuple[float, float] | None = None
    extremes: Interval | None = None
    obstacle: str = ""

    @property
    def word(self) -> Word:
        """What may be claimed."""
        if self.obstacle or self.numbers is None or self.numbers.interval is None:
            return Word.NOT_COMPARABLE
        interval = self.numbers.interval
        if self.numbers.adjusted_p >= ALPHA or not interval.excludes(0.0):
            return Word.NONE
        return Word.BETTER if interval.low > 0 else Word.WORSE

    @property
    def sentence(self) -> str:
        """The verdict for a person, without overstatement."""
        if self.obstacle or self.numbers is None or self.numbers.interval is None:
            return f"not comparable: {self.obstacle}"
        low, high = (points(end) for end in self.numbers.interval.as_json())
        if self.word is not Word.NONE:
            return (
                f"{self.variant} is {self.word} than {self.baseline}: {points(self.numbers.difference)} [{low}, {high}]"
            )
        if self.numbers.interval.excludes(0.0):
            return (
                f"no difference shown: p adjusted for all comparisons is {self.numbers.adjusted_p:.2g}, though the "
                f"interval [{low}, {high}], which is not adjusted, excludes 0"
            )
        shown = f"no difference shown; differences beyond [{low}, {high}] excluded"
        if self.numbers.instances < fewest_instances():
            return f"{shown}; {too_few()}"
        if self.numbers.minimal_effect is None:
            return shown
        return f"{shown}; this could see {100 * self.numbers.minimal_effect:.1f} pp or more"

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "baseline": self.baseline,
            "variant": self.variant,
            "verdict": str(self.word),
            "sentence": self.sentence,
            "numbers": self.numbers and self.numbers.as_json(),
            "wins": len(self.won),
            "losses": len(self.lost),
            "ties": self.ties,
            "won": list(self.won),
            "lost": list(self.lost),
            "dropped": dict(self.dropped),
            "others_on_dropped": self.others_on_dropped and list(self.others_on_dropped),
            "extremes": self.extremes and self.extremes.as_json(),
        }


def too_few(comparisons: int = 1) -> str:
    """Return the sentence on fewer instances than any difference could be shown with."""
    among = f" among {comparisons} pairs" if comparisons > 1 else ""
    return f"fewer than {fewest_instances(comparisons)} instances cannot show any difference{among}"


def points(difference: float) -> str:
    """Return a difference in percentage points with its sign."""
    return f"{signed(difference)} pp"


def signed(difference: float) -> str:
    """Return the number of percentage points with its sign, which is + for what rounds to 0."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def p_text(p: float) -> str:
    """Return a p value with three digits, and never as 0."""
    return "1" if p > 0.9995 else f"{p:.3f}".lstrip("0") if p >= 0.001 else f"{p:.1e}"


def compare(
    baseline: Sample,
    variant: Sample,
    *,
    confidence: float = 0.95,
    floor: float = COVERAGE_FLOOR,
    by_repository: bool = False,
    others: Sequence[Sample] = (),
    besides: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare two variants on the instances that both have an answer for; p is not adjusted yet.

    `besides` are instances that the samples no longer hold, with the reason; they are dropped as well.
    Raises InputError where `by_repository` asks for an interval over too few repositories.
    """
    pairs = pairs_of(baseline, variant)
    left_out = {**dropped(baseline, variant), **(besides or {})}
    obstacle = coverage_problem(baseline, variant, floor=floor)
    if len(pairs) < _FEWEST:
        common = "no instance has" if not pairs else "a single instance has"
        obstacle = obstacle or f"{common} an answer of both {baseline.variant} and {variant.variant}"
    ranked = sorted(pairs, key=lambda pair: (-abs(pair.difference), pair.instance_id))
    won = tuple(pair.instance_id for pair in ranked if pair.difference > 0)
    lost = tuple(pair.instance_id for pair in ranked if pair.difference < 0)
    numbers = None
    if pairs:
        differences, test = differences_of(pairs), paired_test(pairs)
        rates = [
            math.fsum(tally.mean for tally in side) / len(pairs)
            for side in zip(*((p.baseline, p.variant) for p in pairs), strict=True)
        ]
        interval = cluster_interval(pairs, confidence) if by_repository else differences.interval(confidence)
        numbers = Numbers(
            instances=len(pairs),
            baseline_rate=rates[0],
            variant_rate=rates[1],
            difference=differences.mean,
            interval=interval if len(pairs) >= _FEWEST else None,
            clustered=by_repository,
            test=test,
            adjusted_p=test.p,
            minimal_effect=None if by_repository else differences.minimal_effect(),  # that is for instances
            correlation=correlation(pairs),
            discordance=discordance(pairs),
            cohens_h=cohens_h(rates[0], rates[1]),
            cost_per_resolved=ratio_of_costs_per_resolved(pairs, confidence),
            ratios={amount: ratio_of(pairs, amount, confidence) for amount in ("cost_usd", "tokens", "seconds")},
            repositories=repositories_of(pairs),
        )
    return Comparison(
        baseline=baseline.variant,
        variant=variant.variant,
        numbers=numbers,
        won=won,
        lost=lost,
        ties=len(pairs) - len(won) - len(lost),
        dropped=left_out,
        others_on_dropped=_of_others(others, left_out, [pair.instance_id for pair in pairs]),
        extremes=extremes(baseline, variant),
        obstacle=obstacle,
    )


def compare_all(
    samples: Mapping[str, Sample],
    *,
    against: str = "",
    confidence: float = 0.95,
    floor: float = COVERAGE_FLOOR,
    by_repository: bool = False,
) -> list[Comparison]:
    """Compare all variants with each other, the one with the higher rate as the variant, or all with `against`.

    The p values are adjusted for all of them together. Raises SelectionError for an unknown `against`.
    """
    if against and against not in samples:
        raise SelectionError(f"--baseline-variant: {unknown('variant', against, samples)}")
    if against:
        asked = [(samples[against], one) for name, one in samples.items() if name != against]
    else:
        ranked = sorted(samples.values(), key=lambda one: (_rate(one), one.variant))
        asked = list(combinations(ranked, 2))
    found = [
        compare(
            *pair,
            confidence=confidence,
            floor=floor,
            by_repository=by_repository,
            others=[one for one in samples.values() if one not in pair],
        )
        for pair in asked
    ]
    return adjusted(found)


def adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with p adjusted by Holm; those without numbers are no part of the family.

    Where not even the smallest p that so many instances can have would do, no effect is said to be visible.
    """
    numbers = [one.numbers for one in comparisons if one.numbers is not None]
    p_values = holm([one.test.p for one in numbers])
    least = holm([smallest_p(one.instances) for one in numbers])
    told = iter(
        replace(one, adjusted_p=p, minimal_effect=one.minimal_effect if smallest < ALPHA else None)
        for one, p, smallest in zip(numbers, p_values, least, strict=True)
    )
    return [one if one.numbers is None else replace(one, numbers=next(told)) for one in comparisons]


def _rate(sample: Sample) -> float:
    means = sample.means.values()
    return math.fsum(means) / len(means) if means else 0.0


def _of_others(
    others: Sequence[Sample], left_out: Mapping[str, str], used: Sequence[str]
) -> tuple[float, float] | None:
    """Return the mean rate of the other variants on the dropped instances and on the used ones; None if unknown."""
    rates = []
    for names in (left_out, used):
        means = [one.means[name] for one in others for name in names if name in one.means]
        if not means:
            return None
        rates.append(math.fsum(means) / len(means))
    return rates[0], rates[1]
