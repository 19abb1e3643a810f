"""A run as its journals tell it: the same state that `--watch` draws, learnt by a process that has no part in it.

What counts while it is at work is the latest invocation: of a run that was resumed, cells that were done before are
left out until it is over.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from socket import gethostname
from typing import Any, Final

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.errors import InputError
from pytest_swebench.events import PhaseStarted
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.decision import read_left
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.results import planned_cells
from pytest_swebench.records.resume import Earlier, at_work, read_earlier, read_left_out
from pytest_swebench.records.settle import lives, selected_cells
from pytest_swebench.reporting.progress.state import ProgressState
from pytest_swebench.reporting.watch.journals import Entry, JournalTail

_PHASES: Final = {"calling": "solve", "solved": "grade"}


class Standing(StrEnum):
    """How it is with a run as a whole."""

    RUNNING = "running"
    ENDED = "ended"
    ENDED_EARLY = "ended_early"
    ENDED_BY_GATE = "ended_by_gate"
    DIED = "died"

    @property
    def over(self) -> bool:
        """Whether it came to its end, and its files are complete."""
        return self not in {Standing.RUNNING, Standing.DIED}


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a cell ended, kept because another attempt may follow."""

    outcome: str
    seconds: float
    record: Mapping[str, Any]


class Following:
    """Follows the run in `layout`; `state` is as far as `read` has come, `last_s` the time of the last thing known."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._begin(_latest(layout))

    def _begin(self, resumed: RunLayout | None) -> None:
        """Forget what was read; what counts from now on is the invocation `resumed`, or all of them with None."""
        self.state = ProgressState()
        self.last_s = 0.0
        self._resumed = resumed
        self._earlier: dict[str, Earlier] = read_earlier(resumed) if resumed else {}
        self._tail = JournalTail(self._layout.journals)
        self._ended: dict[Cell, _Ended] = {}
        self._attempts: dict[Cell, int] = {}
        self._processes: dict[Cell, str] = {}  # names of journals, "" for those of other hosts

    def read(self, *, alive: bool = False) -> None:
        """Take what is new; of a run that is `alive`, count cells whose process is not as broken."""
        for at_s, entry in self._tail.read():
            self.last_s = max(self.last_s, at_s)
            self._take(at_s, entry)
            self.state.workers = max(self.state.workers, len(self.state.working))
        self._expect()
        if alive:
            self._bury()

    @property
    def damaged(self) -> int:
        """Return how many lines of the journals cannot be read."""
        return self._tail.damaged

    @property
    def missing(self) -> int:
        """Return how many cells have no record."""
        return self.state.selected - self.state.done

    def read_whole(self) -> None:
        """Read the run again with all of its invocations, if it was ever resumed."""
        if self._resumed is not None:
            self._begin(None)
            self.read()

    def standing(self) -> Standing:
        """Say how it is with the run. A run that has just ended looks dead until its files are complete.

        Raises InputError if its folder is gone.
        """
        if at_work(self._layout.folder) or _being_completed(self._layout.folder):
            return Standing.RUNNING
        if 0 < self.missing <= len(read_left(self._layout)):  # which is written at the end of a run
            return Standing.ENDED_BY_GATE
        if not self._settled():
            return Standing.DIED
        return Standing.ENDED_EARLY if self.missing > 0 else Standing.ENDED

    def _settled(self) -> bool:
        """Say whether the files beside the journals were completed after the last entry."""
        journals = [path.stat().st_mtime_ns for path in self._layout.journals.glob("*.jsonl")]
        try:
            return (self._layout.folder / "run.json").stat().st_mtime_ns >= max(journals, default=0)
        except FileNotFoundError:
            return False

    def _expect(self) -> None:
        left_out = read_left_out(self._resumed).done if self._resumed else ()
        done = Counter(cell.variant for cell in map(parse_cell, left_out) if cell is not None)
        selected = selected_cells(self._layout) or planned_cells(self._layout)
        self.state.expect({name: count - done[name] for name, count in selected.items() if count > done[name]})

    def _take(self, at_s: float, entry: Entry) -> None:
        cell = parse_cell(str(entry.get("cell", "")))
        if cell is None:
            return
        kind = entry["kind"]
        if kind in _PHASES:
            self.state.note(PhaseStarted(cell, _PHASES[kind]), at_s)
            return
        if kind not in {"started", "record"} or not self._counts(cell, entry["record"]["attempt"]):
            return
        record = entry["record"]
        known = self._attempts.get(cell, 0)
        if cell in self._ended:
            ended = self._ended.pop(cell)
            self.state.reopen(cell, ended.outcome, ended.seconds, ended.record)
            self.state.variants[cell.variant].reruns += record["attempt"] > known
        self._attempts[cell] = record["attempt"]
        if kind == "started":
            self.state.start(cell, at_s)
            self._processes[cell] = str(entry["id"]).rpartition(":")[0] if record["host"] == gethostname() else ""
            return
        self.state.record(cell, record)
        outcome = str(record["outcome"])
        self._ended[cell] = _Ended(outcome, self.state.finish(cell, outcome, at_s), record)

    def _bury(self) -> None:
        """Record cells as broken whose worker died while the run goes on: only its end will bring their records."""
        for cell in [cell for cell in self.state.working if _is_dead(self._processes[cell])]:
            lost = {"outcome": str(Outcome.INFRA), "cost_usd": 0.0}
            self._ended[cell] = _Ended(str(Outcome.INFRA), self.state.finish(cell, Outcome.INFRA, time.time()), lost)

    def _counts(self, cell: Cell, attempt: int) -> bool:
        """Say whether an attempt is of the latest invocation, and not older than what is known of its cell."""
        before = self._earlier.get(str(cell), Earlier(0)).attempts
        return attempt > before and attempt >= self._attempts.get(cell, 0)


def _is_dead(process: str) -> bool:
    """Say whether the process of a journal is gone; its name ends in its number."""
    number = process.rpartition("-")[2]
    return number.isdigit() and not lives(int(number))


def _being_completed(folder: Path) -> bool:
    """Say whether somebody is at the files of a run right now, as at its end; see `records.layout.locked_folder`.

    Raises InputError if the folder is gone.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise InputError(f"{str(folder)!r} is gone: it was moved or removed; give its new path") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _latest(layout: RunLayout) -> RunLayout | None:
    """Return the layout of the latest invocation of a run that was resumed, None if it never was."""
    stamps = sorted(path.stem for path in (layout.folder / "resumed").glob("*.json") if path.suffixes == [".json"])
    return RunLayout(layout.root, layout.run_id, stamps[-1]) if stamps else None
