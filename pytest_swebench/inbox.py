"""The receiving end, in the process that reports: reports come in, lines of results go out to files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.errors import BudgetExhausted, RecordError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.schema import cell_of
from pytest_swebench.stash import ATTRIBUTE

if TYPE_CHECKING:
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.records.checkpoint import Checkpoint
    from pytest_swebench.records.results import Merged, ResultFiles
    from pytest_swebench.reporting.gate.looks import Watch


_NOTHING_RUN: Final = pytest.ExitCode.NO_TESTS_COLLECTED


@dataclass(slots=True)
class Inbox:
    """Collects what arrives during a run and settles it at the end."""

    handle: RunHandle
    left_out: frozenset[str] = frozenset()
    collected: int = 0
    selected: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    merged: Merged | None = None
    quarantined: dict[str, str] = field(default_factory=dict)
    is_demo: bool = False
    checkpoint: Checkpoint | None = None
    announced: bool = False
    changed: int = 0
    over_budget: bool = False
    refused: str = ""
    failed_apart: bool = False
    watch: Watch | None = None
    verdict: dict[str, Any] | None = None
    annotations: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    _cells: set[str] = field(default_factory=set)
    _waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _rerun: set[str] = field(default_factory=set)
    _dropped: set[tuple[str, int]] = field(default_factory=set)
    _crashed: set[str] = field(default_factory=set)
    _missing: set[str] = field(default_factory=set)
    _last: pytest.TestReport | None = None
    _results: ResultFiles | None = None

    def note_collection(self, nodeids: Iterable[str]) -> None:
        """Take note of the selected items; every worker reports the same list, so the last one stands."""
        ids = list(nodeids)
        self.collected = len(ids)
        self._cells = {str(cell) for cell in map(parse_cell, ids) if cell is not None}
        if self.handle.resumed:
            from pytest_swebench.records.resume import read_left_out

            found = read_left_out(self.handle.layout)
            self.left_out, self.changed = found.done, found.changed
        self.selected = Counter(map(_variant, self._cells | self.left_out))
        if (self.handle.layout.folder / "plans").exists():
            self._keep_selected()

    @property
    def to_run(self) -> list[Cell]:
        """The cells of this invocation."""
        return [cell for cell in map(parse_cell, sorted(self._cells)) if cell is not None]

    @property
    def all_cells(self) -> list[Cell]:
        """The cells of the run, those that earlier invocations have done as well."""
        return [cell for cell in map(parse_cell, sorted(self._cells | self.left_out)) if cell is not None]

    def note_report(self, report: pytest.TestReport) -> None:
        """Take a report's bundles, and write those of an attempt once its last phase shows that it counts."""
        nodeid = report.nodeid
        self._count(report)
        self.failed_apart |= str(report.outcome) == "failed" and str(parse_cell(nodeid)) not in self._cells
        if str(report.when) == "???":  # the controller's own report of a worker that died
            self._crashed.add(nodeid)
            self._missing.add(nodeid)
            self._watch(nodeid, [])
            return
        bundles = [json.loads(text) for text in getattr(report, ATTRIBUTE, ())]
        self._forget_bundles(report)
        if bundles:
            self._waiting.setdefault(nodeid, []).extend(bundles)
        if str(report.outcome) == "rerun":
            self._rerun.add(nodeid)
        if report.when == "teardown":
            self._settle(nodeid)

    def _forget_bundles(self, report: pytest.TestReport) -> None:
        """Take the bundles off the report before this one: pytest keeps every report to its end."""
        if self._last is not None and hasattr(self._last, ATTRIBUTE):
            delattr(self._last, ATTRIBUTE)
        self._last = report

    def finish(self) -> None:
        """Record lost cells, write what only the journals hold, and merge. Does nothing in a run without cells."""
        from pytest_swebench.records.decision import keep_left
        from pytest_swebench.records.results import read_plans
        from pytest_swebench.records.settle import Seen, settle
        from pytest_swebench.reporting.fitness import quarantine

        layout = self.handle.layout
        if not layout.folder.exists():
            return
        self._keep_selected()
        if self.watch is not None and self.watch.left:
            keep_left(layout, self.watch.left)
        seen = Seen(crashed=self._crashed, missing=self._missing, dropped=self._dropped, asked=self._asked())
        self.merged = settle(self._files(), seen)
        self.files = self._files().close()
        if self.merged is not None:
            self.quarantined = quarantine(layout, self.merged.records)
            if self.checkpoint is not None:
                self.checkpoint.write_all(self.merged.records)
        plans = read_plans(layout)
        self.is_demo = self.merged is not None and bool(plans) and all(plan["dataset"] == "demo" for plan in plans)

    def exit_status(self, status: int | pytest.ExitCode, *, capture: bool) -> int | pytest.ExitCode:
        """Return the status of the whole run: what a resumed run leaves out counts as it did when it ran."""
        if not self.left_out or self.merged is None or status not in {pytest.ExitCode.OK, _NOTHING_RUN}:
            return status
        done = [record for record in self.merged.records if str(cell_of(record)) in self.left_out]
        passed = all(capture or Outcome(record["outcome"]).passes for record in done)
        return pytest.ExitCode.OK if passed else pytest.ExitCode.TESTS_FAILED

    def below(self, rate: float | None) -> list[str]:
        """Return the variants that resolved less than `rate` of their attempted cells; broken cells count against.

        A variant without a verdict has no rate to fall below.
        """
        if rate is None or self.merged is None:
            return []
        scored = [one for one in self.merged.summaries if one.count(Outcome.CAPTURED) < one.selected]
        return [
            one.variant for one in scored if one.broken or (not one.unjudged and (one.rate_of_attempted or 0.0) < rate)
        ]

    def _settle(self, nodeid: str) -> None:
        bundles = self._waiting.pop(nodeid, [])
        if nodeid in self._rerun:
            self._rerun.discard(nodeid)
            self._dropped.update((nodeid, bundle["attempt"]) for bundle in bundles if "attempt" in bundle)
            return
        self._missing.discard(nodeid)
        for bundle in bundles:
            self._write(bundle)
            if bundle["kind"] == "record":
                self._take(bundle["record"])
                self.refused = self.refused or bundle.get("refused", "")
        self._watch(nodeid, [bundle["record"] for bundle in bundles if bundle["kind"] == "record"])

    def _watch(self, nodeid: str, records: list[dict[str, Any]]) -> None:
        """Let the gate see how a cell ended."""
        cell = parse_cell(nodeid)
        if self.watch is None or cell is None:
            return
        from pytest_swebench.statistics.data import observation_of

        self.watch.take(cell, observation_of(records[-1]) if records else None)

    def _take(self, record: dict[str, Any]) -> None:
        broken = (record["error"] or {}).get("type") == BudgetExhausted.__name__
        self.over_budget |= broken or record["cap"] == "run"
        if self.checkpoint is not None:
            self.checkpoint.take(record)

    def _write(self, bundle: dict[str, Any]) -> None:
        """Write a line, unless the disk is full: it stands in a journal, which makes up for it at the end."""
        try:
            self._files().add(bundle)
        except (OSError, RecordError) as error:
            self.told.append(f"a line of {bundle['cell']} could not be written: {error}")

    def _asked(self) -> dict[str, int] | None:
        """Return, in a resumed run, cell -> the first attempt that answers what is asked.

        Of each variant the last invocation that asked for it decides; `gold` and then `null` add up.
        """
        if not self.handle.resumed:
            return None
        from pytest_swebench.records.resume import read_earlier
        from pytest_swebench.records.settle import read_asked

        layout = self.handle.layout
        earlier = read_earlier(layout)
        before = read_asked(layout) or dict.fromkeys(earlier, 1)
        kept = {cell: first for cell, first in before.items() if _variant(cell) not in self.selected}
        new = {cell: earlier[cell].attempts + 1 if cell in earlier else 1 for cell in self._cells}
        return {**kept, **new, **dict.fromkeys(self.left_out, 1)}

    def _keep_selected(self) -> None:
        from pytest_swebench.records.settle import keep_selected

        asked = self._asked()
        selected = self.selected if asked is None else Counter(map(_variant, asked))
        keep_selected(self.handle.layout, selected, again=self.handle.resumed)

    def _files(self) -> ResultFiles:
        if self._results is None:
            from pytest_swebench.records.results import ResultFiles

            self._results = ResultFiles(self.handle.layout, self.handle.git_commit)
            if self.handle.resumed:
                self._results.take_up()
        return self._results

    def _count(self, report: pytest.TestReport) -> None:
        """Count as pytest's closing line does: by phase, a broken set-up or tear-down beside the call's own end."""
        outcome = str(report.outcome)
        if hasattr(report, "wasxfail"):
            outcome = {"skipped": "xfailed", "passed": "xpassed"}.get(outcome, outcome)
        aside = report.when in {"setup", "teardown"}
        if aside and outcome == "passed":
            return
        self.counts["error" if aside and outcome == "failed" else outcome] += 1


def _variant(cell: str) -> str:
    return cell.split("/")[1]
