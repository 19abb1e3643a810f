from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.errors import RecordError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.figures import summary_csv
from pytest_swebench.records.journal import Journal, JournalRead, read_journals
from pytest_swebench.records.layout import RunLayout, set_aside, write_json, write_whole
from pytest_swebench.records.lost import Loss, lost_record, opening_from_plan
from pytest_swebench.records.results import (
    ResultFiles,
    final_records,
    merge,
    paid,
    unfinished,
)
from pytest_swebench.records.schema import RunInfo, cell_of, run_metadata
from pytest_swebench.records.summary import summarise
from pytest_swebench.redact import Redactor
from pytest_swebench.statistics.analysis import analyse
from tests.support.made import made_record

CELLS = [Cell(f"acme__acme-{number}", variant, 1) for number in range(2) for variant in ("gold", "tdd")]
OUTCOMES = st.sampled_from(list(Outcome))


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "results", "run-1", "20260101_120000")


def stored(record: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "record", "cell": str(cell_of(record)), "record": record}


def started(record: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "started", "cell": str(cell_of(record)), "record": record}


def keep(layout: RunLayout, process: str, entries: list[dict[str, Any]]) -> None:
    journal = Journal(layout.journals / f"{process}.jsonl", Redactor())
    for entry in entries:
        journal.append(**entry)
    journal.close()


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@given(st.permutations([(cell, attempt) for cell in CELLS for attempt in (1, 2, 3)]))
def test_last_attempt_wins_whatever_the_order(order: list[tuple[Cell, int]]) -> None:
    records = final_records([stored(made_record(cell, attempt=attempt)) for cell, attempt in order])
    assert {cell_of(record): record["attempt"] for record in records} == dict.fromkeys(CELLS, 3)
    assert [cell_of(record) for record in records] == list(dict.fromkeys(cell for cell, _ in order))


@pytest.mark.parametrize("reverse", [False, True])
def test_later_record_of_one_attempt_wins_whatever_its_journal(reverse: bool) -> None:
    early = made_record(CELLS[0], Outcome.INFRA, finished_at="2026-01-01T00:00:02.000+00:00")
    late = made_record(CELLS[0], Outcome.RESOLVED, finished_at="2026-01-01T09:00:00.000+00:00")
    entries = [stored(early), stored(late)]
    assert final_records(entries[::-1] if reverse else entries) == [late]


def test_attempts_without_a_record_are_unfinished() -> None:
    done, open_first, open_second = (made_record(cell) for cell in CELLS[:3])
    again = made_record(CELLS[2], attempt=2)
    entries = [
        *(started(done), started(open_first), started(open_second), started(again)),
        *(stored(done), stored(again), {"kind": "calling", "cell": str(CELLS[1]), "attempt": 1}),
    ]
    assert unfinished(entries) == [open_first, open_second]


def test_a_cell_is_paid_once_any_attempt_has_called() -> None:
    entries = [started(made_record(CELLS[0])), {"kind": "calling", "cell": str(CELLS[1]), "attempt": 1}]
    assert [paid(entries, str(cell)) for cell in CELLS[:3]] == [False, True, False]


@pytest.mark.parametrize(
    ("loss", "error"),
    [
        (Loss.WORKER_DIED, {"type": "WorkerLost", "message": "the worker process died"}),
        (Loss.PROCESS_GONE, {"type": "WorkerLost", "message": "the process that ran it is gone"}),
        (Loss.STOPPED, {"type": "RunStopped", "message": "the run was stopped"}),
    ],
)
def test_lost_attempt_becomes_infra_with_its_reason(loss: Loss, error: dict[str, str]) -> None:
    opening = made_record(CELLS[0], Outcome.ERROR, patch="", finished_at="", verdict=None)
    lost = lost_record(opening, loss, "2026-01-01T00:00:09.000+00:00")
    assert lost["outcome"] == "infra"
    assert lost["error"] == error
    assert lost["finished_at"] == "2026-01-01T00:00:09.000+00:00"
    assert lost.keys() == opening.keys()


