"""Going on with a run: which of its cells are done, how often the others were tried, and nobody else at work on it.

What earlier invocations recorded is fixed once, when an invocation starts: every worker, also one that replaces
another hours later, must leave out the same cells.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError, unknown
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import read_journals
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.results import final_records
from pytest_swebench.records.schema import cell_of
from pytest_swebench.statistics.data import awaits_verdict

LATEST: Final = "latest"
_LOCK: Final = "run.lock"
_SHOWN: Final = 10  # names of runs in a message
_GRACE_S: Final = 10.0  # workers of a run that was just killed need a moment to notice


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier invocations left of a cell: how many attempts, and the key of a final record if there is one.

    `ungraded` says that it is final for a run that only generates.
    """

    attempts: int
    final_key: str = ""
    ungraded: bool = False


def earlier_cells(layout: RunLayout) -> dict[str, Earlier]:
    """Return cell id -> what the journals of a run hold of it."""
    attempts: dict[str, int] = {}
    last: dict[str, Earlier] = {}
    for entry in read_journals(layout.journals).entries:
        if entry["kind"] not in {"started", "record"}:
            continue
        cell, record = entry["cell"], entry["record"]
        attempts[cell] = max(attempts.get(cell, 0), record["attempt"])
        if entry["kind"] == "record" and (cell not in last or record["attempt"] >= last[cell].attempts):
            last[cell] = _recorded(record)
    # an attempt after the last record was cut short: it will be recorded as lost, and then that is the last one
    known = {cell: one for cell, one in last.items() if one.attempts == attempts[cell]}
    return {cell: known.get(cell, Earlier(count)) for cell, count in attempts.items()}


def _recorded(record: Mapping[str, Any]) -> Earlier:
    return Earlier(record["attempt"], record["key"] if is_final(record) else "", awaits_verdict(record))


def is_final(record: Mapping[str, Any]) -> bool:
    """Say whether a cell is done by this record; one that its run's or variant's cap cut short is not."""
    return Outcome(record["outcome"]).final and not record.get("cap")


def keep_earlier(layout: RunLayout) -> None:
    """Fix, for the invocation that `layout.timestamp` names, what earlier ones recorded."""
    write_json(_snapshot(layout), {cell: asdict(known) for cell, known in earlier_cells(layout).items()})


def read_earlier(layout: RunLayout) -> dict[str, Earlier]:
    """Return what `keep_earlier` fixed for this invocation; nothing in a run that is not resumed."""
    try:
        stored = json.loads(_snapshot(layout).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {cell: Earlier(**known) for cell, known in stored.items()}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What this invocation finds of its cells: those it leaves out as done, and how many it runs again.

    `changed` were done, but by another model, arm, prompt or patch than is asked for now.
    """

    done: frozenset[str] = frozenset()
    changed: int = 0


def keep_left_out(layout: RunLayout, found: LeftOut) -> None:
    """Say what this invocation leaves out; every worker says the same."""
    content = {"done": sorted(found.done), "changed": found.changed}
    write_json(_snapshot(layout).with_suffix(".done.json"), content)


def read_left_out(layout: RunLayout) -> LeftOut:
    """Return what this invocation left out."""
    try:
        stored = json.loads(_snapshot(layout).with_suffix(".done.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return LeftOut()
    return LeftOut(frozenset(stored["done"]), stored["changed"])


def runs_in(root: Path) -> list[Path]:
    """Return the folders of the runs that lie in `root`, the one last written to first."""
    return sorted((folder for folder in root.glob("*/") if (folder / "journal").is_dir()), key=_last_written)[::-1]


def find_run(root: Path, name: str, option: str, *, besides: str = "") -> Path:
    """Return the folder of the run that `name` names, by its id or its path, or `latest`.

    The run `besides`, which asks, is none of them. Raises InputError.
    """
    runs = {folder.name: folder for folder in runs_in(root) if folder.name != besides}
    if name == LATEST:
        if not runs:
            fix = "leave the option out to start one" if option.startswith("-") else "swebench-runner run makes one"
            raise InputError(f"{option}: there is no run in {str(root)!r} yet; {fix}")
        return next(iter(runs.values()))
    given = Path(name)
    found = runs.get(given.name)
    if found is None or (len(given.parts) > 1 and given.resolve() != found.resolve()):
        more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
        told = unknown("run", name, sorted(runs)[-_SHOWN:])
        raise InputError(f"{option}={name}: {told}{more}; runs lie in {str(root)!r}")
    return found


def _last_written(folder: Path) -> float:
    return max((path.stat().st_mtime for path in (folder / "journal").glob("*.jsonl")), default=0.0)


def failed_cells(layout: RunLayout) -> frozenset[str]:
    """Return the cells of a run whose last record is no success; those without a record are left to `--resume`."""
    records = final_records(read_journals(layout.journals).entries)
    return frozenset(str(cell_of(record)) for record in records if not Outcome(record["outcome"]).passes)


def at_work(folder: Path) -> bool:
    """Say whether a process of the run in `folder` lives: all of them hold its lock, together. Nothing is written."""
    try:
        file = os.open(folder / _LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


class RunLock:
    """Says that a process of a run is alive, for as long as it is; the kernel lets go when it dies.

    All processes of one invocation hold it together; a second invocation needs it alone for a moment.
    """

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._file: int | None = None

    def take_over(self, wait_s: float = _GRACE_S) -> None:
        """Claim the run for a new invocation. Raises InputError if another stays at work for `wait_s` seconds."""
        self._open()
        deadline = time.monotonic() + wait_s
        # who claims holds a second lock: the kernel lets go of an exclusive lock before it makes it a shared one
        claim = os.open(self._layout.folder / "claim.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._wait_for(claim, deadline)
            assert self._file is not None
            self._wait_for(self._file, deadline)
            self.join()
        finally:
            os.close(claim)

    def join(self) -> None:
        """Hold the lock together with the other processes of this invocation."""
        self._open()
        assert self._file is not None
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def release(self) -> None:
        """Let go; safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        if self._file is None:
            self._layout.folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._layout.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)

    def _wait_for(self, file: int, deadline: float) -> None:
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self.release()
                    raise InputError(
                        f"--run-id {self._layout.run_id}: a process of that run is still at work; wait for it or stop "
                        "it, or choose another --run-id"
                    ) from None
            time.sleep(0.1)


def _snapshot(layout: RunLayout) -> Path:
    return layout.folder / "resumed" / f"{layout.timestamp}.json"
