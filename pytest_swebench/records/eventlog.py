"""Events on their way to the process that shows them: one file a process, read as it grows.

For show only: the truth is in the journals. A line is one append of a few hundred bytes and never synced, a line that
cannot be read is passed over, and the files go when the processes that wrote them end.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import parse_cell
from pytest_swebench.events import BackedOff, Event, PhaseStarted, ProviderCalled
from pytest_swebench.redact import Redactor

FOLDER: Final = "events"
"""Where the files lie in the folder of a run."""
_SUFFIX: Final = ".jsonl"
_LONGEST_REASON: Final = 300
_CHUNK_BYTES: Final = 1 << 20


class EventLog:
    """A subscriber that appends phases, calls and waits to the file of this process, made with the first of them.

    `redactor` cleans what came from outside. Raises OSError if a line cannot be written.
    """

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        self._path = path
        self._redactor = redactor or Redactor()
        self._fd: int | None = None

    def __call__(self, event: Event) -> None:
        content = self._content(event)
        if content is None:
            return
        if self._fd is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        line = {"at": round(time.time(), 2), "cell": str(event.cell), **content}
        os.write(self._fd, f"{json.dumps(line)}\n".encode())

    def close(self) -> None:
        """Close the file and remove it, and its folder with the last one; safe to call twice."""
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        remove(self._path)

    def _content(self, event: Event) -> dict[str, Any] | None:
        match event:
            case PhaseStarted(phase=phase):
                return {"phase": phase}
            case ProviderCalled():
                tokens = [event.input_tokens, event.output_tokens]
                return {"model": self._redactor.text(event.model), "tokens": tokens, "cost_usd": event.cost_usd}
            case BackedOff(wait_s=wait_s, reason=reason):
                words = " ".join(self._redactor.text(reason).split())
                return {"wait_s": round(wait_s, 2), "reason": words[:_LONGEST_REASON]}
        return None  # that a cell starts and ends, pytest tells by itself


class EventTail:
    """Reads what is appended to the files of a folder from now on; what lies there already is old news."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._old = {path: path.stat().st_size for path in self._files()}
        self._read = dict(self._old)

    def read(self) -> list[tuple[float, Event]]:
        """Return the new events, each with its time in seconds since the epoch; oldest first."""
        events = [found for path in self._files() for found in self._new(path)]
        return sorted(events, key=lambda found: found[0])

    def close(self) -> None:
        """Remove the files that appeared since the start: whoever wrote them is gone, or will write no more."""
        for path in self._files():
            if path not in self._old:
                remove(path)

    def _files(self) -> list[Path]:
        try:
            with os.scandir(self._folder) as entries:
                return [Path(entry) for entry in entries if entry.name.endswith(_SUFFIX)]
        except FileNotFoundError:
            return []

    def _new(self, path: Path) -> Iterator[tuple[float, Event]]:
        offset = self._read.get(path, 0)
        try:
            with path.open("rb") as file:
                file.seek(offset)
                chunk = file.read(_CHUNK_BYTES)
        except FileNotFoundError:
            return
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._read[path] = offset + len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line torn by a full disk
                yield _event(json.loads(line))


def remove(path: Path) -> None:
    """Remove a file of events, and its folder if it was the last one there."""
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()


def _event(line: dict[str, Any]) -> tuple[float, Event]:
    at_s, cell = float(line["at"]), parse_cell(line["cell"])
    if cell is None:
        raise ValueError(line["cell"])
    if "phase" in line:
        return at_s, PhaseStarted(cell, line["phase"])
    if "wait_s" in line:
        return at_s, BackedOff(cell, line["wait_s"], line["reason"])
    input_tokens, output_tokens = line["tokens"]
    return at_s, ProviderCalled(cell, line["model"], input_tokens, output_tokens, line["cost_usd"])
