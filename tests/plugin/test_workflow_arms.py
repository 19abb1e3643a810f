"""Workflow arms as items of real runs: over a wire, traced, recorded and played again, and on real instances."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.cell import Cell
from pytest_swebench.records.dag import read_dag
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import EventType, GuardVerdict
from pytest_swebench.records.tracereader import load_trace_escalations, read_trace
from pytest_swebench.reporting.errors.writing import analyze_final_errors
from tests.arms.workflows.answers import BAD, GOOD, key_of
from tests.arms.workflows.playing import NAME
from tests.arms.workflows.real import FEW, answers_for
from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer, ScriptedAnswer, prompt_text
from tests.support.runs import asking, lines

WORKFLOWS = [name for name in ArmRegistry().names() if name.startswith(("s1_", "adaptive"))]
SAME = ("patch", "outcome", "verdict", "tokens", "stop", "notes")
ALSO_SAME = ("per_step_tokens", "retry_count", "failed_step", "failed_guard")
USAGE = {"input": 100, "output": 20}


def schema_in(body: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a request asks for, in either format."""
    asked = body.get("response_format", {}).get("json_schema") or body["output_config"]["format"]
    schema: dict[str, Any] = asked["schema"]
    return schema


def right(body: dict[str, Any]) -> ScriptedAnswer:
    return ScriptedAnswer(text=json.dumps(GOOD[key_of(schema_in(body))]), usage=USAGE)


def mended(body: dict[str, Any]) -> ScriptedAnswer:
    """Answer rightly, but for each first patch."""
    key = key_of(schema_in(body))
    first = key == "patch" and len(body["messages"]) < 3
    return ScriptedAnswer(text=json.dumps((BAD if first else GOOD)[key]), usage=USAGE)


def demo(server: LLMServer, wire: str, *arms: str) -> tuple[str, ...]:
    url = server.anthropic_url if wire == "anthropic" else server.openai_url
    return (
        *("-m", "experiment", "--dataset=demo", f"--instance-ids={NAME}", f"--arms={','.join(arms)}"),
        *(*asking(url, provider=wire), "--outcome=capture"),
    )


def by_arm(folder: Path) -> dict[str, dict[str, Any]]:
    return {record["variant"]: record for record in records(folder)}


def layout(folder: Path) -> RunLayout:
    (path,) = (folder / "results").glob("*/results.jsonl")
    return RunLayout(folder / "results", path.parent.name, "20260101_120000")


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_arms_are_graded_traced_and_marked(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    with LLMServer(mended) as server:
        result = run(*demo(server, wire, "s1_tdd", "s1_direct", "s1_tdd_verified"))
        assert len(server.requests) == 4 + 3 + 4
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["s1_tdd..rified[*] *", "[*] oracle: sees hidden tests*", "* s1_tdd_verified[*]"])
    assert "s1_direct*" not in result.stdout.str()
    found = by_arm(pytester.path)
    assert {arm: (record["outcome"], record["oracle"]) for arm, record in found.items()} == {
        "s1_tdd": ("resolved", False),
        "s1_direct": ("resolved", False),
        "s1_tdd_verified": ("resolved", True),
    }
    assert {record["retry_count"] for record in found.values()} == {1}
    assert found["s1_tdd"]["per_step_tokens"] == {"ap_analysis": 120, "ap_gen_test": 120, "ap_gen_fix": 240}
    assert found["s1_tdd"]["tokens"]["input"] == 400
    for arm, last in (("s1_tdd", "ap_gen_fix"), ("s1_direct", "ap_patch"), ("s1_tdd_verified", "ap_gen_patch")):
        events = [one.event for one in read_trace(layout(pytester.path).trace(Cell(NAME, arm, 1), arm, 1))]
        assert [event.step for event in events if event.verdict is GuardVerdict.FAIL] == [last]
        assert (events[-1].type, events[-1].step) == (EventType.STEP_PASS, last)


