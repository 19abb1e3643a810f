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
from pytest_swebench.statistics.paired import Pair, differences_of

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
class _Side:
    """How many cells of a variant, or of what it is held against, are in, and how many of them have an answer."""

    variant: str
    attempted: int = 0
    planned: int = 0

    @property
    def coverage(self) -> float:
        return self.attempted / self.planned if self.planned else 0.0

    def add(self, tally: Tally) -> None:
        self.attempted += tally.attempted
        self.planned += tally.attempted + tally.lost


@dataclass(slots=True)
class _Seen:
    """What is in of a variant, in the analysis order: kept up instance by instance, since a bet looks after each."""

    before: _Side
    now: _Side
    pairs: list[Pair] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def take(self, instance_id: str, before: Tally | None, now: Tally | None) -> None:
        for side, tally in ((self.before, before), (self.now, now)):
            if tally is not None:
                side.add(tally)
        if before is not None and now is not None and before.attempted and now.attempted:
            self.pairs.append(Pair(instance_id, before, now))
            self.values.append(self.pairs[-1].difference)


@dataclass(frozen=True, slots=True)
class _Look:
    """A look: it took the first `first` instances, `instances` with an answer of both, `fraction` of the plan."""

    first: int
    instances: int
    fraction: float


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
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _done: int = 0
    _looked: int = 0
    _taken: dict[str, LookTaken] = field(default_factory=dict)
    _undecided: dict[str, _Look] = field(default_factory=dict)  # later than what is taken; numbers when asked for

    def __post_init__(self) -> None:
        self._rule = rule_of(self.rule)
        self._sizes = frozenset(self._rule.sizes(len(self.order)))
        self._open = {name: set() for name in self.order}
        self._cells = {name: {} for name in self.order}
        self._seen = {name: _Seen(_Side(one.variant), _Side(name)) for name, one in self.before.items()}
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

    @property
    def left(self) -> frozenset[Cell]:
        """The cells of the run that nobody needs, once it is decided."""
        return frozenset(self._left) if self.decided else frozenset()

    def looked(self) -> Looked | None:
        """Return what looking came to, None if no look could be taken."""
        for variant, look in self._undecided.items():
            self._read(variant, look)
        self._undecided.clear()
        if not self._taken:
            return None
        return Looked(
            rule=self.rule,
            instance_ids=tuple(self.order[: self._looked]),
            planned=len(self.order),
            taken=dict(self._taken),
            stopped=bool(self.decided and self._left),
            cells_left=len(self.left),
        )

    def _close(self, instance_id: str) -> None:
        """Count the next instance of the order, and look if it is time."""
        now = tabulate(self._cells[instance_id].values())
        for variant, seen in self._seen.items():
            tally = now[variant].tallies[instance_id] if variant in now else None
            seen.take(instance_id, self.before[variant].tallies.get(instance_id), tally)
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
        seen = self._seen[variant]
        if len(seen.pairs) < _LEAST or coverage_problem(seen.before, seen.now):
            return
        fraction = 1.0 if self._looked == len(self.order) else len(seen.pairs) / len(self.order)
        look = _Look(self._looked, len(seen.pairs), fraction)
        if self._rule.undecided(variant, seen.values, self._alphas, self.asked.max_drop):
            self._undecided[variant] = look
        elif self._read(variant, look):
            self._undecided.pop(variant, None)

    @property
    def _alphas(self) -> tuple[float, float]:
        """The levels of passing, which all must, and of failing, for which one is enough."""
        return self.asked.alpha, self.asked.alpha / len(self.before)

    def _read(self, variant: str, look: _Look) -> bool:
        """Take a look at its numbers; return False if there is nothing that the last one did not have."""
        differences = differences_of(self._seen[variant].pairs[: look.instances])
        found = self._rule.bounds(variant, differences, look.fraction, self._alphas)
        if found is None:
            return False
        to_pass, to_fail = found
        self._taken[variant] = LookTaken(
            variant=variant,
            first=look.first,
            instances=look.instances,
            planned=len(self.order),
            difference=differences.mean,
            bounds=to_pass,
            fails_below=to_fail.high,
            verdict=verdict_of(to_pass.low, to_fail.high, self.asked.max_drop),
        )
        return True
