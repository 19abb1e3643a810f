"""The numbers of a run as its report shows them: its analysis, where tokens went, what had to be sent again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from pytest_swebench.reporting.html.tables import p_value
from pytest_swebench.reporting.reading import by_numbers
from pytest_swebench.statistics.analysis import Analysis, VariantAnalysis, analyse
from pytest_swebench.statistics.comparison import Comparison
from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.passk import PassK, pass_k

SLICES: Final = 48
"""Of the time of a run, for what is shown over time."""
_FEWEST_CURVE: Final = 2


@dataclass(frozen=True, slots=True)
class Resent:
    """Of the requests in each slice of the run's time, the share that was sent again; None where none was made.

    Records count what the provider's own loop sent again (a 429, an overloaded or failing endpoint, a lost
    connection), not which of them it was. A cell's requests are spread over the time that it took.
    """

    shares: tuple[float | None, ...]
    began: str
    ended: str
    requests: int
    again: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The analysis, by variant the mean number of tokens of each step and of each kind, and requests sent again."""

    analysis: Analysis
    per_step: Mapping[str, Mapping[str, float]]
    per_kind: Mapping[str, Mapping[str, float]]
    resent: Resent | None

    @property
    def variants(self) -> dict[str, VariantAnalysis]:
        """The analysed variants, `turns5` before `turns10`; those that only captured answers are none of them."""
        ordered = sorted(self.analysis.variants, key=lambda one: by_numbers(one.rate.variant))
        return {one.rate.variant: one for one in ordered}

    @property
    def curves(self) -> list[tuple[str, list[PassK]]]:
        """pass@k and pass^k for every k that a variant has the repetitions for, of those with two or more."""
        return [
            (name, [pass_k(one.sample, k) for k in range(1, one.sample.reps + 1)])
            for name, one in self.variants.items()
            if one.sample.reps >= _FEWEST_CURVE
        ]

    def pairs_json(self) -> list[dict[str, str]]:
        """Return what the page says of two variants, in words, from either side."""
        return [
            {
                "a": one.baseline,
                "b": one.variant,
                "told": f"{one.sentence}{_p(one)}",
                "back": f"{_turned(one).sentence}{_p(one)}",
            }
            for one in self.analysis.comparisons
        ]


def figures_of(records: Iterable[Mapping[str, Any]], selected: Mapping[str, int]) -> Figures:
    """Return the figures of a run's records, one a cell; `selected` says how many cells each variant was to have."""
    lines = list(records)
    steps, kinds = _means(lines, "per_step_tokens"), _means(lines, "tokens")
    return Figures(analyse(lines, dict(selected)), steps, kinds, resent_over_time(lines))


def resent_over_time(records: Sequence[Mapping[str, Any]]) -> Resent | None:
    """Return which share of requests was sent again, over the time of the run; None without times or requests."""
    spans = [
        (datetime.fromisoformat(one["started_at"]).timestamp(), datetime.fromisoformat(one["finished_at"]).timestamp(),
         one["calls"] + one["provider_retries"], one["provider_retries"])
        for one in records
        if one["started_at"] and one["finished_at"] and one["calls"] + one["provider_retries"]
    ]  # fmt: skip
    if not spans:
        return None
    began, ended = min(span[0] for span in spans), max(span[1] for span in spans)
    width = (ended - began) / SLICES or 1.0
    made, again = [0.0] * SLICES, [0.0] * SLICES
    for start, end, requests, retries in spans:
        first, last = (min(SLICES - 1, int((at - began) / width)) for at in (start, end))
        for place in range(first, last + 1):
            made[place] += requests / (last - first + 1)
            again[place] += retries / (last - first + 1)
    return Resent(
        tuple(part / whole if whole else None for part, whole in zip(again, made, strict=True)),
        datetime.fromtimestamp(began, UTC).isoformat(),
        datetime.fromtimestamp(ended, UTC).isoformat(),
        sum(span[2] for span in spans),
        sum(span[3] for span in spans),
    )


def _turned(one: Comparison) -> Comparison:
    """Return a comparison as its baseline would tell it."""
    numbers = one.numbers
    if numbers is not None:
        turned = numbers.interval and Interval(-numbers.interval.high, -numbers.interval.low)
        numbers = replace(numbers, difference=-numbers.difference, interval=turned)
    return replace(one, baseline=one.variant, variant=one.baseline, numbers=numbers)


def _p(one: Comparison) -> str:
    if one.numbers is None:
        return ""
    told = [p if p.startswith("<") else f"= {p}" for p in map(p_value, (one.numbers.test.p, one.numbers.adjusted_p))]
    return f"; p {told[0]} ({one.numbers.test.method}), {told[1].removeprefix('= ')} after Holm"


def _means(records: Iterable[Mapping[str, Any]], field: str) -> dict[str, dict[str, float]]:
    """Return variant -> part of `field` -> its mean over the cells that have any."""
    cells: dict[str, list[Mapping[str, int]]] = {}
    for record in records:
        if record[field]:
            cells.setdefault(record["variant"], []).append(record[field])
    parts = {variant: dict.fromkeys(part for one in told for part in one) for variant, told in cells.items()}
    return {
        variant: {part: sum(one.get(part, 0) for one in told) / len(told) for part in parts[variant]}
        for variant, told in cells.items()
    }
