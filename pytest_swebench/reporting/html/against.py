"""A run held against its baseline, as a report shows it: what of each instance went down, and what may be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.reporting.comparison.across import Across, compare_sources, samples_across
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.reporting.gate.told import GateTold
from pytest_swebench.reporting.html import charts
from pytest_swebench.reporting.html.markup import Markup, join, tag
from pytest_swebench.reporting.html.tables import cells, p_value, signed, table
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.comparison import Comparison, points
from pytest_swebench.statistics.data import GO_ON
from pytest_swebench.statistics.paired import pairs_of

_KINDS: Final = {"better": "good", "worse": "bad"}


@dataclass(frozen=True, slots=True)
class Against:
    """The baseline's name, the comparison with it, and variant -> instance -> by how much its share moved.

    Instances that moved nowhere, and those without answers on both sides, have no shift.
    """

    name: str
    across: Across
    shifts: Mapping[str, Mapping[str, float]]

    def as_json(self, variants: Sequence[str], instances: Sequence[str]) -> dict[str, Any]:
        """Return what the page's filter needs: shifts by index of variant and instance."""
        places = {name: place for place, name in enumerate(instances)}
        return {
            "name": self.name,
            "shifts": [
                {places[name]: round(by, 3) for name, by in self.shifts.get(variant, {}).items() if name in places}
                for variant in variants
            ],
        }


def held_against(baseline: Source, own: Source) -> Against:
    """Compare a run with its baseline. Raises InputError where the two cannot be compared at all.

    A variant that has no namesake in the baseline moves only if there is a single one to hold it against.
    """
    across = compare_sources([baseline, own])
    samples = samples_across([baseline, own], across.changed)
    shifts = {}
    for variant, found in by_variant(across.analysis.comparisons).items():
        if len(found) == 1:
            pairs = pairs_of(samples[found[0].baseline], samples[found[0].variant])
            shifts[variant] = {pair.instance_id: pair.difference for pair in pairs if pair.difference}
    return Against(baseline.name, across, shifts)


def by_variant(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """Return the comparisons of each of the run's variants, by the name that it has there."""
    found: dict[str, list[Comparison]] = {}
    for one in comparisons:
        found.setdefault(own_name(one.variant), []).append(one)
    return found


def own_name(labelled: str) -> str:
    """Return the name of a variant without the source that it is of."""
    return labelled.rpartition("@")[0]


def told(against: Against, gate: GateTold | None = None) -> Markup:
    """Return what a reader should know of a run and its baseline; `gate` is what its gate said."""
    stopped = gate is not None and gate.stopped
    rows, drawn = [], []
    for variant, found in by_variant(against.across.analysis.comparisons).items():
        for one in found:
            rows.append(_row(variant, one, single=len(found) == 1, stopped=stopped))
            if one.numbers is not None and one.numbers.interval is not None:
                low, high = (100 * end for end in one.numbers.interval.as_json())
                value = 100 * one.numbers.difference
                named = variant if len(found) == 1 else f"{variant} vs {own_name(one.baseline)}"
                kind = _KINDS.get(str(one.word), "")
                drawn.append(charts.Interval(named, value, low, high, f"{value:+.1f} pp  {one.word}", kind))
    head = ("variant", "against", "verdict", "difference", "95 % interval", "p, Holm", "up", "down", "left out")
    label = f"Differences from {against.name} in percentage points: " + "; ".join(
        f"{one.name} {one.told}" for one in drawn
    )
    notes = [*(f"differs: {drift}" for drift in against.across.drift), *against.across.cautions]
    if against.across.changed:
        number = len(against.across.changed)
        notes.append(f"{count(number, 'instance')} {'is' if number == 1 else 'are'} not the same in both, and left out")
    return join(
        tag("h2", f"Against the baseline {against.name}"),
        charts.forest(drawn[: charts.DRAWN], label) if drawn else None,
        table("What moved since the baseline", head, rows, words=["against", "verdict"]),
        tag("ul", *(tag("li", note) for note in notes), class_="notes") if notes else None,
    )


def _row(variant: str, one: Comparison, *, single: bool, stopped: bool) -> tuple[str | Markup, ...]:
    numbers = one.numbers
    return (
        variant,
        own_name(one.baseline),
        _word(one, stopped=stopped),
        points(numbers.difference) if numbers else "-",
        signed(numbers.interval if numbers else None),
        p_value(numbers.adjusted_p) if numbers else "-",
        cells(len(one.won), variant, only="improved") if single else str(len(one.won)),
        cells(len(one.lost), variant, only="regressed") if single else str(len(one.lost)),
        str(len(one.dropped)),
    )


def _word(one: Comparison, *, stopped: bool) -> str:
    """Return the verdict, and what stands against one; what a gate left out on purpose need not be gone on with."""
    if not one.obstacle:
        return str(one.word)
    if stopped and one.obstacle.endswith(GO_ON) and not one.obstacle.startswith(f"{one.baseline}:"):
        return f"{one.sentence.removesuffix(GO_ON)}; the gate stopped the run on purpose, and its verdict holds"
    return one.sentence
