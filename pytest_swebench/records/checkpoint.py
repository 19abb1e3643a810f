"""A small file beside a run: which run it is, and what of it is done. Giving it again goes on with that run.

Nothing is lost with it: the journals of the run hold everything.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.schema import cell_of

FORMAT: Final = 1
_EVERY_S: Final = 5.0


def read_checkpoint(path: Path) -> str:
    """Return the id of the run that a checkpoint names, "" if there is no such file. Raises InputError."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise ValueError(f"format {stored['format']!r}, this version reads {FORMAT}")
        return str(stored["run_id"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--checkpoint {str(path)!r}: not a checkpoint ({error}); remove it, or name the run by --resume=RUN"
        ) from None


class Checkpoint:
    """Keeps the file up to date while records come in.

    A checkpoint that cannot be written is no reason to stop a run that is paid for: `problem` says why.
    """

    def __init__(self, path: Path, layout: RunLayout) -> None:
        self.problem = ""
        self._path = path
        self._layout = layout
        self._outcomes: dict[str, Outcome] = {}
        self._reasons: dict[str, str] = {}
        self._written = 0.0
        self.write()

    def take(self, record: Mapping[str, Any]) -> None:
        """Take note of a record; the file follows every few seconds."""
        cell = str(cell_of(record))
        self._outcomes[cell] = Outcome(record["outcome"])
        self._reasons[cell] = str((record["error"] or {}).get("message") or record["notes"])
        if time.monotonic() - self._written > _EVERY_S:
            self.write()

    def write_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take note of everything a run holds at its end, and write the file."""
        for record in records:
            self.take(record)
        self.write()

    def write(self) -> None:
        """Write the file, whole."""
        done = sorted(cell for cell, outcome in self._outcomes.items() if outcome.final)
        failed = {cell: self._reasons[cell] for cell in sorted(self._outcomes.keys() - set(done))}
        content = {
            "format": FORMAT,
            "run_id": self._layout.run_id,
            "results": str(self._layout.folder),
            "completed": done,
            "failed": failed,
            "statistics": dict(sorted(Counter(map(str, self._outcomes.values())).items())),
        }
        try:
            write_json(self._path, content)
        except OSError as error:
            self.problem = f"--checkpoint {str(self._path)!r} is not up to date: {error}"
        self._written = time.monotonic()
