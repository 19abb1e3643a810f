"""The receiving end, fed with real reports of pytest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.handle import RunHandle
from pytest_swebench.inbox import Inbox
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal, read_journals
from pytest_swebench.records.layout import write_json
from pytest_swebench.records.results import unfinished
from pytest_swebench.records.schema import RunInfo, run_metadata
from pytest_swebench.redact import Redactor
from pytest_swebench.stash import ATTRIBUTE
from tests.support.made import made_record

CELL = Cell("acme__acme-1", "tdd", 1)
NODEID = f"test_swebench.py::test_swebench[{CELL}]"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(RunHandle("run-1", "20260101_120000", str(tmp_path / "results"), "abc1234"))


def report(when: str, outcome: str, *bundles: dict[str, Any], nodeid: str = NODEID) -> pytest.TestReport:
    result: Any = outcome
    phase: Literal["setup", "call", "teardown"] | Any = when
    made = pytest.TestReport(nodeid, ("test_swebench.py", 1, ""), {}, result, None, phase)
    if bundles:
        setattr(made, ATTRIBUTE, [json.dumps(bundle) for bundle in bundles])
    return made


def bundle(record: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "record", "cell": str(CELL), "metadata": {"dataset": "demo"}, "record": record}


def keep(inbox: Inbox, process: str, *entries: tuple[str, dict[str, Any]]) -> None:
    journal = Journal(inbox.handle.layout.journals / f"{process}.jsonl", Redactor())
    for kind, record in entries:
        journal.append(kind, cell=f"{record['instance_id']}/{record['variant']}/r{record['rep']}", record=record)
    journal.close()


def stored(inbox: Inbox) -> list[dict[str, Any]]:
    """Return the lines of all per-variant files, metadata left out."""
    paths = sorted(inbox.handle.layout.root.glob("*.jsonl"))
    found = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [line for line in found if line["type"] != "run_metadata"]


def test_line_is_written_once_its_attempt_is_over(inbox: Inbox) -> None:
    record = made_record(CELL)
    keep(inbox, "w1", ("started", record), ("record", record))
    inbox.note_report(report("setup", "passed", bundle(record)))
    assert stored(inbox) == []
    inbox.note_report(report("call", "passed"))
    inbox.note_report(report("teardown", "passed"))
    assert stored(inbox) == [record]
    inbox.finish()
    assert stored(inbox) == [record]
    assert inbox.merged is not None
    assert inbox.merged.records == [record]
    assert dict(inbox.counts) == {"passed": 1}


def test_attempt_that_is_rerun_leaves_no_line(inbox: Inbox) -> None:
    first, second = made_record(CELL, Outcome.INFRA), made_record(CELL, attempt=2)
    keep(inbox, "w1", *((kind, record) for record in (first, second) for kind in ("started", "record")))
    own = {"kind": "line", "id": "w1:9", "attempt": 1, "variant": "v", "rep": 1, "metadata": {}, "line": {"type": "x"}}
    inbox.note_report(report("setup", "rerun", bundle(first), own))
    inbox.note_report(report("teardown", "passed"))
    inbox.note_report(report("setup", "passed", bundle(second)))
    inbox.note_report(report("call", "passed"))
    inbox.note_report(report("teardown", "passed"))
    inbox.finish()
    assert stored(inbox) == [second]
    assert dict(inbox.counts) == {"rerun": 1, "passed": 1}


def test_broken_set_up_counts_as_an_error_and_keeps_its_record(inbox: Inbox) -> None:
    record = made_record(CELL, Outcome.INFRA)
    keep(inbox, "w1", ("record", record))
    inbox.note_report(report("setup", "failed", bundle(record)))
    inbox.note_report(report("teardown", "passed"))
    inbox.finish()
    assert stored(inbox) == [record]
    assert dict(inbox.counts) == {"error": 1}


def test_cell_of_a_dead_worker_is_recorded_once_as_infra(inbox: Inbox) -> None:
    keep(inbox, "w1", ("started", made_record(CELL, Outcome.ERROR, verdict=None)))
    inbox.note_report(report("???", "failed"))
    inbox.finish()
    inbox.finish()
    (line,) = stored(inbox)
    assert (line["outcome"], line["error"]["message"]) == ("infra", "the worker process died")
    assert line["finished_at"] != ""
    assert unfinished(read_journals(inbox.handle.layout.journals).entries) == []


def test_attempt_of_a_stopped_run_is_recorded_as_such(inbox: Inbox) -> None:
    keep(inbox, "w1", ("started", made_record(CELL, Outcome.ERROR, verdict=None)))
    inbox.finish()
    assert [line["error"] for line in stored(inbox)] == [{"type": "RunStopped", "message": "the run was stopped"}]


def test_cell_that_a_second_worker_finished_is_not_lost(inbox: Inbox) -> None:
    record = made_record(CELL)
    keep(inbox, "w1", ("started", record))
    keep(inbox, "w2", ("started", record), ("record", record))
    inbox.note_report(report("???", "rerun"))
    inbox.note_report(report("setup", "passed", bundle(record)))
    inbox.note_report(report("call", "passed"))
    inbox.note_report(report("teardown", "passed"))
    inbox.finish()
    assert stored(inbox) == [record]


def plan(inbox: Inbox, *variants: str) -> None:
    info = RunInfo(run_id="run-1", timestamp="20260101_120000", dataset="acme", git_commit="abc1234")
    described = {name: run_metadata(info, Variant(name, name), 1, oracle=False) for name in variants}
    content = {"dataset": "acme", "instances": 9, "reps": 1, "variants": described}
    write_json(inbox.handle.layout.folder / "plans" / "p.json", content)


def test_item_that_died_and_came_back_is_not_lost(inbox: Inbox) -> None:
    plan(inbox, "tdd")
    own = {"kind": "line", "id": "w1:9", "attempt": 2, "variant": "v", "rep": 1, "metadata": {}, "line": {"type": "x"}}
    inbox.note_report(report("???", "rerun"))
    inbox.note_report(report("setup", "passed"))
    inbox.note_report(report("call", "passed", own))
    inbox.note_report(report("teardown", "passed"))
    inbox.finish()
    assert stored(inbox) == [{"type": "x"}]
    assert dict(inbox.counts) == {"rerun": 1, "passed": 1}


def test_item_that_died_and_never_came_back_is_infra(inbox: Inbox) -> None:
    plan(inbox, "tdd")
    inbox.note_report(report("???", "rerun"))
    inbox.note_report(report("setup", "rerun"))
    inbox.note_report(report("teardown", "passed"))
    inbox.note_report(report("???", "failed"))
    inbox.finish()
    assert [(line["instance_id"], line["outcome"]) for line in stored(inbox)] == [(CELL.instance_id, "infra")]


def test_what_was_selected_counts_cells_of_every_variant(inbox: Inbox) -> None:
    plan(inbox, "gold", "tdd")
    keep(inbox, "w1", ("record", made_record(CELL)))
    inbox.note_collection(
        ["t.py::other", *(f"t.py::t[acme__acme-{n}/{v}/r1]" for n in range(3) for v in ("gold", "tdd"))]
    )
    inbox.finish()
    assert inbox.collected == 7
    assert inbox.merged is not None
    shown = [(one.variant, one.selected, one.attempted) for one in inbox.merged.summaries]
    assert shown == [("gold", 3, 0), ("tdd", 3, 1)]
    assert inbox.merged.not_run == 5


def test_ids_that_only_look_like_cells_are_no_variant(inbox: Inbox) -> None:
    plan(inbox, "tdd")
    keep(inbox, "w1", ("record", made_record(CELL)))
    inbox.note_collection([NODEID, "t.py::test_path[foo/bar/r2]"])
    inbox.finish()
    assert inbox.merged is not None
    assert [(one.variant, one.selected) for one in inbox.merged.summaries] == [("tdd", 1)]


@pytest.mark.parametrize(
    ("when", "outcome", "counted"),
    [
        ("setup", "passed", {}),
        ("setup", "skipped", {"skipped": 1}),
        ("setup", "failed", {"error": 1}),
        ("call", "skipped", {"skipped": 1}),
        ("call", "failed", {"failed": 1}),
        ("teardown", "failed", {"error": 1}),
        ("teardown", "passed", {}),
        ("???", "failed", {"failed": 1}),
        ("call", "rerun", {"rerun": 1}),
    ],
)
def test_reports_are_counted_as_pytest_counts(inbox: Inbox, when: str, outcome: str, counted: dict[str, int]) -> None:
    inbox.note_report(report(when, outcome))
    assert dict(inbox.counts) == counted


def test_run_without_cells_leaves_nothing(inbox: Inbox) -> None:
    inbox.note_report(report("call", "passed"))
    inbox.note_report(report("teardown", "passed"))
    inbox.finish()
    assert inbox.merged is None
    assert not inbox.handle.layout.root.exists()
