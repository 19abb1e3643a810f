"""The end of a run: lost cells recorded, per-variant files completed, everything merged.

The controller settles its own run when it ends; `swebench-runner merge` settles one whose controller is gone.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import parse_cell
from pytest_swebench.records.journal import Journal, JournalRead, read_journals
from pytest_swebench.records.layout import RunLayout, locked_folder, read_json, write_json
from pytest_swebench.records.lost import Loss, lost_record, opening_from_plan
from pytest_swebench.records.results import (
    Merged,
    ResultFiles,
    merge,
    planned_cells,
    unfinished,
)
from pytest_swebench.records.schema import cell_of
from pytest_swebench.redact import Redactor

CONTROLLER: Final = "controller.jsonl"
_ASKED: Final = "asked.json"
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the controller saw and no journal holds.

    `crashed` are the node ids whose worker died, `missing` those of them that never came back, `dropped` the
    attempts (node id, number) that were run again. `asked` tells, in a resumed run, the cells that this invocation
    asked for, each with the first attempt that answers it; other records are of other patches, or of other questions.
    """

    crashed: Collection[str] = field(default_factory=frozenset)
    missing: Collection[str] = field(default_factory=frozenset)
    dropped: Collection[tuple[str, int]] = field(default_factory=frozenset)
    asked: Mapping[str, int] | None = None


def settle(files: ResultFiles, seen: Seen | None = None) -> Merged | None:
    """Record what is lost, complete `files` and merge; None if the run left no journal. Safe to repeat.

    With `seen` the caller is the run's own controller, and whatever has no record is lost. Without, processes of
    the run may still be at work: their cells are left alone, and so are the per-variant files, which then have
    another writer.
    """
    with locked_folder(files.layout.folder):
        running = frozenset() if seen else _running(files.layout)
        return _settle(files, seen, running)


def _settle(files: ResultFiles, seen: Seen | None, running: frozenset[str]) -> Merged | None:
    layout = files.layout
    read = read_journals(layout.journals)
    at_work = {_key(entry["record"]) for entry in _started(read.entries) if _process(entry) in running}
    unrecorded = unfinished(read.entries)
    lost = [opening for opening in unrecorded if _key(opening) not in at_work]
    openings = lost + _never_begun(layout, seen.missing if seen else (), read.entries)
    _note(layout, read, openings, seen)
    if not any(layout.journals.glob("*.jsonl")):
        return None
    if not running:
        if seen is None:
            files.take_up()
        read = read_journals(layout.journals)
        files.reconcile(read, _dropped(read))
    if seen:
        with contextlib.suppress(OSError):  # arms left something in it, or it was never made
            (layout.folder / "solve").rmdir()
    if seen and seen.asked is not None:
        write_json(layout.folder / _ASKED, dict(sorted(seen.asked.items())))
    return merge(layout, selected_cells(layout), asked=read_asked(layout), running=len(unrecorded) - len(lost))


def read_asked(layout: RunLayout) -> dict[str, int] | None:
    """Return what a resumed run was last asked for (see `Seen`); None where there was one invocation alone."""
    path = layout.folder / _ASKED
    if not path.exists():
        return None
    asked: dict[str, int] = read_json(path)
    return asked


def keep_selected(layout: RunLayout, selected: Mapping[str, int], *, again: bool = False) -> None:
    """Store how many cells of each variant this run selected: plans do not know of `-k` and the like.

    Once, or `again` for a run that was resumed, perhaps with another selection.
    """
    path = layout.folder / "selected.json"
    if selected and (again or not path.exists()):
        write_json(path, dict(sorted(selected.items())))


def selected_cells(layout: RunLayout) -> dict[str, int] | None:
    """Return variant -> selected cells as stored, None if they never were.

    Ids of unrelated tests may look like cells; only variants of the run's plans count.
    """
    path = layout.folder / "selected.json"
    if not path.exists():
        return None
    planned = planned_cells(layout)
    selected: dict[str, int] = read_json(path)
    return {variant: count for variant, count in selected.items() if variant in planned}


def _note(layout: RunLayout, read: JournalRead, openings: list[Entry], seen: Seen | None) -> None:
    """Put into the controller's journal the records of lost attempts, and whose lines do not count."""
    lines = {(entry["nodeid"], entry["attempt"]) for entry in read.entries if entry["kind"] == "line"}
    crashed = {str(parse_cell(nodeid)) for nodeid in seen.crashed} if seen else set()
    journal = Journal(layout.journals / CONTROLLER, Redactor())  # what it stores comes from other journals
    for opening in openings:
        cell = str(cell_of(opening))
        loss = Loss.PROCESS_GONE if seen is None else Loss.WORKER_DIED if cell in crashed else Loss.STOPPED
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        journal.append("record", cell=cell, record=lost_record(opening, loss, now))
    dropped = set(seen.dropped) if seen else set()
    for nodeid, attempt in sorted((dropped & lines) - _dropped(read)):
        journal.append("dropped", nodeid=nodeid, attempt=attempt)
    journal.close()


def _dropped(read: JournalRead) -> set[tuple[str, int]]:
    return {(entry["nodeid"], entry["attempt"]) for entry in read.entries if entry["kind"] == "dropped"}


def _never_begun(layout: RunLayout, missing: Iterable[str], entries: Collection[Entry]) -> list[Entry]:
    """Return openings for items whose worker died before the cell could open its own record."""
    begun = {entry["cell"] for entry in entries if entry["kind"] in {"started", "record"}}
    lost = [nodeid for nodeid in sorted(missing) if str(parse_cell(nodeid)) not in begun]
    return [opening for nodeid in lost if (opening := opening_from_plan(layout, nodeid)) is not None]


def _running(layout: RunLayout) -> frozenset[str]:
    """Return the names of this host's processes of the run that live; journals are called `<worker>-<pid>`."""
    elsewhere = set()
    for entry in _started(read_journals(layout.journals).entries):
        if entry["record"]["host"] != socket.gethostname():
            elsewhere.add(_process(entry))
    names = {path.stem for path in layout.journals.glob("*.jsonl")} - elsewhere
    return frozenset(name for name in names if (pid := name.rpartition("-")[2]).isdigit() and lives(int(pid)))


def lives(pid: int) -> bool:
    """Say whether another process of this host is alive."""
    if pid == os.getpid():  # the number came round again
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # a system without /proc
        return True
    return stat.rpartition(")")[2].split()[0] != "Z"  # dead, and nobody asked yet what became of it


def _started(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry["kind"] == "started"]


def _process(entry: Entry) -> str:
    return str(entry["id"]).rpartition(":")[0]


def _key(record: Entry) -> tuple[str, int]:
    return str(cell_of(record)), int(record["attempt"])
