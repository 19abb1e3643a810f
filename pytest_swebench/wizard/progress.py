"""How far a run in another process is, read from what it leaves: its output without a terminal, and its events."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pytest_swebench.events import BackedOff, PhaseStarted
from pytest_swebench.records.eventlog import FOLDER, EventTail
from pytest_swebench.reporting.progress.words import plain, span

BAR: Final = 10
_ENDED: Final = re.compile(r"\[\s*(\d+)/(\d+)\] (\S+/\S+) (\w+)")
_TOLD: Final = ("swebench: estimated cost", "swebench: no estimate", "swebench: WARNING", "stopping: ")
_PULLING: Final = "pulling "
_FIRST_TIME: Final = "Pulling container image (first time can take a while)..."
_GRADING: Final = ("grade", "record")
_AT_WORK: Final = 3  # cells that are named


@dataclass(slots=True)
class Standing:
    """How far a run of `total` cells is. `phases` holds cells at work: what they do, and since when."""

    total: int
    generated: set[str] = field(default_factory=set)
    done: int = 0
    phases: dict[str, tuple[str, float]] = field(default_factory=dict)
    waits: str = ""
    waits_until_s: float = 0.0
    pulling: str = ""

    def lines(self, now_s: float) -> list[str]:
        """Return what is shown of it."""
        made = max(len(self.generated), self.done)
        lines = [f"🤖 Generating patches {_bar(made, self.total)}"]
        if now_s < self.waits_until_s:
            lines.append(f"⏱  backing off {span(self.waits_until_s - now_s)}: {self.waits}")
        lines.append(f"🧪 Running harness evaluation {_bar(self.done, self.total)}")
        if self.pulling:
            lines.append(f"   {self.pulling}")
        oldest = sorted(self.phases.items(), key=lambda one: one[1][1])[:_AT_WORK]
        return lines + [f"   {phase:<8} {span(max(0.0, now_s - since)):>8}  {cell}" for cell, (phase, since) in oldest]


class Follower:
    """Follows a run whose output goes to `log` and whose folder is `folder`."""

    def __init__(self, log: Path, folder: Path, total: int) -> None:
        self.standing = Standing(total)
        self._log = log
        self._read = 0
        self._tail = EventTail(folder / FOLDER)

    def look(self) -> list[str]:
        """Take note of what happened since the last look; return what a person should be told of it, line by line."""
        for at_s, event in self._tail.read():
            cell = str(event.cell)
            match event:
                case PhaseStarted(phase=phase):
                    self.standing.phases[cell] = (phase, at_s)
                    if phase in _GRADING:
                        self.standing.generated.add(cell)
                case BackedOff(wait_s=wait_s, reason=reason):
                    self.standing.waits, self.standing.waits_until_s = plain(reason), at_s + wait_s
        lines = list(self._new_lines())
        for line in lines:
            self._note(line)
        return [line for line in lines if line.startswith(_TOLD)]

    def _note(self, line: str) -> None:
        if ended := _ENDED.match(line):
            self.standing.done, self.standing.total = int(ended[1]), int(ended[2])
            self.standing.phases.pop(ended[3], None)
            self.standing.generated.add(ended[3])
            self.standing.pulling = ""
        elif line.startswith(_PULLING):
            self.standing.pulling = f"{_FIRST_TIME} {line.rpartition(': ')[2]}"

    def _new_lines(self) -> Iterator[str]:
        with self._log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        yield from whole.decode("utf-8", "replace").splitlines()


def _bar(count: int, total: int) -> str:
    filled = min(BAR, count * BAR // total) if total else 0
    return f"[{'#' * filled}{'-' * (BAR - filled)}] {count}/{total}"


def now() -> float:
    """Return the time by which events are dated, in seconds since the epoch."""
    return time.time()
