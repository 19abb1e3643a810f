"""What is known while cells run: who is at work, how the others ended, what it cost so far. Nothing here draws.

All times are seconds since the epoch: they come from several processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff, Event, PhaseStarted, ProviderCalled

_FAILED: Final = ("unresolved", "no_patch", "limit", "failed")
_ERRORS: Final = ("infra", "error")


@dataclass(slots=True)
class Working:
    """A cell at work since `started_s`: its phase, and what a call of its model waits for, if it does."""

    started_s: float
    phase: str = "start"
    phase_s: float = 0.0
    cost_usd: float = 0.0
    waits_until_s: float = 0.0
    waits_for: str = ""


@dataclass(slots=True)
class Tally:
    """How far one variant is: `done` of `selected` cells, counted by outcome. `seconds` is what the done ones took.

    `patched` are the done ones that left a patch, `ungraded` those of them without a verdict. `usd` is what recorded
    attempts cost, `unpriced` says that there was more of unknown price. `repeats` counts calls and steps of recorded
    attempts that were tried again, `reruns` cells that were.
    """

    selected: int = 0
    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    backoffs: int = 0
    reruns: int = 0
    repeats: int = 0
    patched: int = 0
    ungraded: int = 0
    usd: float = 0.0
    unpriced: bool = False

    @property
    def resolved(self) -> int:
        return self.outcomes["resolved"]

    @property
    def failed(self) -> int:
        """Return how many cells ended with an answer that is wrong, or with none, by no fault of the ground."""
        return sum(self.outcomes[name] for name in _FAILED)

    @property
    def errors(self) -> int:
        """Return how many cells have no answer that counts."""
        return sum(self.outcomes[name] for name in _ERRORS)

    @property
    def captured(self) -> int:
        """Return how many ended in another way: an answer nobody grades, or a test of its own that passed."""
        return self.done - self.resolved - self.failed - self.errors

    @property
    def retries(self) -> int:
        return self.repeats + self.reruns

    @property
    def mean_s(self) -> float | None:
        """Return the seconds that a cell takes; None before the first is done."""
        return self.seconds / self.done if self.done else None


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the latest record of a cell says, with all attempts before: the part that is counted once it is done."""

    usd: float = 0.0
    patched: bool = False
    ungraded: bool = False


