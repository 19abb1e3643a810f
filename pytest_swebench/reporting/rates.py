"""The table of variants: resolved of attempted, the rate with its interval drawn, both denominators, cost, time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.records.summary import VariantSummary
from pytest_swebench.statistics.analysis import Analysis, VariantAnalysis

NAME: Final = 14
"""Columns that a name has at least, if it needs them."""
_MOST: Final = 10
_NO_BAR_BELOW: Final = 72
_LEAST_BAR: Final = 8  # places within its ends
_FAIR_BAR: Final = 14
_MOST_BAR: Final = 20
_HEADING: Final = "variant"
_HEAD_ROWS: Final = 2


class Table:
    """The variants of a run as lines: those under test by their rate, then the frame and oracles.

    `shown` are the first of them, `names` maps each variant to the name that stands for it, cut where it is too long.
    """

    def __init__(self, summaries: Sequence[VariantSummary], analysis: Analysis, width: int) -> None:
        self._width = width
        self._analysed = {one.sample.variant: one for one in analysis.variants}
        self._apart = analysis.apart
        ranked = sorted(summaries, key=self._rank)
        self.shown, self._left_out = ranked[:_MOST], len(ranked[_MOST:])
        self._star = any(one.oracle for one in self.shown)
        self._columns = self._chosen()
        room = self._room(self._columns) - _MOST_BAR - 3
        self.names = short_names([one.variant for one in ranked], max(NAME, room))

    def head(self) -> list[str]:
        """Return the lines above the variants."""
        return [line for line in self._laid_out()[:_HEAD_ROWS] if line]

    def rows(self) -> list[str]:
        """Return a line a variant, and one that counts those left out."""
        more = [f"... {self._left_out} more"] if self._left_out else []
        return [*self._laid_out()[_HEAD_ROWS:], *more]

    def in_short(self) -> list[str]:
        """Return a line a variant without a table: what `-q` shows."""
        lines = []
        for one in self.shown:
            found, name = self._analysed.get(one.variant), self.names[one.variant] + "*" * one.oracle
            if found is None or found.rate.rate is None:
                lines.append(f"{name}: {_without_rate(one)}")
                continue
            interval = f" [{_interval(found)}]" if found.rate.interval else ""
            rate = f"{one.count(Outcome.RESOLVED)}/{one.attempted} {_percent(found.rate.rate)}{interval}"
            lost = one.selected - one.done - one.left_by_gate
            missing = f", {lost} missing" if lost else ""
            left = f", {one.left_by_gate} left out by the gate" if one.left_by_gate else ""
            lines.append(f"{name}: {rate}{missing}{left}{_spent(one)}")
        return [*lines, *([f"... {self._left_out} more"] if self._left_out else [])]

    def _rank(self, one: VariantSummary) -> tuple[bool, float]:
        found = self._analysed.get(one.variant)
        rate = found.rate.rate if found else None
        return one.variant in self._apart, 1.0 if rate is None else -rate

    def _room(self, columns: Sequence[Sequence[str]]) -> int:
        """Return what `columns` leave of a line."""
        return self._width - self._star - sum(len(column[0]) + 1 for column in columns)

    def _chosen(self) -> list[list[str]]:
        """Return the columns to the right of names, each as two lines of heading and its values, all of one width.

        What may be left out is taken in turn as long as names keep their room, and time and tokens only if the drawing
        does.
        """
        shown = self.shown
        analysed = [self._analysed.get(one.variant) for one in shown]
        both = list(zip(shown, analysed, strict=True))
        rated = any(one.rate.rate is not None for one in self._analysed.values())
        captured = any(one.count(Outcome.CAPTURED) for one in shown)
        columns = []
        if captured:
            counts = [f"{one.count(Outcome.CAPTURED)}/{one.selected}" for one in shown]
            columns.append(_column("captured", counts))
        if rated or not captured:
            counts = [f"{one.count(Outcome.RESOLVED)}/{one.attempted}" if found else "-" for one, found in both]
            columns.append(_column("resolved", counts))
            columns.append(_column("rate", [_percent(one.rate.rate if one else None) for one in analysed]))
            columns.append(_column("95% interval", [_interval(one) for one in analysed]))
        optional: list[tuple[bool, list[str]]] = [
            (
                any(one.doubted for one in shown),
                _column("clean", [str(one.integrity.get(IntegrityState.CLEAN, 0)) for one in shown]),
            ),
            (
                any(one.graded != one.attempted for one, found in both if found),
                _column("graded", [_percent(one.rate_of_graded) for one in shown], above="of"),
            ),
            (
                any(one.cost_usd != 0 for one in shown),
                _column("cost $", ["unknown" if one.cost_usd is None else f"{one.cost_usd:.2f}" for one in shown]),
            ),
            (rated and any(one.cost_usd for one in shown), _column("$/res", [_per_resolved(one) for one in analysed])),
        ]
        aside = [
            (True, _column("time", [f"{one.seconds / max(1, one.recorded):.1f}s" for one in shown])),
            (
                any(one.input_tokens + one.output_tokens for one in shown),
                _column("tokens", [_tokens(one.input_tokens + one.output_tokens) for one in shown]),
            ),
        ]
        names = min(NAME, max([len(_HEADING), *(len(one.variant) for one in shown)]))
        for wanted, column in optional:
            if wanted and self._room([*columns, column]) >= names:
                columns.append(column)
        bar = _FAIR_BAR + 3 if rated and self._draws else 0
        for wanted, column in aside:
            if wanted and self._room([*columns, column]) >= names + bar:
                columns.append(column)
        return columns

    @property
    def _draws(self) -> bool:
        return self._width + 1 >= _NO_BAR_BELOW

    def _laid_out(self) -> list[str]:
        names = [self.names[one.variant] + "*" * one.oracle for one in self.shown]
        columns = [_column(_HEADING, names, left=True), *self._columns]
        room = self._width - sum(len(column[0]) + 1 for column in columns)
        if self._draws and room >= _LEAST_BAR + 2 and any(one.rate.rate is not None for one in self._analysed.values()):
            inside = min(_MOST_BAR, room - 2)
            bars = [_bar(self._analysed.get(one.variant), inside) for one in self.shown]
            half = "50%" if inside >= _FAIR_BAR else ""
            columns.append(_column(f"0%{half:^{inside - 4}}100%", bars, left=True))
        return [" ".join(line).rstrip() for line in zip(*columns, strict=True)]


def short_names(names: Sequence[str], width: int) -> dict[str, str]:
    """Return a name of at most `width` columns for each, no two of them alike.

    They are cut in the middle; of those that would look alike then, what tells them apart is kept.
    """
    from pytest_swebench.reporting.comparison.naming import middle

    short = {name: middle(name, width) for name in names}
    for group in _alike(short):
        short |= {name: _telling(name, group, width) for name in group}
    for number, name in enumerate((name for group in _alike(short) for name in group), 1):
        mark = f"~{number}"
        short[name] = middle(name, width - len(mark)) + mark
    return short


def _alike(short: Mapping[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name, cut in short.items():
        groups.setdefault(cut, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _telling(name: str, group: Sequence[str], width: int) -> str:
    """Return how `name` begins, and what it does not share with the others of its `group`."""
    from pytest_swebench.reporting.comparison.naming import middle

    start = _shared(group)
    end = _shared([one[start:][::-1] for one in group])
    own = middle(name[start : len(name) - end], width - 2)
    return f"{name[: width - 2 - len(own)]}..{own}"


def _shared(texts: Sequence[str]) -> int:
    """Return how many letters all texts begin with alike."""
    columns = list(zip(*texts, strict=False))
    return next((place for place, letters in enumerate(columns) if len(set(letters)) > 1), len(columns))


def _column(heading: str, values: Sequence[str], *, above: str = "", left: bool = False) -> list[str]:
    cells = [above, heading, *values]
    width = max(map(len, cells))
    return [f"{cell:<{width}}" if left else f"{cell:>{width}}" for cell in cells]


def _bar(one: VariantAnalysis | None, inside: int) -> str:
    """Return the rate and its interval on a line of `inside` places from 0 to 100 %."""
    if one is None or one.rate.rate is None:
        return ""
    places = ["."] * inside
    if one.rate.interval is not None:
        low, high = math.floor(one.rate.interval.low * (inside - 1)), math.ceil(one.rate.interval.high * (inside - 1))
        places[low : high + 1] = "-" * (high + 1 - low)
        places[low], places[high] = "[", "]"
    places[round(one.rate.rate * (inside - 1))] = "O"
    return f"|{''.join(places)}|"


def _interval(one: VariantAnalysis | None) -> str:
    if one is None or one.rate.interval is None:
        return "-"
    low, high = one.rate.interval.as_json()
    return f"{100 * low:.1f} - {100 * high:.1f}"


def _per_resolved(one: VariantAnalysis | None) -> str:
    return "-" if one is None or one.cost.usd is None else f"{one.cost.usd:.2f}"


def _without_rate(one: VariantSummary) -> str:
    captured = one.count(Outcome.CAPTURED)
    told = f"{captured}/{one.selected} captured" if captured else f"no answer from {one.selected} cells"
    return told + _spent(one)


def _spent(one: VariantSummary) -> str:
    return "" if one.cost_usd == 0 else ", cost unknown" if one.cost_usd is None else f", ${one.cost_usd:.2f}"


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f}%"


def _tokens(number: int) -> str:
    return f"{number / 1000:.1f}k" if number >= 1000 else str(number)
