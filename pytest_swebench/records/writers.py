"""Per-variant result files: one metadata line, then one line a result, appended and flushed as they come.

`JSONLWriter` and `WriterPool` are public: test functions reach a pool through the fixture `writer_pool`. In a worker
process the fixture gives a `RelayPool` with the same face, whose lines travel to the controller with the report.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_swebench.cell import slug
from pytest_swebench.errors import RecordError
from pytest_swebench.records.layout import json_line
from pytest_swebench.records.lines import append_line


class JSONLWriter:
    """Append JSON lines to one file.

    With `filename` that file is used as it is; without, the name is made of run id and time. An existing file is
    continued, never overwritten, and gets no second metadata line.
    """

    def __init__(
        self, run_id: str, git_commit: str, filename: str | None = None, directory: Path | str = "results"
    ) -> None:
        name = filename or f"{run_id}_{time.strftime('%Y%m%d_%H%M%S')}.jsonl"
        self.path = Path(directory, name)
        self._run_id, self._git_commit = run_id, git_commit
        self._started = False
        self._metadata: dict[str, Any] = {}

    @property
    def started(self) -> bool:
        """Whether the metadata line can no longer change."""
        return self._started

    def write_metadata(self, **fields: Any) -> None:
        """Say more about the run; fields join the metadata line.

        After the first result only what was said before may be said again. Raises RecordError for anything new.
        """
        self._metadata = _joined(str(self.path), self._metadata, fields, late=self.started)

    def write_result(self, **fields: Any) -> None:
        """Add one result line; `type` defaults to `scenario_result`."""
        self.write_line({"type": "scenario_result", "run_id": self._run_id, **fields})

    def write_line(self, line: dict[str, Any]) -> None:
        """Append `line` as it is, after the metadata line if the file is new.

        Raises RecordError if the disk does not take it whole; what was there before stays intact.
        """
        if not self._started and not (self.path.exists() and self.path.stat().st_size):
            head = {"type": "run_metadata", "run_id": self._run_id, "git_commit": self._git_commit}
            append_line(self.path, json_line({**head, **self._metadata}))
        self._started = True
        append_line(self.path, json_line(line))

    def close(self) -> None:
        """End writing; every line is on disk by then. Safe to call twice."""
        self._started = False


def _joined(where: str, known: dict[str, Any], fields: dict[str, Any], *, late: bool) -> dict[str, Any]:
    """Return the metadata with `fields` in it. Raises RecordError if it is late for something new."""
    joined = {**known, **fields}
    if late and joined != known:
        new = ", ".join(repr(name) for name in fields if name not in known or known[name] != fields[name])
        raise RecordError(f"{where}: metadata must be written before the first result; new or changed: {new}")
    return joined


class WriterPool:
    """One `JSONLWriter` a (variant, repetition), made on first use; one timestamp a pool.

    Files are called `{variant}_run{rep}_{timestamp}.jsonl`; if another run took the name, the run id is added.
    """

    def __init__(
        self, run_id: str, git_commit: str, *, directory: Path | str = "results", timestamp: str | None = None
    ) -> None:
        self._run_id, self._git_commit = run_id, git_commit
        self._directory = Path(directory)
        self._timestamp = timestamp or time.strftime("%Y%m%d_%H%M%S")
        self._writers: dict[tuple[str, int], JSONLWriter] = {}

    def get(self, variant: str, rep: int) -> JSONLWriter:
        """Return the writer of a variant and repetition (1-based)."""
        if (variant, rep) not in self._writers:
            stem = f"{slug(variant)}_run{rep}_{self._timestamp}"
            if self._taken(self._directory / f"{stem}.jsonl"):
                stem = f"{stem}_{self._run_id}"
            writer = JSONLWriter(self._run_id, self._git_commit, f"{stem}.jsonl", self._directory)
            writer.write_metadata(timestamp=self._timestamp, variant=variant, rep=rep)
            self._writers[variant, rep] = writer
        return self._writers[variant, rep]

    def paths(self) -> list[Path]:
        """Return the files made so far, sorted."""
        return sorted(writer.path for writer in self._writers.values() if writer.path.exists())

    def close_all(self) -> None:
        """Close every writer; safe to call twice."""
        for writer in self._writers.values():
            writer.close()

    def _taken(self, path: Path) -> bool:
        try:
            with path.open(encoding="utf-8") as file:
                head = json.loads(file.readline())
        except FileNotFoundError:
            return False
        except ValueError:  # not a file of ours: leave it alone
            return True
        return not isinstance(head, dict) or head.get("run_id") != self._run_id


class RelayPool:
    """The face of a `WriterPool` in a test: every line goes to `send(variant, rep, metadata, line)`."""

    def __init__(self, run_id: str, send: Callable[[str, int, dict[str, Any], dict[str, Any]], None]) -> None:
        self._run_id, self._send = run_id, send
        self._writers: dict[tuple[str, int], RelayWriter] = {}

    def get(self, variant: str, rep: int) -> RelayWriter:
        """Return the writer of a variant and repetition (1-based)."""
        return self._writers.setdefault((variant, rep), RelayWriter(self._run_id, variant, rep, self._send))

    def close_all(self) -> None:
        """Do nothing: the files belong to the controller."""


class RelayWriter:
    """One writer of a `RelayPool`."""

    def __init__(
        self,
        run_id: str,
        variant: str,
        rep: int,
        send: Callable[[str, int, dict[str, Any], dict[str, Any]], None],
    ) -> None:
        self._run_id, self._variant, self._rep, self._send = run_id, variant, rep, send
        self._metadata: dict[str, Any] = {}
        self._started = False

    def write_metadata(self, **fields: Any) -> None:
        where = f"variant {self._variant!r}, repetition {self._rep}"
        self._metadata = _joined(where, self._metadata, fields, late=self._started)

    def write_result(self, **fields: Any) -> None:
        self._started = True
        line = {"type": "scenario_result", "run_id": self._run_id, **fields}
        self._send(self._variant, self._rep, dict(self._metadata), line)
