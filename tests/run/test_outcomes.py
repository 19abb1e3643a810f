"""Cells run from start to end: real sandboxes, real grading, recorded answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem
from pytest_swebench.errors import ReplayMiss
from pytest_swebench.events import CellFinished, CellStarted, PhaseStarted, ProviderCalled
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.results import paid, unfinished
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.spec import DEMO_MODEL
from tests.run.bench import INSTANCES, NAME, Bench, OwnArm

VARYING = {"run_id", "started_at", "finished_at", "wall_time_seconds", "host"}


def test_gold_is_resolved_and_everything_of_it_is_stored(bench: Bench) -> None:
    result = bench.run("gold")
    record = result.record
    assert (result.outcome, result.error, record["resolved"]) == (Outcome.RESOLVED, None, True)
    assert (record["stop"], record["oracle"], record["calls"], record["cost_usd"]) == ("submitted", True, 0, 0.0)
    assert record["provider"] == ""
    assert record["patch"] == INSTANCES[NAME].hidden.gold_patch
    assert record["verdict"]["applied_with"].startswith("git apply")
    assert set(record["wall_time_seconds"]) == {"solve", "grade", "total"}
    folder = bench.cell_folder("gold")
    assert {path.name for path in folder.iterdir()} == {
        *("apply.log", "eval.sh", "patch.diff", "record.attempt1.json", "report.json", "solved.json", "test_output.txt")
    }
    assert json.loads((folder / "record.attempt1.json").read_text(encoding="utf-8")) == record
    assert [entry["kind"] for entry in bench.entries()] == ["started", "solved", "record"]
    assert bench.entries()[-1]["record"] == record
    assert unfinished(bench.entries()) == []


def test_null_is_unresolved_with_its_tests_counted(bench: Bench) -> None:
    result = bench.run("null")
    hidden = INSTANCES[NAME].hidden
    assert result.outcome is Outcome.UNRESOLVED
    assert result.record["resolved"] is False
    failed, kept = len(hidden.fail_to_pass), len(hidden.pass_to_pass)
    assert result.record["notes"] == f"FAIL_TO_PASS 0/{failed}, PASS_TO_PASS {kept}/{kept}"
    assert result.record["oracle"] is False


@pytest.mark.parametrize(
    ("name", "rep", "outcome", "stop", "notes"),
    [
        ("ledgerlib__ledgerlib-12", 1, Outcome.RESOLVED, "submitted", ""),
        ("ledgerlib__ledgerlib-12", 2, Outcome.UNRESOLVED, "submitted", "FAIL_TO_PASS"),
        ("spanlib__spanlib-3", 1, Outcome.NO_PATCH, "submitted", "the answer holds no edit"),
        ("spanlib__spanlib-14", 3, Outcome.NO_PATCH, "submitted", "the SEARCH text is not in the file"),
        ("tinyconf__tinyconf-16", 1, Outcome.NO_PATCH, "submitted", "invalid patch, "),
        ("tinyconf__tinyconf-13", 1, Outcome.LIMIT, "answer_cut", "the answer holds no edit"),
    ],
)
def test_recorded_answers_lead_where_they_should(
    bench: Bench, name: str, rep: int, outcome: Outcome, stop: str, notes: str
) -> None:
    result = bench.run("singleshot", name, rep=rep)
    assert (result.outcome, result.record["stop"]) == (outcome, stop)
    assert notes in result.record["notes"]
    assert result.record["calls"] == 1
    assert result.record["tokens"]["input"] > 0
    assert result.record["per_step_tokens"] == {
        "ap_singleshot": result.record["tokens"]["input"] + result.record["tokens"]["output"]
    }


def test_paid_cell_is_seen_from_outside_in_order(bench: Bench) -> None:
    result = bench.run("singleshot", "ledgerlib__ledgerlib-12")
    assert [type(event) for event in bench.events] == [
        CellStarted,
        *[PhaseStarted] * 3,
        ProviderCalled,
        *[PhaseStarted] * 2,
        CellFinished,
    ]
    assert bench.phases() == ["solve", "sandbox", "solve", "grade", "record"]
    started, finished = bench.events[0], bench.events[-1]
    assert isinstance(started, CellStarted)
    assert isinstance(finished, CellFinished)
    assert started.inputs == {
        "run_id": "run-1",
        "variant": "singleshot",
        "rep": 1,
        "arm": "singleshot",
        "model": DEMO_MODEL,
        "instance_id": "ledgerlib__ledgerlib-12",
    }
    assert finished.record == result.record
    assert [entry["kind"] for entry in bench.entries()] == ["started", "calling", "solved", "record"]
    assert paid(bench.entries(), str(started.cell))
    transcript = bench.layout.cell_folder(started.cell) / "transcript.jsonl"
    (exchange,) = map(json.loads, transcript.read_text(encoding="utf-8").splitlines())
    assert exchange["answer"]["text"] == result.record["response_text"]


def test_unanswered_request_is_an_error_that_names_the_difference(bench: Bench) -> None:
    problem = dataclasses.replace(INSTANCES[NAME].problem, statement="Something else is wrong in tinyconf/parser.py.")
    bench.instances[NAME] = dataclasses.replace(INSTANCES[NAME], problem=problem)
    result = bench.run("singleshot")
    assert result.outcome is Outcome.ERROR
    assert isinstance(result.error, ReplayMiss)
    assert result.record["error"]["type"] == "ReplayMiss"
    assert "no recording for request" in result.record["error"]["message"]


def test_scenario_is_captured_and_not_graded(bench: Bench) -> None:
    scenario = Instance(problem=Problem(instance_id="s-1", statement="Say hello."), kind=Kind.SCENARIO)
    bench.instances["s-1"] = scenario
    call = {"name": "greet", "arguments": {"who": "you"}}
    result = bench.run(OwnArm(lambda context: Solution(response_text="hello", tool_calls=(call,))), "s-1")
    assert result.outcome is Outcome.CAPTURED
    assert (result.record["type"], result.record["scenario_id"]) == ("scenario_result", "s-1")
    assert (result.record["resolved"], result.record["verdict"]) == (None, None)
    assert result.record["tool_calls"] == [call]
    assert bench.phases() == ["solve", "record"]


def test_only_oracles_see_what_is_hidden(bench: Bench) -> None:
    blind, oracle = OwnArm(lambda context: Solution()), OwnArm(lambda context: Solution(), oracle=True)
    bench.run(blind)
    bench.run(oracle)
    assert blind.seen is not None
    assert (blind.seen.hidden, blind.seen.evaluate) == (None, None)
    assert oracle.seen is not None
    assert isinstance(oracle.seen.hidden, Hidden)
    assert oracle.seen.evaluate is not None
    shown = repr(dataclasses.replace(blind.seen, folder=Path()))
    assert not any(test in shown for test in INSTANCES[NAME].hidden.fail_to_pass)


def test_oracle_can_have_a_patch_graded_while_it_works(bench: Bench) -> None:
    def work(context: SolveContext) -> Solution:
        assert context.evaluate is not None
        assert context.hidden is not None
        verdict = context.evaluate(context.hidden.gold_patch).verdict
        return Solution(notes=f"resolved: {verdict.resolved}")

    result = bench.run(OwnArm(work, oracle=True))
    assert (result.outcome, result.record["notes"]) == (Outcome.NO_PATCH, "resolved: True")


@pytest.mark.parametrize("patch", ["", "\n  \n"])
def test_arm_that_leaves_nothing_opens_nothing(bench: Bench, patch: str) -> None:
    result = bench.run(OwnArm(lambda context: Solution(patch=patch, notes="no idea")))
    assert (result.outcome, result.record["notes"]) == (Outcome.NO_PATCH, "no idea")
    assert bench.phases() == ["solve", "record"]


def test_arm_that_leaves_nothing_and_says_nothing_is_given_a_reason(bench: Bench) -> None:
    assert bench.run(OwnArm(lambda context: Solution())).record["notes"] == "the arm left no patch"


def test_patch_that_is_no_diff_is_graded_and_said_to_be_none(bench: Bench) -> None:
    result = bench.run(OwnArm(lambda context: Solution(patch="I would change the function.\n", notes="done")))
    assert result.outcome is Outcome.UNRESOLVED  # as the official rules have it
    assert result.record["notes"] == (
        "done; the patch is no diff at all: no unified diff, it begins 'I would change the function.'; "
        "patch_apply_failed"
    )


def test_sandbox_is_one_a_cell_and_gone_afterwards(bench: Bench) -> None:
    workdirs: list[str] = []

    def work(context: SolveContext) -> Solution:
        workdirs.extend(context.sandbox().workdir for _ in range(2))
        return Solution()

    bench.run(OwnArm(work))
    assert len(set(workdirs)) == 1
    assert not Path(workdirs[0]).exists()


@pytest.mark.parametrize("arm", ["gold", "singleshot"])
def test_same_inputs_give_the_same_record(tmp_path: Path, backend: LocalBackend, arm: str) -> None:
    first, second = (
        Bench(tmp_path / run_id, backend, run_id=run_id).run(arm, "ledgerlib__ledgerlib-12").record
        for run_id in ("run-1", "run-2")
    )
    assert {name for name in first if first[name] != second[name]} <= VARYING
    assert first["key"] == second["key"]