def test_merge_writes_results_summary_and_predictions(layout: RunLayout) -> None:
    records = [
        made_record(CELLS[0], Outcome.RESOLVED, patch="-caf\udce9\n"),
        made_record(CELLS[1], Outcome.INFRA),
        made_record(CELLS[2], Outcome.UNRESOLVED),
        made_record(CELLS[3], Outcome.NO_PATCH, patch=""),
    ]
    keep(layout, "w1", [stored(records[3]), stored(made_record(CELLS[0], Outcome.INFRA, patch="older"))])
    keep(layout, "w2", [stored(record | {"attempt": 2}) for record in records[:3]])
    merged = merge(layout, {"gold": 2, "tdd": 3})
    assert [(cell_of(record), record["outcome"]) for record in merged.records] == [
        (CELLS[0], "resolved"),
        (CELLS[1], "infra"),
        (CELLS[2], "unresolved"),
        (CELLS[3], "no_patch"),
    ]
    assert json_lines(layout.results) == merged.records
    summaries = json.loads((layout.folder / "summary.json").read_text(encoding="utf-8"))["variants"]
    shown = [(one["variant"], one["selected"], one["attempted"], one["infra"]) for one in summaries]
    assert shown == [("gold", 2, 2, 0), ("tdd", 3, 1, 1)]
    rows = list(csv.DictReader((layout.folder / "summary.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["resolved_of_attempted"] for row in rows] == ["0.5", "0.0"]
    assert [path.name for path in (layout.folder / "predictions").iterdir()] == ["gold_run1.jsonl"]
    assert json_lines(layout.predictions("gold", 1)) == [
        {"instance_id": CELLS[0].instance_id, "model_name_or_path": "gold", "model_patch": "-caf\udce9\n"},
        {"instance_id": CELLS[2].instance_id, "model_name_or_path": "gold", "model_patch": records[2]["patch"]},
    ]


def test_merging_again_changes_nothing(layout: RunLayout) -> None:
    keep(layout, "w1", [stored(made_record(cell)) for cell in CELLS])
    merge(layout)
    files = {path: path.read_bytes() for path in layout.folder.rglob("*") if path.is_file()}
    merge(layout)
    assert {path: path.read_bytes() for path in layout.folder.rglob("*") if path.is_file()} == files


def test_damage_is_counted_and_the_rest_is_merged(layout: RunLayout) -> None:
    keep(layout, "w1", [stored(made_record(cell)) for cell in CELLS])
    path = layout.journals / "w1.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    merged = merge(layout)
    assert merged.damaged == 1
    assert [cell_of(record) for record in merged.records] == CELLS[:3]


def test_captured_answers_have_no_predictions(layout: RunLayout) -> None:
    keep(layout, "w1", [stored(made_record(CELLS[0], Outcome.CAPTURED, kind=Kind.SCENARIO))])
    merge(layout)
    assert not (layout.folder / "predictions").exists()
    (line,) = json_lines(layout.results)
    assert (line["type"], line["scenario_id"]) == ("scenario_result", CELLS[0].instance_id)


def test_reconcile_writes_only_what_is_missing(layout: RunLayout) -> None:
    reported, missing = made_record(CELLS[0]), made_record(CELLS[2])
    keep(layout, "w1", [stored(reported), stored(missing)])
    files = ResultFiles(layout, "abc1234")
    files.add({"kind": "record", "record": reported, "metadata": {"dataset": "demo"}})
    read = read_journals(layout.journals)
    files.reconcile(read, set())
    files.reconcile(read, set())
    (path,) = files.close()
    assert path == layout.root / "gold_run1_20260101_120000.jsonl"
    head, *lines = json_lines(path)
    assert (head["type"], head["dataset"], head["git_commit"]) == ("run_metadata", "demo", "abc1234")
    assert lines == [reported, missing]


def test_reconcile_leaves_out_attempts_that_were_run_again(layout: RunLayout) -> None:
    keep(layout, "w1", [stored(made_record(CELLS[0], Outcome.INFRA)), stored(made_record(CELLS[0], attempt=2))])
    line = {"variant": "mine", "rep": 1, "metadata": {}}
    for nodeid, attempt in (("t::a", 1), ("t::a", 2), ("t::b", 1), ("t::c", 1)):
        text = {"said": f"{nodeid} {attempt}"}
        keep(layout, "w1", [{"kind": "line", "nodeid": nodeid, "attempt": attempt, "line": text, **line}])
    files = ResultFiles(layout, "")
    files.reconcile(read_journals(layout.journals), {("t::a", 1), ("t::b", 1)})
    gold, mine = files.close()
    assert [record["attempt"] for record in json_lines(gold)[1:]] == [2]
    assert [found["said"] for found in json_lines(mine)[1:]] == ["t::a 2", "t::c 1"]


def test_lines_of_a_later_run_process_of_the_same_name_are_kept(layout: RunLayout) -> None:
    line = {"kind": "line", "variant": "mine", "rep": 1, "metadata": {}, "attempt": 1}
    for nodeid in ("t::a", "t::b"):
        keep(layout, "main-7", [{**line, "nodeid": nodeid, "line": {"said": nodeid}}])
    files = ResultFiles(layout, "")
    files.reconcile(read_journals(layout.journals), set())
    (path,) = files.close()
    assert [found["said"] for found in json_lines(path)[1:]] == ["t::a", "t::b"]


def test_nothing_written_is_no_file(layout: RunLayout) -> None:
    files = ResultFiles(layout, "")
    files.reconcile(JournalRead([], 0), set())
    assert files.close() == []
    assert not layout.root.exists()


def test_cell_that_died_before_it_began_is_known_from_the_plan(layout: RunLayout) -> None:
    info = RunInfo(run_id="run-1", timestamp="t", dataset="demo", provider="replay")
    metadata = run_metadata(info, Variant("tdd", "s1_tdd", "m-1", 0.2), 1, oracle=False)
    write_json(layout.folder / "plans" / "p.json", {"instances": 3, "reps": 2, "variants": {"tdd": metadata}})
    opening = opening_from_plan(layout, "test_x.py::test_swebench[acme__acme-1/tdd/r2]")
    assert opening is not None
    assert cell_of(opening) == Cell("acme__acme-1", "tdd", 2)
    assert (opening["arm"], opening["model"], opening["provider"]) == ("s1_tdd", "m-1", "replay")
    assert opening_from_plan(layout, "test_x.py::test_swebench[acme__acme-1/gold/r2]") is None
    assert opening_from_plan(layout, "test_x.py::test_other") is None
    keep(layout, "w1", [stored(made_record(Cell("acme__acme-1", "tdd", 1)))])
    assert [summary.selected for summary in merge(layout).summaries] == [6]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), OUTCOMES), max_size=30), st.integers(0, 40))
