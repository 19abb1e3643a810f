"""Runs settled when nobody who ran them is left, or somebody still is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal, read_journals
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.results import Merged, ResultFiles
from pytest_swebench.records.schema import RunInfo, cell_of, run_metadata
from pytest_swebench.records.settle import Seen, keep_selected, selected_cells, settle
from pytest_swebench.redact import Redactor
from tests.support.made import made_record

CELLS = [Cell(f"acme__acme-{number}", "tdd", 1) for number in range(4)]
NODEIDS = [f"test_it.py::test_it[{cell}]" for cell in CELLS]


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    made = RunLayout(tmp_path / "results", "20260101_120000-abc123", "20260101_120000")
    info = RunInfo(run_id=made.run_id, timestamp=made.timestamp, dataset="acme", git_commit="abc1234")
    described = {"tdd": run_metadata(info, Variant("tdd", "tdd"), 1, oracle=False)}
    write_json(made.folder / "plans" / "p.json", {"dataset": "acme", "instances": 4, "reps": 1, "variants": described})
    return made


@pytest.fixture
def living() -> Iterator[int]:
    """The id of a process that lives as long as the test."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def keep(layout: RunLayout, process: str, *entries: tuple[str, dict[str, Any]]) -> None:
    journal = Journal(layout.journals / f"{process}.jsonl", Redactor())
    for kind, content in entries:
        fields = {"cell": str(cell_of(content)), "record": content} if kind in {"started", "record"} else content
        journal.append(kind, **fields)
    journal.close()


def opening(cell: Cell, host: str = "here", **fields: Any) -> dict[str, Any]:
    blank = {"patch": "", "verdict": None, "finished_at": "", "host": host}
    return made_record(cell, Outcome.ERROR, run_id="20260101_120000-abc123", **(blank | fields))


def done(cell: Cell, **fields: Any) -> dict[str, Any]:
    return made_record(cell, run_id="20260101_120000-abc123", **fields)


def own(text: str, attempt: int = 1, nodeid: str = "t::a") -> tuple[str, dict[str, Any]]:
    line = {"type": "scenario_result", "run_id": "20260101_120000-abc123", "said": text}
    return "line", {"nodeid": nodeid, "attempt": attempt, "variant": "mine", "rep": 1, "metadata": {}, "line": line}


def settled(layout: RunLayout, seen: Seen | None = None) -> Merged:
    files = ResultFiles(layout, "abc1234")
    merged = settle(files, seen)
    files.close()
    assert merged is not None
    return merged


def stored(layout: RunLayout, name: str = "tdd") -> list[dict[str, Any]]:
    """Return the lines of one per-variant file, metadata included."""
    path = layout.root / f"{name}_run1_{layout.timestamp}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def outcomes(merged: Merged) -> list[tuple[Cell, str]]:
    return [(cell_of(record), record["outcome"]) for record in merged.records]


def test_killed_run_is_completed_once(layout: RunLayout) -> None:
    keep(layout, "gw0-x", ("started", opening(CELLS[0])), ("record", done(CELLS[0])), ("started", opening(CELLS[1])))
    merged = settled(layout)
    assert outcomes(merged) == [(CELLS[0], "resolved"), (CELLS[1], "infra")]
    assert merged.records[1]["error"] == {"type": "WorkerLost", "message": "the process that ran it is gone"}
    assert (merged.not_run, merged.running) == (2, 0)
    head, *lines = stored(layout)
    assert (head["type"], head["git_commit"], head["dataset"]) == ("run_metadata", "abc1234", "acme")
    assert sorted(lines, key=cell_of) == [done(CELLS[0]), merged.records[1]]
    files = {path: path.read_bytes() for path in layout.root.rglob("*") if path.is_file()}
    settled(layout)
    assert {path: path.read_bytes() for path in layout.root.rglob("*") if path.is_file()} == files


def test_cells_of_a_living_process_are_left_alone(layout: RunLayout, living: int) -> None:
    here = socket.gethostname()
    keep(layout, f"gw0-{living}", ("record", done(CELLS[0])), ("started", opening(CELLS[1], here)))
    keep(layout, "gw1-x", ("started", opening(CELLS[2], here)))
    merged = settled(layout)
    assert outcomes(merged) == [(CELLS[0], "resolved"), (CELLS[2], "infra")]
    assert (merged.running, merged.not_run) == (1, 2)
    assert list(layout.root.glob("*.jsonl")) == []


