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
from pytest_swebench.records.journal import read_journals
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.results import final_records
from pytest_swebench.records.resume import is_final
from pytest_swebench.records.schema import cell_of

FORMAT: Final = 1
_EVERY_S: Final = 5.0


def read_checkpoint(path: Path, root: Path) -> str:
    """Return the id of the run in `root` that a checkpoint names, "" if there is no such file.

    Raises InputError for what is no checkpoint, or one of a run that lies elsewhere.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise ValueError(f"format {stored['format']!r}, this version reads {FORMAT}")
        run_id, results = str(stored["run_id"]), Path(stored["results"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--checkpoint {str(path)!r}: not a checkpoint ({error}); remove it, or name the run by --resume=RUN"
        ) from None
    if results.parent.resolve() != root.resolve():
        raise InputError(
            f"--checkpoint {str(path)!r} names the run {run_id!r} in {str(results.parent)!r}, not in {str(root)!r}; "
            "give that --output-dir, or another checkpoint"
        )
    return run_id


class Checkpoint:
    """Keeps the file up to date while records come in.

    A checkpoint that cannot be written is no reason to stop a run that is paid for: `problem` says why.
    """

    def __init__(self, path: Path, layout: RunLayout) -> None:
        self.problem = ""
        self._path = path
        self._layout = layout
        self._outcomes: dict[str, Outcome] = {}
        self._done: dict[str, bool] = {}
        self._reasons: dict[str, str] = {}
        self._written = 0.0
        self.write_all(final_records(read_journals(layout.journals).entries))

    def take(self, record: Mapping[str, Any]) -> None:
        """Take note of a record; the file follows every few seconds."""
        cell = str(cell_of(record))
        self._outcomes[cell] = Outcome(record["outcome"])
        self._done[cell] = is_final(record)
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
        done = sorted(cell for cell, final in self._done.items() if final)
        failed = {cell: self._reasons[cell] for cell in sorted(self._done.keys() - set(done))}
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
