"""The numbers of a run as its report shows them: its analysis, where tokens went, what a rate limit turned away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from pytest_swebench.records.schema import sent_by
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
class Limited:
    """Of the requests in each slice of the time in which some were sent, the share that a 429 answered; None for none.

    Requests are counted by the minute, and those of a minute are spread over its slices. Of `untold` cells, whose
    records are of before they were counted, only answered `calls` are known. `again` were sent again, after a 429 or
    for another reason.
    """

    shares: tuple[float | None, ...]
    began: str
    ended: str
    sent: int
    limited: int
    again: int
    untold: int
    calls: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The analysis, by variant the mean number of tokens of each step and of each kind, and requests turned away."""

    analysis: Analysis
    per_step: Mapping[str, Mapping[str, float]]
    per_kind: Mapping[str, Mapping[str, float]]
    limited: Limited | None

    @property
    def variants(self) -> dict[str, VariantAnalysis]:
        """The analysed variants, `turns5` before `turns10` and those held against none last.

        Those that only captured answers are none of them.
        """
        apart = self.analysis.apart
        ordered = sorted(self.analysis.variants, key=lambda one: by_numbers(one.rate.variant))
        return {one.rate.variant: one for one in sorted(ordered, key=lambda one: one.rate.variant in apart)}

    @property
    def curves(self) -> list[tuple[str, list[PassK]]]:
        """pass@k and pass^k for every k that a variant has the repetitions for, of those with two or more."""
        return [
            (name, [pass_k(one.sample, k) for k in range(1, one.sample.reps + 1)])
            for name, one in self.variants.items()
            if one.passes and one.sample.reps >= _FEWEST_CURVE
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
    analysis = analyse(lines, dict(selected))
    lines.sort(key=lambda line: (line["variant"] in analysis.apart, by_numbers(line["variant"])))
    steps, kinds = _means(lines, "per_step_tokens"), _means(lines, "tokens")
    return Figures(analysis, steps, kinds, limited_over_time(lines))


def limited_over_time(records: Sequence[Mapping[str, Any]]) -> Limited | None:
    """Return which share of requests a rate limit turned away, over the time in which they were sent; None of none."""
    minutes = [
        (datetime.fromisoformat(minute).timestamp(), sent, limited)
        for one in records
        for minute, (sent, limited) in (one.get("requests") or {}).items()
    ]
    untold = [one for one in records if sent_by(one) is None and one["calls"] + one["provider_retries"]]
    if not minutes and not untold:
        return None
    began, ended = min((at for at, *_ in minutes), default=0.0), max((at + 60 for at, *_ in minutes), default=0.0)
    width = (ended - began) / SLICES or 1.0
    made, turned_away = [0.0] * SLICES, [0.0] * SLICES
    for at, sent, limited in minutes:
        first = min(SLICES - 1, int((at - began) / width))
        past = max(first + 1, min(SLICES, round((at + 60 - began) / width)))
        for place in range(first, past):
            made[place] += sent / (past - first)
            turned_away[place] += limited / (past - first)
    return Limited(
        tuple(part / whole if whole else None for part, whole in zip(turned_away, made, strict=True)),
        datetime.fromtimestamp(began, UTC).isoformat(),
        datetime.fromtimestamp(ended, UTC).isoformat(),
        sum(sent for _, sent, _ in minutes),
        sum(limited for *_, limited in minutes),
        sum(one["provider_retries"] for one in records),
        len(untold),
        sum(one["calls"] for one in untold),
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