@dataclass(slots=True)
class ProgressState:
    """Fed with what pytest reports and with events; memory does not grow with the number of cells that are done."""

    workers: int = 1
    variants: dict[str, Tally] = field(default_factory=dict)
    working: dict[Cell, Working] = field(default_factory=dict)
    started_s: float = 0.0
    _recorded: dict[Cell, _Recorded] = field(default_factory=dict)  # of cells that are not done

    def select(self, cells: Iterable[Cell]) -> None:
        """Take the cells that are to run; the latest selection stands."""
        self.expect(Counter(cell.variant for cell in cells))

    def expect(self, counts: Mapping[str, int]) -> None:
        """Take how many cells of each variant are to run."""
        for name in {*counts, *self.variants}:
            self._tally(name).selected = counts.get(name, 0)

    def start(self, cell: Cell, now_s: float) -> None:
        """Take note that an attempt at `cell` begins."""
        self.started_s = self.started_s or now_s
        self.working[cell] = Working(now_s, phase_s=now_s)

    def note(self, event: Event, at_s: float) -> bool:
        """Take an event that happened at `at_s`. Return False if it concerns no cell at work."""
        working = self.working.get(event.cell)
        if working is None:
            return False
        match event:
            case PhaseStarted(phase=phase):
                working.phase, working.phase_s, working.waits_until_s = phase, at_s, 0.0
            case ProviderCalled(cost_usd=cost_usd):
                self._solving(working, at_s)
                working.waits_until_s = 0.0
                working.cost_usd += cost_usd or 0.0
                self._tally(event.cell.variant).unpriced |= cost_usd is None
            case BackedOff(wait_s=wait_s, reason=reason):
                self._solving(working, at_s)
                working.waits_until_s, working.waits_for = at_s + wait_s, reason
                self._tally(event.cell.variant).backoffs += 1
        return True

    def record(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Take the record of an attempt, which says what the cell has cost with all attempts before."""
        tally, before, found = self._tally(cell.variant), self._recorded.pop(cell, _Recorded()), _recorded(record)
        tally.unpriced |= record.get("cost_usd") is None
        tally.usd += found.usd - before.usd
        tally.repeats += (record.get("provider_retries") or 0) + (record.get("retry_count") or 0)
        self._recorded[cell] = found
        if cell in self.working:
            self.working[cell].cost_usd = 0.0

    def again(self, cell: Cell, now_s: float) -> float:
        """Take note that an attempt ended and another one follows. Return the seconds it took."""
        self._tally(cell.variant).reruns += 1
        return self._stopped(cell, now_s)

    def finish(self, cell: Cell, outcome: str, now_s: float) -> float:
        """Take note that `cell` is done. Return the seconds its last attempt took."""
        seconds, tally = self._stopped(cell, now_s), self._tally(cell.variant)
        tally.done += 1
        tally.outcomes[outcome] += 1
        tally.seconds += seconds
        recorded = self._recorded.pop(cell, _Recorded())
        tally.patched += recorded.patched
        tally.ungraded += recorded.ungraded
        return seconds

    def reopen(self, cell: Cell, outcome: str, seconds: float, record: Mapping[str, Any]) -> None:
        """Take back that `cell` is done: it ended so, after so many seconds, and goes on."""
        tally, recorded = self._tally(cell.variant), _recorded(record)
        tally.done -= 1
        tally.outcomes[outcome] -= 1
        tally.seconds -= seconds
        tally.patched -= recorded.patched
        tally.ungraded -= recorded.ungraded
        self._recorded[cell] = recorded

    @property
    def selected(self) -> int:
        return sum(tally.selected for tally in self.variants.values())

    @property
    def done(self) -> int:
        return sum(tally.done for tally in self.variants.values())

    @property
    def outcomes(self) -> Counter[str]:
        return sum((tally.outcomes for tally in self.variants.values()), Counter[str]())

    @property
    def cost_usd(self) -> float:
        """Return what all calls cost so far whose price is known."""
        return sum(map(self.usd_of, self.variants))

    @property
    def unpriced(self) -> bool:
        return any(tally.unpriced for tally in self.variants.values())

    def usd_of(self, variant: str) -> float:
        """Return what the calls of a variant cost so far, those of its cells at work included."""
        at_work = (
            max(0.0, working.cost_usd - self._recorded.get(cell, _Recorded()).usd)
            for cell, working in self.working.items()
            if cell.variant == variant
        )
        return self._tally(variant).usd + sum(at_work)

    def grading(self, variant: str) -> int:
        """Return how many patches of a variant are being graded."""
        return sum(cell.variant == variant and working.phase == "grade" for cell, working in self.working.items())

    def stalled(self, now_s: float) -> bool:
        """Say whether all cells at work wait for an endpoint, nobody knows how long."""
        return bool(self.working) and all(working.waits_until_s > now_s for working in self.working.values())

    def eta_s(self, now_s: float) -> float | None:
        """Return how many seconds the rest will take, by what cells of the same variants took; None before the first.

        The rest is shared by the workers, and never shorter than the longest cell at work.
        """
        done, left = self.done, self.selected - self.done
        if not done:
            return None
        overall_s = sum(tally.seconds for tally in self.variants.values()) / done
        mean_s = {
            name: tally.seconds / tally.done if tally.done else overall_s for name, tally in self.variants.items()
        }
        at_work = [
            (cell.variant, max(0.0, mean_s.get(cell.variant, overall_s) - (now_s - working.started_s)))
            for cell, working in self.working.items()
        ]
        begun = Counter(variant for variant, _ in at_work)
        waiting_s = sum(
            max(0, tally.selected - tally.done - begun[name]) * mean_s[name] for name, tally in self.variants.items()
        )
        rest_s = [seconds for _, seconds in at_work]
        return max((waiting_s + sum(rest_s)) / max(1, min(self.workers, left)), max(rest_s, default=0.0))

    def _stopped(self, cell: Cell, now_s: float) -> float:
        working = self.working.pop(cell, None)
        if working is None:
            return 0.0
        if working.cost_usd:  # no record told what a lost attempt has paid
            self.record(cell, {"cost_usd": max(working.cost_usd, self._recorded.get(cell, _Recorded()).usd)})
        return max(0.0, now_s - working.started_s)

    def _tally(self, variant: str) -> Tally:
        return self.variants.setdefault(variant, Tally())

    @staticmethod
    def _solving(working: Working, at_s: float) -> None:
        """Leave the phase `sandbox`, the only one that ends without a word, once the model is asked something."""
        if working.phase == "sandbox":
            working.phase, working.phase_s = "solve", at_s


def _recorded(record: Mapping[str, Any]) -> _Recorded:
    patched = bool(str(record.get("patch") or "").strip())
    ungraded = patched and record.get("verdict") is None and record.get("outcome") == "captured"
    return _Recorded(record.get("cost_usd") or 0.0, patched, ungraded)
