"""The receiving end, in the process that reports: reports come in, lines of results go out to files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.cell import parse_cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.stash import ATTRIBUTE

if TYPE_CHECKING:
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.records.results import Merged, ResultFiles


@dataclass(slots=True)
class Inbox:
    """Collects what arrives during a run and settles it at the end."""

    handle: RunHandle
    collected: int = 0
    selected: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    merged: Merged | None = None
    is_demo: bool = False
    files: list[Path] = field(default_factory=list)
    _waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _rerun: set[str] = field(default_factory=set)
    _dropped: set[tuple[str, int]] = field(default_factory=set)
    _crashed: set[str] = field(default_factory=set)
    _results: ResultFiles | None = None

    def note_collection(self, nodeids: Iterable[str]) -> None:
        """Take note of the selected items; every worker reports the same list, so the last one stands."""
        ids = list(nodeids)
        self.collected = len(ids)
        cells = [cell for cell in map(parse_cell, ids) if cell is not None]
        self.selected = Counter(cell.variant for cell in cells)

    def note_report(self, report: pytest.TestReport) -> None:
        """Take a report's bundles, and write those of an attempt once its last phase shows that it counts."""
        nodeid = report.nodeid
        self._count(report)
        if str(report.when) == "???":  # the controller's own report of a worker that died
            self._crashed.add(nodeid)
            return
        bundles = [json.loads(text) for text in getattr(report, ATTRIBUTE, ())]
        if bundles:
            self._waiting.setdefault(nodeid, []).extend(bundles)
        if str(report.outcome) == "rerun":
            self._rerun.add(nodeid)
        if report.when == "teardown":
            self._settle(nodeid)

    def finish(self) -> None:
        """Record lost cells, write what only the journals hold, and merge. Does nothing in a run without cells."""
        from pytest_swebench.records.journal import read_journals
        from pytest_swebench.records.results import merge, read_plans

        layout = self.handle.layout
        if not layout.folder.exists():
            return
        self._record_lost()
        self._files().reconcile(read_journals(layout.journals), self._dropped)
        self.files = self._files().close()
        if any(layout.journals.glob("*.jsonl")):
            plans = read_plans(layout)
            self.is_demo = bool(plans) and all(plan["dataset"] == "demo" for plan in plans)
            self.merged = merge(layout, dict(self.selected) or None)

    def below(self, rate: float | None) -> list[str]:
        """Return the variants that resolved less than `rate` of their attempted cells; broken cells count against.

        A variant whose answers are only captured has no rate to fall below.
        """
        if rate is None or self.merged is None:
            return []
        scored = [one for one in self.merged.summaries if one.count(Outcome.CAPTURED) < one.selected]
        return [one.variant for one in scored if one.broken or (one.rate_of_attempted or 0.0) < rate]

    def _settle(self, nodeid: str) -> None:
        bundles = self._waiting.pop(nodeid, [])
        if nodeid in self._rerun:
            self._rerun.discard(nodeid)
            self._dropped.update((nodeid, bundle["attempt"]) for bundle in bundles if "attempt" in bundle)
            return
        for bundle in bundles:
            self._files().add(bundle)

    def _record_lost(self) -> None:
        """Write an `infra` record, once, for every attempt that died with its worker or was stopped."""
        from pytest_swebench.records.journal import Journal, read_journals
        from pytest_swebench.records.results import lost_record, opening_from_plan, unfinished
        from pytest_swebench.records.schema import cell_of
        from pytest_swebench.redact import Redactor

        layout = self.handle.layout
        read = read_journals(layout.journals)
        openings = unfinished(read.entries)
        begun = {entry["cell"] for entry in read.entries if entry["kind"] == "started"}
        for nodeid in sorted(self._crashed):
            if str(parse_cell(nodeid)) not in begun:
                opening = opening_from_plan(layout, nodeid)
                openings += [opening] if opening else []
        if not openings:
            return
        journal = Journal(layout.journals / "controller.jsonl", Redactor(()))
        crashed = {str(parse_cell(nodeid)) for nodeid in self._crashed}
        for opening in openings:
            cell = str(cell_of(opening))
            message = "the worker process died" if cell in crashed else "the run was stopped"
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            journal.append("record", cell=cell, record=lost_record(opening, message, now))
        journal.close()

    def _files(self) -> ResultFiles:
        if self._results is None:
            from pytest_swebench.records.results import ResultFiles

            self._results = ResultFiles(self.handle.layout, self.handle.git_commit)
        return self._results

    def _count(self, report: pytest.TestReport) -> None:
        outcome = str(report.outcome)
        if outcome == "rerun" or report.when in {"call", "???"} or (outcome == "failed" and report.when == "setup"):
            self.counts["error" if outcome == "failed" and report.when == "setup" else outcome] += 1
