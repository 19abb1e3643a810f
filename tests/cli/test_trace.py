"""`swebench-runner trace`: a cell found, chosen among several, and its story told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from pytest_swebench.cell import Cell
from pytest_swebench.cli.command import run
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import EventType, TraceEvent
from pytest_swebench.records.tracewriter import TraceWriter
from pytest_swebench.redact import Redactor
from tests.support.made import made_record
from tests.support.runs import BARE
from tests.support.screen import film
from tests.support.traced import go_back_once, started
from tests.test_project import python_block

CALC = Cell("calc__calc-1", "s1_tdd", 1)
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def results(places: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results of a person who works in its parent."""
    monkeypatch.chdir(places)
    monkeypatch.setenv("COLUMNS", "100")
    return places / "results"


def begin(results: Path, cell: Cell, run_id: str = "run-1", attempt: int = 1) -> Journal:
    journal = Journal(results / run_id / "journal" / "main.jsonl", Redactor())
    journal.append("started", cell=str(cell), record=made_record(cell, attempt=attempt))
    return journal


def record(results: Path, cell: Cell, outcome: Outcome = Outcome.RESOLVED, run_id: str = "run-1") -> None:
    journal = begin(results, cell, run_id)
    journal.append("record", cell=str(cell), record=made_record(cell, outcome))
    journal.close()


def trace_of(results: Path, cell: Cell = CALC) -> TraceWriter:
    return TraceWriter(RunLayout(results, "run-1", ""), cell, 1, "s1_tdd", Redactor())


def test_only_cell_of_an_instance_is_told(results: Path, capsys: Captured, snapshot: SnapshotAssertion) -> None:
    record(results, CALC, Outcome.UNRESOLVED)
    go_back_once(trace_of(results))
    assert run(["trace", "calc__calc-1"]) == 0
    assert capsys.readouterr().out == snapshot


