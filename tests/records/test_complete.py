"""Whether a run is complete: each thing that can be lacking is found and named, in a run that was whole before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.datasets.manifest import resolve_once
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.records.complete import Completeness, Lack, check_run, is_empty
from pytest_swebench.records.decision import keep_left
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.results import ResultFiles
from pytest_swebench.records.settle import settle
from pytest_swebench.redact import Redactor
from tests.support.made import made_instance, made_record

INSTANCES = ("a__a-1", "b__b-2", "c__c-3")
VARIANTS = ("gold", "singleshot")
REPS = 2
Damage = Callable[[RunLayout], None]


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """A run of 2 variants, 3 instances and 2 repetitions, settled as a controller does it."""
    layout = RunLayout(tmp_path, "run-1", "20260102_030405")
    resolve_once(layout.folder / "manifests", "m", lambda: [made_instance(name) for name in INSTANCES])
    variants = {name: {"variant": name, "arm": name, "model": ""} for name in VARIANTS}
    plan = {"instances": len(INSTANCES), "reps": REPS, "manifest": "manifests/m.jsonl", "variants": variants}
    write_json(layout.folder / "plans" / "one.json", plan)
    journal = Journal(layout.journals / "main-1.jsonl", Redactor())
    for name in INSTANCES:
        for variant in VARIANTS:
            for rep in range(1, REPS + 1):
                add(journal, Cell(name, variant, rep))
    journal.close()
    settled(layout)
    return layout


def add(journal: Journal, cell: Cell, outcome: Outcome = Outcome.RESOLVED, **fields: Any) -> None:
    record = made_record(cell, outcome, variant=Variant(cell.variant, cell.variant), **fields)
    journal.append("started", cell=str(cell), record=record)
    journal.append("record", cell=str(cell), record=record)


def settled(layout: RunLayout) -> None:
    files = ResultFiles(layout, "")
    settle(files)
    files.close()


def lacks(found: Completeness) -> list[tuple[Lack, str]]:
    return [(problem.lack, problem.where) for problem in found.problems]


def test_whole_run_lacks_nothing(run: RunLayout) -> None:
    found = check_run(run)
    assert found.problems == ()
    assert (found.cells, found.files) == (12, 1 + 4 + 1 + 2 + 4)  # journal, variants, results, summaries, predictions


def test_cells_without_a_record_are_named(run: RunLayout) -> None:
    lines = [line for line in (run.journals / "main-1.jsonl").read_bytes().splitlines(keepends=True)]
    (run.journals / "main-1.jsonl").write_bytes(b"".join(line for line in lines if b"c__c-3/gold/r2" not in line))
    settled(run)
    assert (Lack.MISSING, "c__c-3/gold/r2") in lacks(check_run(run))


def test_where_only_a_number_was_selected_the_number_is_told(run: RunLayout) -> None:
    write_json(run.folder / "selected.json", {"gold": 5, "singleshot": 6})
    lines = [line for line in (run.journals / "main-1.jsonl").read_bytes().splitlines(keepends=True)]
    kept = [line for line in lines if b"c__c-3/gold" not in line]
    (run.journals / "main-1.jsonl").write_bytes(b"".join(kept))
    (problem,) = [one for one in check_run(run).problems if one.where == "gold"]
    assert str(problem) == "missing: gold: 1 of 5 selected cells have no record"


def test_cells_that_a_resumed_run_was_asked_for_are_named(run: RunLayout) -> None:
    write_json(run.folder / "asked.json", {"a__a-1/gold/r1": 1, "a__a-1/gold/r2": 2, "d__d-4/gold/r1": 1})
    found = [where for lack, where in lacks(check_run(run)) if lack is Lack.MISSING]
    assert found[:2] == ["a__a-1/gold/r2", "d__d-4/gold/r1"]


def test_cells_that_a_decided_gate_left_out_are_counted_and_not_missed(run: RunLayout) -> None:
    write_json(run.folder / "selected.json", {"gold": 7, "singleshot": 7})
    left = Cell("d__d-4", "gold", 1), Cell("d__d-4", "singleshot", 1)
    assert check_run(run).problems != ()
    keep_left(run, [*left, Cell("a__a-1", "gold", 1)])  # the last one was cut off, and has a record of that
    found = check_run(run)
    assert (found.problems, found.cells, found.left_by_gate) == ((), 12, 2)
    write_json(run.folder / "asked.json", {str(cell): 1 for cell in [*left, Cell("e__e-5", "gold", 1)]})
    assert (Lack.MISSING, "e__e-5/gold/r1") in lacks(check_run(run))
    assert (Lack.MISSING, "d__d-4/gold/r1") not in lacks(check_run(run))
    (run.folder / "left_by_gate.json").write_text("[")
    assert lacks(check_run(run)) == [(Lack.TORN, str(run.folder / "left_by_gate.json"))]


@pytest.mark.parametrize(
    ("outcome", "fields", "told"),
    [
        (Outcome.INFRA, {"error": {"type": "ProviderError", "message": "HTTP 503\nagain"}}, "infra: HTTP 503 again"),
        (Outcome.ERROR, {"notes": "a fault"}, "error: a fault"),
        (Outcome.LIMIT, {"cap": "run", "stop": Stop.COST}, "limit: a cap cut it short"),
    ],
)
def test_records_that_are_not_final_are_named_with_their_reason(
    run: RunLayout, outcome: Outcome, fields: dict[str, Any], told: str
) -> None:
    journal = Journal(run.journals / "main-2.jsonl", Redactor())
    add(journal, Cell("a__a-1", "gold", 1), outcome, attempt=2, **fields)
    journal.close()
    settled(run)
    (problem,) = check_run(run).problems
    assert str(problem) == f"not final: a__a-1/gold/r1: {told}"


def test_record_without_any_content_is_empty(run: RunLayout) -> None:
    journal = Journal(run.journals / "main-2.jsonl", Redactor())
    add(journal, Cell("a__a-1", "gold", 1), Outcome.NO_PATCH, attempt=2, patch="")
    journal.close()
    settled(run)
    assert lacks(check_run(run)) == [(Lack.EMPTY, "a__a-1/gold/r1")]


@pytest.mark.parametrize(
    ("fields", "empty"),
    [
        ({"kind": Kind.SCENARIO, "patch": ""}, True),
        ({"kind": Kind.SCENARIO, "patch": "", "response_text": "words"}, False),
        ({"kind": Kind.SCENARIO, "patch": "", "tool_calls": ({"name": "look", "args": {}},)}, False),
        ({"patch": ""}, True),
        ({"patch": "", "stop": Stop.SUBMITTED}, True),
        ({"patch": "", "stop": Stop.TIME}, False),
        ({"patch": "", "failed_guard": "patch"}, False),
        ({"patch": "", "notes": "the answer holds no edit"}, False),
        ({"patch": "diff"}, False),
    ],
)
def test_a_word_a_call_a_patch_or_a_reason_makes_an_answer(fields: dict[str, Any], empty: bool) -> None:
    assert is_empty(made_record(Cell("a", "gold", 1), Outcome.NO_PATCH, **fields)) is empty


def append(name: str, content: bytes) -> Damage:
    def damage(layout: RunLayout) -> None:
        (path,) = layout.root.glob(name)
        path.write_bytes(path.read_bytes() + content)

    return damage


def replace(name: str, content: bytes | None) -> Damage:
    def damage(layout: RunLayout) -> None:
        (path,) = layout.root.glob(name)
        path.unlink() if content is None else path.write_bytes(content)

    return damage


def drop_last_line(name: str) -> Damage:
    def damage(layout: RunLayout) -> None:
        (path,) = layout.root.glob(name)
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))

    return damage


def repeat_last_line(name: str) -> Damage:
    def damage(layout: RunLayout) -> None:
        (path,) = layout.root.glob(name)
        path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])

    return damage


@pytest.mark.parametrize(
    ("damage", "lack", "where", "what"),
    [
        (append("run-1/journal/main-1.jsonl", b'{"kind":"rec'), Lack.TORN, "main-1.jsonl", "1 of 25 lines are damaged"),
        (append("run-1/results.jsonl", b'{"a"'), Lack.TORN, "results.jsonl:13", "is not a whole line of JSON"),
        (append("gold_run1_*.jsonl", b"{}"), Lack.TORN, ".jsonl:5", "is not a whole line of JSON"),
        (append("run-1/predictions/gold_run1.jsonl", b"["), Lack.TORN, "gold_run1.jsonl:4", "is not a whole line"),
        (replace("run-1/summary.json", b"{"), Lack.TORN, "summary.json", "is not JSON"),
        (replace("run-1/plans/one.json", b"{"), Lack.TORN, "one.json", "is not JSON"),
        (replace("run-1/manifests/m.json", b"{"), Lack.TORN, "manifests", "m.json"),
        (replace("run-1/results.jsonl", None), Lack.MISSING, "results.jsonl", "merge"),
        (drop_last_line("run-1/results.jsonl"), Lack.DIFFERS, "results.jsonl", "is not what the journals say"),
        (drop_last_line("gold_run1_*.jsonl"), Lack.MISSING, "gold_run1", "no line for 1 records, e.g. c__c-3"),
        (replace("gold_run1_*.jsonl", None), Lack.MISSING, "gold_run1", "no line for 3 records"),
        (repeat_last_line("gold_run1_*.jsonl"), Lack.DIFFERS, "c__c-3/gold/r1", "attempt 1 stands twice"),
    ],
)
def test_damage_to_a_file_is_named(run: RunLayout, damage: Damage, lack: Lack, where: str, what: str) -> None:
    damage(run)
    assert any(
        problem.lack is lack and problem.where.endswith(where) and what in problem.what
        for problem in check_run(run).problems
    )


def test_lines_of_a_test_s_own_writer_are_held_to_the_same(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path, "run-1", "20260102_030405")
    journal = Journal(layout.journals / "main-1.jsonl", Redactor())
    journal.append("line", nodeid="test_it.py::test_it[one/plain/r1]", attempt=1)
    journal.close()
    write_json(layout.folder / "results.jsonl", "")
    (layout.folder / "results.jsonl").write_text("")
    for rep, lines in ((1, [("one", "words"), ("two", "")]), (2, [("one", "words")])):
        head = {"type": "run_metadata", "run_id": "run-1", "variant": "plain", "rep": rep}
        said = [{"type": "scenario_result", "scenario_id": name, "response_text": text} for name, text in lines]
        text = "".join(f"{json.dumps(line)}\n" for line in [head, *said])
        (tmp_path / f"plain_run{rep}_20260102_030405.jsonl").write_text(text)
    empty, missing = check_run(layout).problems
    assert (empty.lack, empty.where.rpartition(": ")[2]) == (Lack.EMPTY, "two")
    assert str(missing) == "missing: plain_run2: has no line for 1 of 2 scenarios, e.g. two"
