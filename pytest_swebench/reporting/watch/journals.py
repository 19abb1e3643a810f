"""The journals of a run, read as they grow, by somebody who writes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.records.journal import unseal

Entry = dict[str, Any]
_KEPT: Final = (
    "started_at",
    "finished_at",
    "outcome",
    "attempt",
    "cost_usd",
    "provider_retries",
    "retry_count",
    "host",
)


@dataclass(slots=True)
class _File:
    """How far a journal was read, and the time of its last entry: not every entry has one of its own."""

    offset: int = 0
    at_s: float = 0.0


class JournalTail:
    """Returns what was appended to the journals in a folder; a line that is not whole waits until it is."""

    def __init__(self, folder: Path) -> None:
        self.damaged = 0
        self._folder = folder
        self._files: dict[Path, _File] = {}

    def read(self) -> Iterator[tuple[float, Entry]]:
        """Return the new entries with their times in seconds since the epoch, those of all processes in turn.

        An entry without a time has that of the one before it in the same file, unless somebody is watching: then it
        has just come.
        """
        watching = bool(self._files)
        found: list[tuple[float, Entry]] = []
        for path in sorted(self._folder.glob("*.jsonl")):
            file = self._files.setdefault(path, _File())
            for entry in self._new(path, file):
                at_s = _time_of(entry) or (time.time() if watching else 0.0)
                file.at_s = max(file.at_s, at_s)
                found.append((file.at_s, entry))
        found.sort(key=lambda pair: pair[0])
        return iter(found)

    def _new(self, path: Path, file: _File) -> Iterator[Entry]:
        with suppress(FileNotFoundError), path.open("rb") as lines:
            lines.seek(file.offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # still being written, or torn by a process that died
                file.offset += len(line)
                entry = unseal(line) if line.strip() else {}
                if entry is None or (entry and not _has_what_counts(entry)):
                    self.damaged += 1
                elif entry:
                    yield _slim(entry)


def _has_what_counts(entry: Entry) -> bool:
    """Say whether an entry has what is counted here: another version may have written it."""
    record = entry.get("record")
    opened = isinstance(record, dict) and isinstance(record.get("attempt"), int)
    return {"kind", "id"} <= entry.keys() and (opened or entry["kind"] not in {"started", "record"})


def _slim(entry: Entry) -> Entry:
    """Return an entry with so much of its record as is counted here: whole ones hold patches and logs."""
    record = entry.get("record")
    if not isinstance(record, dict):
        return entry
    kept = {name: record.get(name) for name in _KEPT}
    patch = "a patch" if str(record.get("patch") or "").strip() else ""
    return entry | {"record": {**kept, "patch": patch, "verdict": {} if record.get("verdict") else None}}


def _time_of(entry: Entry) -> float:
    """Return the time of an entry, 0 if it has none."""
    name = "started_at" if entry.get("kind") == "started" else "finished_at"
    with suppress(ValueError, TypeError, AttributeError):
        return datetime.fromisoformat(entry.get("record", {}).get(name) or "").timestamp()
    return 0.0