def test_step_back_is_on_disk(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    wrong = iter([BAD["patch"]] * 3)

    def answer(body: dict[str, Any]) -> ScriptedAnswer:
        key = key_of(schema_in(body))
        right_one = GOOD[key]
        return ScriptedAnswer(text=json.dumps(next(wrong, right_one) if key == "patch" else right_one), usage=USAGE)

    arm = "s1_tdd_verified_blind"
    with LLMServer(answer) as server:
        assert run(*demo(server, "openai", arm)).ret == 0
        assert len(server.requests) == 2 + 3 + 2 + 1
    place, cell = layout(pytester.path), Cell(NAME, arm, 1)
    (info,) = load_trace_escalations(place.folder)
    assert (info.cell, info.step) == (cell, "ap_gen_patch")
    assert (info.escalation.targets, info.escalation.trigger) == (("ap_analysis",), "STAGNATION")
    assert info.escalation.invalidated == ("ap_analysis", "ap_gen_test", "ap_gen_patch")
    kept = [stored.artifact for stored in read_dag(place.dag(cell)).artifacts]
    assert [(one.step, str(one.status)) for one in kept] == [
        ("ap_analysis", "superseded"),
        ("ap_gen_test", "superseded"),
        *[("ap_gen_patch", "rejected")] * 3,
        *[("ap_analysis", "accepted"), ("ap_gen_test", "accepted"), ("ap_gen_patch", "accepted")],
    ]
    assert kept[-1].dependencies == {"ap_analysis": kept[5].artifact_id, "ap_gen_test": kept[6].artifact_id}
    assert len(kept[-1].feedback_history) == 3
    assert kept[5].escalation_feedback == (info.escalation.failure_summary,)
    assert {one.metadata["total_tokens"] for one in kept} == {120}
    (record,) = records(pytester.path)
    assert record["per_step_tokens"] == {"ap_analysis": 240, "ap_gen_test": 240, "ap_gen_patch": 480}
    assert (record["retry_count"], record["failed_step"], record["outcome"]) == (3, None, "resolved")
    told = analyze_final_errors(place.folder).analysis.escalations
    assert (told.total, told.guards, told.triggers) == (1, {"patch": 1}, {"STAGNATION": 1})
    assert told.invalidated == dict.fromkeys(("ap_analysis", "ap_gen_patch", "ap_gen_test"), 1)
    assert told.each == (info,)


def test_failed_step_and_guard_are_recorded(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")

    def wrong(body: dict[str, Any]) -> ScriptedAnswer:
        key = key_of(schema_in(body))
        return ScriptedAnswer(text=json.dumps(BAD["patch"] if key == "patch" else GOOD[key]))

    with LLMServer(wrong) as server:
        assert run(*demo(server, "openai", "s1_direct")).ret == 0
        assert len(server.requests) == 1 + 4
    (record,) = records(pytester.path)
    assert (record["outcome"], record["failed_step"], record["failed_guard"]) == ("no_patch", "ap_patch", "patch")
    assert record["retry_count"] == 4
    assert "nearest lines" in record["notes"]


@pytest.mark.parametrize(
    "arms",
    [
        pytest.param(["s1_tdd_verified_blind", "adaptive_backtrack"], id="few"),
        pytest.param(WORKFLOWS, id="all", marks=pytest.mark.soak),
    ],
)
def test_recorded_arms_replay_without_calls(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arms: list[str]
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    with LLMServer(mended) as server:
        options = demo(server, "openai", *arms)
        assert run(*options, "--cassette=record", "--run-id=recorded", timeout_s=300).ret == 0
        asked = len(server.requests)
        assert run(*options, "--cassette=replay", "--run-id=replayed", timeout_s=300).ret == 0
        assert len(server.requests) == asked
    recorded, replayed = (
        {
            record["variant"]: {name: record[name] for name in SAME + ALSO_SAME}
            for record in lines(pytester.path, run_id)
        }
        for run_id in ("recorded", "replayed")
    )
    assert replayed == recorded
    assert {arm: record["outcome"] for arm, record in replayed.items()} == dict.fromkeys(arms, "resolved")


# an arm of one's own, whose second prompt a variable changes
CONFTEST = """
    import dataclasses, os
    from pytest_swebench.arms.workflow.arm import WorkflowArm
    from pytest_swebench.arms.workflows.direct import s1_direct

    def pytest_swebench_arms():
        theirs = s1_direct().workflow
        first, second = theirs.steps
        role = second.prompt.role + os.environ.get("MORE", "")
        second = dataclasses.replace(second, prompt=dataclasses.replace(second.prompt, role=role))
        return [WorkflowArm(dataclasses.replace(theirs, name="mine", steps=(first, second)))]
"""


def test_changed_prompt_is_told_with_its_step(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    pytester.makeconftest(CONFTEST)
    with LLMServer(right) as server:
        options = demo(server, "openai", "mine")
        assert run(*options, "--cassette=record", "--run-id=recorded").ret == 0
        monkeypatch.setenv("MORE", " And be quick.")
        changed = run(*options, "--cassette=replay", "--run-id=replayed")
        assert len(server.requests) == 2
    assert changed.ret == 1
    changed.stdout.fnmatch_lines(["*ReplayMiss: *ap_patch*step 2 differs*system prompt*recorded*asked*And be quick*"])


@pytest.mark.parametrize(
    ("names", "wire"),
    [
        pytest.param(FEW[:1], "openai", id="one"),
        pytest.param(FEW, "anthropic", id="all", marks=pytest.mark.soak),
    ],
)
def test_generated_test_is_red_before_and_green_after_on_real_instances(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    real_row: Callable[[str], dict[str, Any]],
    tmp_path: Path,
    names: tuple[str, ...],
    wire: str,
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    wanted = {name: real_row(name) for name in names}
    answers = {name: answers_for(row, tmp_path / name) for name, row in wanted.items()}
    pytester.path.joinpath("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wanted.values()))

    def answer(body: dict[str, Any]) -> ScriptedAnswer:
        text, key = prompt_text(body), key_of(schema_in(body))
        (name,) = (name for name, row in wanted.items() if row["problem_statement"][:80] in text)
        told = [message["content"] for message in body["messages"]]
        if key == "test" and len(told) < 3:  # it passes on the unpatched tree
            return ScriptedAnswer(text=json.dumps(GOOD["test"] | {"test_code": "def test_nothing():\n    assert 1\n"}))
        return ScriptedAnswer(text=json.dumps(answers[name][key]), usage=USAGE)

    with LLMServer(answer) as server:
        url = server.anthropic_url if wire == "anthropic" else server.openai_url
        options = asking(url, provider=wire)
        result = run(
            *("-m", "experiment", "--dataset=rows.jsonl", "--arms=s1_tdd_verified", *options, "--outcome=capture"),
            timeout_s=900,
        )
        result.assert_outcomes(passed=len(names))
        assert len(server.requests) == 4 * len(names)
    assert outcomes(pytester.path) == {f"{name}/s1_tdd_verified/r1": "resolved" for name in names}
    for record in records(pytester.path):
        cell = Cell(record["instance_id"], record["variant"], 1)
        events = [one.event for one in read_trace(layout(pytester.path).trace(cell, "s1_tdd_verified", 1))]
        said = [f"{event.guard} {event.verdict}" for event in events if event.type is EventType.GUARD]
        assert said == [
            *("analysis PASS", "test_syntax PASS", "test_red FAIL", "test_syntax PASS", "test_red PASS"),
            *("patch PASS", "lint PASS", "test_green PASS", "full_eval PASS"),
        ]
        assert record["retry_count"] == 1
        assert record["oracle"] is True