def test_rates_have_honest_denominators(cells: list[tuple[str, Outcome]], selected: int) -> None:
    records = [made_record(Cell(f"i-{n}", variant, 1), outcome) for n, (variant, outcome) in enumerate(cells)]
    summaries = summarise(records, {"a": selected})
    assert [one.variant for one in summaries] == sorted({"a"} | {variant for variant, _ in cells})
    for one in summaries:
        mine = [outcome for variant, outcome in cells if variant == one.variant]
        broken = sum(outcome in {Outcome.INFRA, Outcome.ERROR} for outcome in mine)
        resolved, captured = mine.count(Outcome.RESOLVED), mine.count(Outcome.CAPTURED)
        assert one.attempted == len(mine) - broken - captured
        assert one.graded == sum(outcome.graded for outcome in mine)
        assert one.broken == broken
        assert one.selected >= len(mine)
        unjudged = captured > 0 and not one.graded  # patches are there, and nobody graded one
        assert one.rate_of_attempted == (resolved / one.attempted if one.attempted and not unjudged else None)
        assert one.rate_of_graded == (resolved / one.graded if one.graded else None)
        done = one.attempted + (captured if unjudged else 0)
        assert one.coverage == (done / one.selected if one.selected else None)


def test_unknown_price_makes_the_sum_unknown() -> None:
    records = [made_record(CELLS[0], cost_usd=0.5), made_record(CELLS[2], cost_usd=None), made_record(CELLS[1])]
    assert [one.cost_usd for one in summarise(records, {})] == [None, 0.25]


def test_tokens_count_what_a_cache_gave() -> None:
    (summary,) = summarise([made_record(CELLS[0])], {})
    assert (summary.input_tokens, summary.output_tokens) == (1050, 200)
    assert summary_csv([], analyse([])) == ""


def test_files_appear_whole_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.txt"
    write_whole(path, "caf\udce9")
    write_whole(path, "second")
    assert path.read_text(encoding="utf-8") == "second"
    assert [entry.name for entry in path.parent.iterdir()] == ["x.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_undecodable_bytes_come_back_and_half_a_pair_is_told(tmp_path: Path) -> None:
    write_whole(tmp_path / "x.txt", "caf\udce9 \ud83d!")
    assert (tmp_path / "x.txt").read_bytes() == b"caf\xe9 \\ud83d!"


def test_what_an_attempt_left_is_set_aside_and_numbered_files_stay(tmp_path: Path) -> None:
    set_aside(tmp_path / "none", 1)
    for name in ("patch.diff", "record.attempt1.json", "eval.sh"):
        (tmp_path / name).write_text(name)
    set_aside(tmp_path, 1)
    (tmp_path / "patch.diff").write_text("second")
    set_aside(tmp_path, 2)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["attempt1/eval.sh", "attempt1/patch.diff", "attempt2/patch.diff", "record.attempt1.json"]


def test_result_file_of_this_run_refuses_late_metadata(layout: RunLayout) -> None:
    files = ResultFiles(layout, "")
    files.add({"kind": "record", "record": made_record(CELLS[0])})
    with pytest.raises(RecordError, match="before the first result"):
        files.pool.get("gold", 1).write_metadata(late=1)
    assert len(files.close()) == 1
