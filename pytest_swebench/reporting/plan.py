"""What a comparison will need, and what one can see: instances and repetitions with their cost and time, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Final

from pytest_swebench.cell import FRAME
from pytest_swebench.errors import InputError, SelectionError, unknown
from pytest_swebench.reporting.tree import count
from pytest_swebench.reporting.wrapping import fold
from pytest_swebench.statistics.comparison import too_few
from pytest_swebench.statistics.data import Sample
from pytest_swebench.statistics.exactpower import fewest_instances
from pytest_swebench.statistics.gate import MAX_DROP, inconclusive_chance
from pytest_swebench.statistics.paired import POWER, pairs_of
from pytest_swebench.statistics.planning import DIFFERENT, SIMILAR, Components, never_differing, pilot_of

INSTANCES: Final = (50, 100, 300, 500)
REPETITIONS: Final = (1, 3, 5, 10)
WIDTH: Final = 80
_RATE: Final = 0.5
_APPROXIMATE: Final = 30  # instances, below which the normal approximation for repetitions is rough


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """What a plan stands on: the parts of the variance, and how far off their sd may be, as factors."""

    name: str
    alternatives: tuple[Components, ...]
    factors: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """So many instances and repetitions of two variants: what they find with the power asked for, and what they take.

    `minimal_effect` is the range over the assumptions. `power` is that for the effect asked for, at its least;
    `hours` is on one worker. Cost and time are None without a pilot that tells them. `undecided` is how often a gate
    on the default drop ends without a verdict though nothing changed, at its most.
    """

    instances: int
    reps: int
    minimal_effect: tuple[float, float]
    power: float | None
    cost_usd: float | None
    hours: float | None
    undecided: float

    @property
    def cells(self) -> int:
        """Cells of both variants together."""
        return 2 * self.instances * self.reps


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The table, and by repetitions the instances that the effect asked for needs, from the least to the most."""

    assumption: Assumption
    power: float
    effect: float | None
    rows: tuple[PlanRow, ...]
    needed: Mapping[int, tuple[int, int]]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "assumption": self.assumption.name,
            "components": [{"omega2": one.omega2, "luck": one.luck} for one in self.assumption.alternatives],
            "power": self.power,
            "effect": self.effect,
            "needed_instances": {str(reps): list(ends) for reps, ends in self.needed.items()},
            "rows": [
                {
                    "instances": row.instances,
                    "repetitions": row.reps,
                    "cells": row.cells,
                    "minimal_effect": [end if math.isfinite(end) else None for end in row.minimal_effect],
                    "power": row.power,
                    "cost_usd": row.cost_usd,
                    "hours": row.hours,
                    "gate_undecided": row.undecided,
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }


def assumed(rate: float = _RATE, *, effect: float | None = None) -> Assumption:
    """Return the assumption without a pilot: from two arms of one model to two models, at this mean rate.

    Both were measured at a rate of one half; luck and difference shrink with the variance of a cell. Raises InputError
    for a rate about which two variants cannot lie the `effect` (a share) apart.
    """
    if not 0 < rate < 1:
        raise InputError(f"--rate {rate!r}: a rate between 0 and 1 is needed, e.g. 0.4")
    if effect is not None and 0 < effect < 1 and not effect / 2 <= rate <= 1 - effect / 2:
        raise InputError(
            f"--rate {rate!r}: variants {100 * effect:g} points apart about it would go past 0 or 1; give a rate from "
            f"{effect / 2:g} to {1 - effect / 2:g}, or a smaller --effect"
        )
    scale = rate * (1 - rate) / _RATE**2
    both = tuple(Components(one.omega2 * scale, one.luck * scale) for one in (SIMILAR, DIFFERENT))
    return Assumption(name=f"two variants at a rate of {100 * rate:.3g}%, of one model or of two", alternatives=both)


def piloted(samples: Mapping[str, Sample], baseline: str = "", variant: str = "") -> tuple[Assumption, list[Sample]]:
    """Return what a pilot run tells of two of its variants, and these.

    Raises SelectionError where it is not clear which two, and InputError for a pilot that tells no variance.
    """
    for name in filter(None, (baseline, variant)):
        if name not in samples:
            raise SelectionError(f"plan: {unknown('variant', name, samples)}")
    if len(samples) < 2:
        raise SelectionError(
            f"plan: the pilot has one variant ({', '.join(samples)}), and a plan is for two; give a pilot with both, "
            "or none, with --rate"
        )
    chosen = [name for name in (baseline, variant) if name]
    frame = [name for name, sample in samples.items() if name not in chosen and (sample.oracle or name in FRAME)]
    rest = [name for name in samples if name not in (*chosen, *frame)]
    if len(chosen) + len(rest) != 2 and len(chosen) < 2:
        apart = f" ({', '.join(frame)}: only what frames the others)" if frame else ""
        raise SelectionError(
            f"plan: the pilot has the variants {', '.join(samples)}{apart}; name the two to plan for, with --variant "
            "twice"
        )
    pair = [samples[name] for name in (chosen if len(chosen) == 2 else [*chosen, *rest])]
    pilot = pilot_of(pairs_of(*pair))
    name = f"the pilot, {pair[1].variant} against {pair[0].variant} on {pilot.pairs} instances"
    return Assumption(name=name, alternatives=tuple(pilot.alternatives()), factors=pilot.factors), pair


def plan(
    assumption: Assumption,
    *,
    pilot: Sequence[Sample] = (),
    effect: float | None = None,
    power: float = POWER,
    instances: Sequence[int] = INSTANCES,
    reps: Sequence[int] = REPETITIONS,
    max_drop: float = MAX_DROP,
) -> Plan:
    """Return the plan for an `effect` (a share, e.g. 0.05), or without one what each size can see."""
    if effect is not None and not 0 < effect < 1:
        raise InputError(f"--effect: {effect!r} is no difference between 0 and 1; give e.g. 5pp or 0.05")
    if not 0.05 < power < 1:
        raise InputError(f"--power {power!r}: a chance between 0.05 and 1 is needed, e.g. 0.8")
    cost, seconds = _per_cell_pair(pilot, "cost_usd"), _per_cell_pair(pilot, "seconds")
    rows = [
        PlanRow(
            instances=size,
            reps=rep,
            minimal_effect=_seen(assumption, size, rep, power),
            power=None if effect is None else _least_power(assumption, effect, size, rep),
            cost_usd=None if cost is None else cost * size * rep,
            hours=None if seconds is None else seconds * size * rep / 3600,
            undecided=max(inconclusive_chance(one, size, rep, max_drop=max_drop) for one in assumption.alternatives),
        )
        for size in instances
        for rep in reps
    ]
    needed = {} if effect is None else {rep: _needed(assumption, effect, rep, power) for rep in reps}
    return Plan(
        assumption=assumption,
        power=power,
        effect=effect,
        rows=tuple(rows),
        needed=needed,
        notes=(*_notes(assumption, pilot), *_limits(rows, needed)),
    )


def seen_by(instances: int, reps: int, *, power: float = POWER) -> str:
    """Return in a line what a comparison that is about to start can see, where nothing is known of its variants."""
    if instances < fewest_instances():
        return f"{count(instances, 'instance')} x {reps}: {too_few()}"
    few, many = (one.minimal_effect(instances, reps, power=power) for one in assumed().alternatives)
    if max(few, many) >= 1:
        return f"{count(instances, 'instance')} x {reps}: too little to tell two variants apart, whatever they do"
    return (
        f"two variants on {instances} instances x {reps} can be told apart from about {100 * few:.1f} (arms of one "
        f"model) or {100 * many:.1f} points (two models), with a chance of {power:.0%}"
    )


def _seen(assumption: Assumption, instances: int, reps: int, power: float) -> tuple[float, float]:
    low, high = assumption.factors
    effects = [one.minimal_effect(instances, reps, power=power) for one in assumption.alternatives]
    return min(effects) * low, max(effects) * high


def _least_power(assumption: Assumption, effect: float, instances: int, reps: int) -> float:
    return min(one.power(effect / assumption.factors[1], instances, reps) for one in assumption.alternatives)


def _needed(assumption: Assumption, effect: float, reps: int, power: float) -> tuple[int, int]:
    low, high = assumption.factors
    counts = [(one.instances(effect, reps, power=power)) for one in assumption.alternatives]
    least, most = math.ceil(min(counts) * low**2), math.ceil(max(counts) * high**2)
    return max(least, fewest_instances()), max(most, fewest_instances())


def _per_cell_pair(pilot: Sequence[Sample], amount: str) -> float | None:
    """Return what one cell of each variant takes together, on average; None where it is not known."""
    total = 0.0
    for sample in pilot:
        amounts = sample.amounts.get(amount)
        if not amounts:
            return None
        total += math.fsum(amounts) / len(amounts)
    return total if pilot else None


def _notes(assumption: Assumption, pilot: Sequence[Sample]) -> list[str]:
    notes = []
    if any(not one.split for one in assumption.alternatives):
        notes.append(
            "a pilot of one repetition cannot tell luck from difference: the ranges go from all luck to half of each; "
            "a pilot with --count 2 can"
        )
    pairs = pairs_of(*pilot) if pilot else []
    repeated = [pair for pair in pairs if min(pair.baseline.attempted, pair.variant.attempted) > 1]
    if same := never_differing([repeated]):  # a single answer is neither always nor never
        notes.append(
            f"{len(same)} instances are resolved always, or never, by both: without them a comparison (not a rate) "
            "sees more, and then speaks of the others only"
        )
    return notes


def _limits(rows: Sequence[PlanRow], needed: Mapping[int, tuple[int, int]]) -> list[str]:
    """Say where nothing can be shown, and where what is told of repetitions is rough."""
    sizes = [(row.instances, row.reps) for row in rows] + [(least, reps) for reps, (least, _) in needed.items()]
    notes = [too_few()] if any(size < fewest_instances() for size, _ in sizes) else []
    if any(fewest_instances() <= size < _APPROXIMATE and reps > 1 for size, reps in sizes):
        notes.append(f"with repetitions approximate below {_APPROXIMATE} instances")
    return notes


def plan_lines(found: Plan) -> list[str]:
    """Return the plan as a table of at most 80 columns."""
    lines = fold(f"assumed: {found.assumption.name}", WIDTH)
    priced = any(row.cost_usd is not None for row in found.rows)
    timed = any(row.hours is not None for row in found.rows)
    table = [["instances", "x", "cells", f"seen at {found.power:.0%}", "gate open"]]
    table[0] += ["power"] * (found.effect is not None) + ["cost"] * priced + ["hours"] * timed
    for row in found.rows:
        cells = [str(row.instances), str(row.reps), str(row.cells), _range(row.minimal_effect), f"{row.undecided:.0%}"]
        cells += [] if row.power is None else [f"{row.power:.0%}"]
        cells += [] if row.cost_usd is None else [f"${row.cost_usd:,.2f}"]
        cells += [] if row.hours is None else [f"{row.hours:,.1f}"]
        table.append(cells)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines += ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    for reps, (least, most) in found.needed.items():
        assert found.effect is not None
        needed, times = str(least) if least == most else f"{least} to {most}", "once" if reps == 1 else f"{reps} times"
        lines.append(f"to see {100 * found.effect:.1f} points: {needed} instance{'s' * (most > 1)}, each {times}")
    return [*lines, *(line for note in found.notes for line in wrap(note, WIDTH, subsequent_indent="  "))]


def _range(ends: tuple[float, float]) -> str:
    """Return the differences that can be seen, of which none is larger than 100 points."""
    if min(ends) >= 1:
        return "nothing"
    low, high = (f"{100 * min(1.0, end):.1f}" for end in ends)
    return f"{low} pp" if low == high else f"{low}-{high} pp"