def test_same_process_number_on_another_host_says_nothing(layout: RunLayout, living: int) -> None:
    keep(layout, f"gw0-{living}", ("started", opening(CELLS[1], "elsewhere")))
    assert outcomes(settled(layout)) == [(CELLS[1], "infra")]


def test_controller_knows_that_its_own_cells_are_over(layout: RunLayout, living: int) -> None:
    here = socket.gethostname()
    keep(layout, f"main-{living}", ("started", opening(CELLS[0], here)), ("started", opening(CELLS[1], here)))
    merged = settled(layout, Seen(crashed={NODEIDS[0]}, missing={NODEIDS[0]}))
    assert [record["error"]["type"] for record in merged.records] == ["WorkerLost", "RunStopped"]


def test_files_are_completed_and_never_doubled(layout: RunLayout) -> None:
    keep(layout, "w", ("record", done(CELLS[0])), own("a"), own("b"), own("b", nodeid="t::b"))
    settled(layout)
    assert [line["said"] for line in stored(layout, "mine")[1:]] == ["a", "b", "b"]
    keep(layout, "w", ("record", done(CELLS[1])), own("c", nodeid="t::c"), own("b", nodeid="t::d"))
    settled(layout)
    assert stored(layout)[1:] == [done(CELLS[0]), done(CELLS[1])]
    assert [line["said"] for line in stored(layout, "mine")[1:]] == ["a", "b", "b", "c", "b"]


def test_deleted_file_is_made_again(layout: RunLayout) -> None:
    keep(layout, "w", ("record", done(CELLS[0])), own("a"))
    settled(layout)
    (path,) = layout.root.glob("tdd_*.jsonl")
    before = path.read_bytes()
    path.unlink()
    settled(layout)
    assert path.read_bytes() == before
    assert len(stored(layout, "mine")) == 2


def test_line_that_was_torn_is_written_whole(layout: RunLayout) -> None:
    keep(layout, "w", ("record", done(CELLS[0])), ("record", done(CELLS[1])))
    settled(layout)
    (path,) = layout.root.glob("tdd_*.jsonl")
    path.write_bytes(path.read_bytes()[:-40])
    settled(layout)
    assert stored(layout)[1:] == [done(CELLS[0]), done(CELLS[1])]


def test_file_of_another_run_is_not_touched(layout: RunLayout) -> None:
    other = layout.root / f"tdd_run1_{layout.timestamp}.jsonl"
    other.write_text('{"type": "run_metadata", "run_id": "other"}\n{"torn": ')
    before = other.read_bytes()
    keep(layout, "w", ("record", done(CELLS[0])))
    settled(layout)
    assert other.read_bytes() == before
    assert len((layout.root / f"tdd_run1_{layout.timestamp}_{layout.run_id}.jsonl").read_text().splitlines()) == 2


def test_lines_of_a_rerun_stay_dropped_in_a_later_merge(layout: RunLayout) -> None:
    keep(layout, "w", own("first"), own("kept", nodeid="t::b"))
    for seen in (Seen(dropped={("t::a", 1), ("t::without-lines", 1)}), None):
        settled(layout, seen)
        assert [line["said"] for line in stored(layout, "mine")[1:]] == ["kept"]
        for path in layout.root.glob("*.jsonl"):
            path.unlink()
    dropped = [entry for entry in read_journals(layout.journals).entries if entry["kind"] == "dropped"]
    assert [(entry["nodeid"], entry["attempt"]) for entry in dropped] == [("t::a", 1)]


def test_what_was_selected_outlives_the_run(layout: RunLayout) -> None:
    assert selected_cells(layout) is None
    keep_selected(layout, {})
    assert selected_cells(layout) is None
    keep_selected(layout, {"tdd": 2, "looks-like-one": 1})
    keep_selected(layout, {"tdd": 4})
    assert selected_cells(layout) == {"tdd": 2}
    keep(layout, "w", ("record", done(CELLS[0])))
    (summary,) = settled(layout).summaries
    assert (summary.selected, summary.coverage) == (2, 0.5)


def test_run_without_a_journal_is_nothing_to_settle(layout: RunLayout) -> None:
    assert settle(ResultFiles(layout, ""), Seen(missing={"t.py::test_other"})) is None