def test_several_cells_are_listed_with_what_chooses_one(
    results: Path, capsys: Captured, snapshot: SnapshotAssertion
) -> None:
    for cell in (CALC, Cell("calc__calc-1", "agent", 1), Cell("calc__calc-2", "agent", 1)):
        record(results, cell)
    begin(results, Cell("calc__calc-1", "agent", 2)).close()
    assert run(["trace", "calc__calc-1"]) == 0
    assert capsys.readouterr().out == snapshot
    assert run(["trace", "calc__calc-1", "--results=results"]) == 0
    (typed,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert run(typed[1:]) == 0
    assert capsys.readouterr().out.startswith("calc__calc-1/agent/r1   run run-1\n")
    assert run(["trace", "calc__calc-1", "--variant", "agent", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == {
        "cells": [
            {"cell": "calc__calc-1/agent/r1", "outcome": "resolved"},
            {"cell": "calc__calc-1/agent/r2", "outcome": "no record yet"},
        ]
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["calc__calc-1", "--variant", "s1_tdd"],
        ["calc__calc-1/s1_tdd/r1"],
        ["calc__calc-1", "--variant=s1_tdd", "--rep=1", "--run=run-1", "--results=results"],
    ],
)
def test_one_cell_is_chosen(results: Path, capsys: Captured, arguments: list[str]) -> None:
    for cell in (CALC, Cell("calc__calc-1", "agent", 1)):
        record(results, cell)
    assert run(["trace", *arguments]) == 0
    assert capsys.readouterr().out.startswith("calc__calc-1/s1_tdd/r1   run run-1\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["calc__calc-3"], "unknown instance 'calc__calc-3'; did you mean 'calc__calc-1'? known: calc__calc-1"),
        (["calc__calc-1", "--variant", "s1_td"], "--variant: unknown variant 's1_td'; did you mean 's1_tdd'?"),
        (["calc__calc-1", "--rep", "7"], "--rep 7: unknown repetition; known: 1, 2, 3"),
        (["calc__calc-1", "--run", "run-9"], "--run=run-9: unknown run 'run-9'; did you mean 'run-1'? known: run-1"),
        (["calc__calc-1/s1_tdd_b/r4"], "--rep 4: unknown repetition; known: 2"),
        (["calc-1", "--run", "run-1"], "'calc-1' is part of 2 instance ids: calc__calc-1, calc__calc-12"),
        (["calc__calc-1", "--results", "empty"], "there is no run in "),
    ],
)
def test_what_is_not_there_is_named(results: Path, capsys: Captured, arguments: list[str], said: str) -> None:
    cells = [Cell("calc__calc-1", "s1_tdd", 1), Cell("calc__calc-1", "s1_tdd", 3), Cell("calc__calc-1", "s1_tdd_b", 2)]
    for cell in cells:
        record(results, cell)
    if "calc-1" in arguments:
        record(results, Cell("calc__calc-12", "s1_tdd", 1))
    assert run(["trace", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_of_many_instances_the_nearest_are_named(results: Path, capsys: Captured) -> None:
    for number in range(10, 25):
        record(results, Cell(f"calc__calc-{number}", "s1_tdd", 1))
    assert run(["trace", "calc__calc-251"]) == 1
    said = capsys.readouterr().err
    assert "did you mean 'calc__calc-2" in said
    assert said.count("calc__calc-") == 12
    assert said.endswith("(the nearest of 15)\n")


def test_latest_run_that_has_the_instance_is_meant(results: Path, capsys: Captured) -> None:
    for number, run_id in enumerate(("old", "run-1", "other")):
        record(results, Cell("calc__calc-2", "agent", 1) if run_id == "other" else CALC, run_id=run_id)
        os.utime(results / run_id / "journal" / "main.jsonl", (number, number))
    (results / "cache").mkdir()
    assert run(["trace", "calc__calc-1"]) == 0
    assert capsys.readouterr().out.startswith("calc__calc-1/s1_tdd/r1   run run-1\n")


def test_part_of_an_instance_id_is_enough_and_a_whole_one_goes_first(results: Path, capsys: Captured) -> None:
    for number, (instance, run_id) in enumerate((("calc__calc-1", "old"), ("calc__calc-12", "run-1"))):
        record(results, Cell(instance, "s1_tdd", 1), run_id=run_id)
        os.utime(results / run_id / "journal" / "main.jsonl", (number, number))
    for given, meant in (
        ("calc-12", "calc__calc-12"),
        ("calc__calc-1", "calc__calc-1"),
        ("12/s1_tdd/r1", "calc__calc-12"),
    ):
        assert run(["trace", given]) == 0
        assert capsys.readouterr().out.startswith(f"{meant}/s1_tdd/r1   run ")


def test_cell_at_work_is_told_as_far_as_it_is(results: Path, capsys: Captured) -> None:
    record(results, CALC, Outcome.INFRA)
    begin(results, CALC, attempt=2).close()
    started(trace_of(results), "ap_analysis")
    assert run(["trace", "calc__calc-1"]) == 0
    told = capsys.readouterr().out
    assert "ap_analysis - not ended, 0 answers" in told
    assert "no record yet: still at work, or cut short" in told


def test_story_as_json_holds_everything(results: Path, capsys: Captured) -> None:
    record(results, CALC)
    go_back_once(trace_of(results))
    assert run(["trace", "calc__calc-1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["result"]
    assert set(told) == {"run_id", "cell", "record", "traces", "artifacts", "conversation"}
    assert len(told["artifacts"]) == 5
    assert told["record"]["outcome"] == "resolved"


@pytest.mark.parametrize(("columns", "no_colour"), [(60, False), (120, True)])
def test_terminal_shows_a_tree_of_its_width(results: Path, columns: int, no_colour: bool) -> None:
    record(results, CALC, Outcome.UNRESOLVED)
    go_back_once(trace_of(results))
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {"TERM": "xterm", **({"NO_COLOR": "1"} if no_colour else {})}
    command = [sys.executable, "-m", "pytest_swebench", "trace", "calc__calc-1"]
    seen = film(command, results.parent, env, columns=columns, rows=60)
    assert seen.returncode == 0
    lines = seen.screen.text.splitlines()
    assert "│   ├── ap_gen_test - went back, 2 answers" in lines
    assert max(map(len, lines)) <= columns
    wrapped = [line for line in lines if "stagnation at test_red: Error" in line]
    assert bool(wrapped) is (columns == 120)
    assert any(colour.endswith("33") for colour in seen.screen.colours) is not no_colour


@pytest.mark.parametrize(("rows", "paged"), [(10, True), (60, False)])
def test_story_longer_than_the_terminal_is_shown_page_by_page(results: Path, rows: int, paged: bool) -> None:
    record(results, CALC, Outcome.UNRESOLVED)
    go_back_once(trace_of(results))
    env = {**os.environ, "TERM": "xterm", "PAGER": "sed s/^/PAGED:/"}
    command = [sys.executable, "-m", "pytest_swebench", "trace", "calc__calc-1"]
    seen = film(command, results.parent, env, columns=100, rows=rows)
    assert ("PAGED:" in seen.screen.text) is paged
    assert "outcome: unresolved" in seen.screen.text


def test_what_the_documentation_reads_from_python_is_there(results: Path, capsys: Captured) -> None:
    code = python_block(Path(__file__).parents[2] / "docs" / "traces.md")
    run_id, cell = "20260101_120000-1a2b3c", Cell("django__django-11099", "s1_tdd", 1)
    record(results, cell, run_id=run_id)
    go_back_once(TraceWriter(RunLayout(results, run_id, ""), cell, 1, "s1_tdd", Redactor()))
    exec(compile(code, "traces.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [
        "s1_tdd 23 events",
        "5 artifacts",
        "0 messages",
        "ap_gen_test back to ap_analysis",
    ]


def test_terminal_that_knows_few_characters_shows_what_it_can(results: Path) -> None:
    record(results, CALC)
    trace_of(results).event(TraceEvent(type=EventType.NOTE, step="", summary="gr\u00f6\u00dfer"))
    command = [sys.executable, "-m", "pytest_swebench", "trace", "calc__calc-1"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=results.parent, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert "gr\\xf6\\xdfer" in done.stdout


ARM = """
import pytest
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.records.trace import Artifact, EventType, GuardVerdict, Status, TraceEvent


class Careful:
    name, version, paid, oracle = "careful", "1", False, False

    def check(self, instances):
        return

    def solve(self, context):
        trace = context.trace("plan")
        trace.event(TraceEvent(type=EventType.STEP_START, step="think"))
        trace.event(TraceEvent(type=EventType.ATTEMPT, step="think", attempt=1, summary="a thought"))
        trace.event(TraceEvent(type=EventType.GUARD, step="think", guard="sense", verdict=GuardVerdict.FAIL,
                               attempt=1, summary="it makes none"))
        trace.artifact(Artifact(artifact_id="abcd", step="think", attempt=1, content="a thought",
                                status=Status.REJECTED))
        trace.event(TraceEvent(type=EventType.STEP_FAIL, step="think", summary="no more thoughts"))
        return Solution(failed_step="think", failed_guard="sense")


def pytest_swebench_arms():
    return [Careful()]
"""


def test_arm_of_a_conftest_is_told_from_a_real_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", BARE)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    pytester.makeconftest(ARM)
    options = ("--dataset=demo", "--arms=careful", "--instances=tinyconf-5", "--outcome=capture")
    pytester.runpytest_subprocess("-m", "experiment", *options, timeout=120).assert_outcomes(passed=1)
    command = [sys.executable, "-m", "pytest_swebench", "trace", "tinyconf__tinyconf-5"]
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, timeout=60, check=True)
    told = done.stdout.splitlines()
    assert told[0].startswith("tinyconf__tinyconf-5/careful/r1   run ")
    assert told[1:6] == [
        "├── plan",
        "│   └── think - failed, 1 answer",
        "│       ├── attempt 1: a thought",
        "│       │   └── FAIL sense: it makes none",
        "│       └── no more thoughts",
    ]
    assert "└── outcome: no_patch" in told
    assert "    ├── failed in step think, because of: sense" in told
