"""Looks at a run while it is at work, by a rule that keeps the chance of a wrong verdict over all of them.

Instances run in an order that follows nothing but a hash, all cells of one next to each other, and a look takes the
first of them, once those are all done: which end early says nothing of how they end. It takes as many as the rule says,
though more may be done: so the verdict follows from outcomes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_swebench.cell import Cell
from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.rules import LookRule, rule_of
from pytest_swebench.statistics.data import Interval, Observation, Sample, Tally, coverage_problem, tabulate
from pytest_swebench.statistics.gate import Verdict, verdict_of
from pytest_swebench.statistics.paired import differences_of, pairs_of

_LEAST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LookTaken:
    """The last look at a variant: `bounds` are at the level spent for passing, `fails_below` at that for failing.

    It took the first `first` instances of the order, `instances` of which had an answer of both. One that has passed is
    not looked at again.
    """

    variant: str
    first: int
    instances: int
    planned: int
    difference: float
    bounds: Interval
    fails_below: float
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What looking came to: the rule, the instances of the last look, and the last look at each variant."""

    rule: Sequential
    instance_ids: tuple[str, ...]
    planned: int
    taken: Mapping[str, LookTaken]
    stopped: bool
    cells_left: int


@dataclass(slots=True)
class Watch:
    """Takes cells as they end, and says at each look whether the gate is decided.

    `before` is variant of the run -> what it is held against. `order` holds the instances to look at, `expected` all
    cells of the run, of gated variants and others. `decided` is why no other cell is needed, "" while one is.
    """

    asked: GateAsked
    before: Mapping[str, Sample]
    order: Sequence[str]
    expected: Iterable[Cell]
    decided: str = ""
    _rule: LookRule = field(init=False)
    _open: dict[str, set[Cell]] = field(default_factory=dict)
    _cells: dict[str, dict[Cell, Observation]] = field(default_factory=dict)
    _left: set[Cell] = field(default_factory=set)
    _sizes: frozenset[int] = frozenset()
    _tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    _done: int = 0
    _looked: int = 0
    _taken: dict[str, LookTaken] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rule = rule_of(self.rule)
        self._sizes = frozenset(self._rule.sizes(len(self.order)))
        self._open = {name: set() for name in self.order}
        self._cells = {name: {} for name in self.order}
        self._tallies = {variant: {} for variant in self.before}
        self._left = set(self.expected)
        for cell in self._left:
            if cell.variant in self.before and cell.instance_id in self._open:
                self._open[cell.instance_id].add(cell)

    @property
    def rule(self) -> Sequential:
        """Return the rule by which it looks."""
        return self.asked.sequential or Sequential.PLANNED

    def take(self, cell: Cell, observation: Observation | None) -> None:
        """Take a cell that has ended, without an observation where it was lost or is no part of the analysis."""
        if observation is None and self.decided:  # left out
            return
        self._left.discard(cell)
        if cell.variant not in self.before or cell.instance_id not in self._open:
            return
        self._open[cell.instance_id].discard(cell)
        if observation is not None:
            self._cells[cell.instance_id][cell] = observation
        while not self.decided and self._done < len(self.order) and not self._open[self.order[self._done]]:
            self._close(self.order[self._done])

    def looked(self) -> Looked | None:
        """Return what looking came to, None if no look could be taken."""
        if not self._taken:
            return None
        return Looked(
            rule=self.rule,
            instance_ids=tuple(self.order[: self._looked]),
            planned=len(self.order),
            taken=dict(self._taken),
            stopped=bool(self.decided and self._left),
            cells_left=len(self._left) if self.decided else 0,
        )

    def _close(self, instance_id: str) -> None:
        """Count the next instance of the order, and look if it is time."""
        for variant, sample in tabulate(self._cells[instance_id].values()).items():
            self._tallies[variant].update(sample.tallies)
        self._done += 1
        if self._done in self._sizes:
            self._look()

    def _look(self) -> None:
        self._looked = self._done
        for variant in self.before:
            if variant not in self._taken or self._taken[variant].verdict is Verdict.INCONCLUSIVE:
                self._look_at(variant)
        verdicts = [self._taken[one].verdict if one in self._taken else None for one in self.before]
        failed = [name for name, one in self._taken.items() if one.verdict is Verdict.REGRESSED]
        if failed:
            self.decided = f"gate decided: {', '.join(failed)} regressed, after {self._looked} of {len(self.order)}"
        elif all(one is Verdict.PASS for one in verdicts):
            self.decided = f"gate decided: pass, after {self._looked} of {len(self.order)}"
        if self.decided:
            self.decided += " instances"

    def _look_at(self, variant: str) -> None:
        tallies = self._tallies[variant]
        cells = sum(tally.attempted + tally.lost for tally in tallies.values())
        now = Sample(variant=variant, tallies=tallies, planned=cells)
        before = self.before[variant].only(self.order[: self._looked])
        pairs = {pair.instance_id: pair for pair in pairs_of(before, now)}
        if len(pairs) < _LEAST or coverage_problem(before, now):
            return
        in_order = [pairs[name] for name in self.order[: self._looked] if name in pairs]
        fraction = 1.0 if self._looked == len(self.order) else len(pairs) / len(self.order)
        differences, alpha = differences_of(in_order), self.asked.alpha
        found = self._rule.bounds(variant, differences, fraction, (alpha, alpha / len(self.before)))
        if found is None:
            return
        to_pass, to_fail = found
        self._taken[variant] = LookTaken(
            variant=variant,
            first=self._looked,
            instances=len(pairs),
            planned=len(self.order),
            difference=differences.mean,
            bounds=to_pass,
            fails_below=to_fail.high,
            verdict=verdict_of(to_pass.low, to_fail.high, self.asked.max_drop),
        )
