"""The journal: one append-only file per process, the truth of a run.

Each line is a JSON object whose last member `crc` is the CRC-32 of the line without it. A line is written whole by
one `write` under an exclusive lock and synced to disk before the call returns. A tail torn by a dying process is
healed by the next writer (the lock makes the order safe), and readers skip whatever its CRC does not vouch for.
Locks and syncs are those of a local disk; network file systems are not covered.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.records.lines import open_lines, put_line
from pytest_swebench.redact import Redactor

_SEALED: Final = re.compile(rb'^(?P<body>\{.*),"crc":"(?P<crc>[0-9a-f]{8})"\}$', re.DOTALL)


def seal(entry: dict[str, Any]) -> bytes:
    """Return `entry` as one line with its checksum; `entry` must not be empty.

    Bytes that were no UTF-8 travel through patches as lone surrogates; JSON can say them as escapes only.
    """
    body = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")[:-1]
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def unseal(line: bytes) -> dict[str, Any] | None:
    """Return the entry of a sealed line, or None if the line is damaged."""
    match = _SEALED.match(line.rstrip(b"\n"))
    if match is None or int(match["crc"], 16) != zlib.crc32(match["body"]):
        return None
    entry: dict[str, Any] = json.loads(match["body"] + b"}")
    return entry


class Journal:
    """The journal of this process; the file appears with the first entry."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self._path = path
        self._name = f"journal {str(path)!r}"
        self._redactor = redactor
        self._file: int | None = None

    @property
    def process(self) -> str:
        """Return the name of the process, which is the name of the file."""
        return self._path.stem

    def append(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Store one entry durably and return it, with its `id` (`<process>:<offset in the file>`).

        Raises RecordError if the disk does not take the line whole; what was there before stays intact.
        """
        if self._file is None:
            self._file = open_lines(self._path, self._name)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            end = os.fstat(self._file).st_size
            # an offset is taken once, even if a later run's process has the same number and continues the file
            entry = {"kind": kind, "id": f"{self.process}:{end}", **self._redactor.data(fields)}
            put_line(self._file, end, seal(entry), self._name)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return entry

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass(frozen=True, slots=True)
class JournalRead:
    """What a folder of journals holds: whole entries in file and line order, and how many lines were damaged."""

    entries: list[dict[str, Any]]
    damaged: int


def read_journals(folder: Path) -> JournalRead:
    """Read every journal in `folder`; a missing folder is an empty one."""
    entries: list[dict[str, Any]] = []
    damaged = 0
    for line in _lines(folder):
        entry = unseal(line)
        if entry is None:
            damaged += 1
        else:
            entries.append(entry)
    return JournalRead(entries, damaged)


def _lines(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            yield from (line for line in file if line.strip())
