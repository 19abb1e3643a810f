"""Every workflow arm with a scripted model: what happens step by step, and what is recorded of it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.arms.workflow.check import VALIDATION
from pytest_swebench.errors import ContextOverflow
from pytest_swebench.records.trace import EventType, GuardVerdict, Status
from tests.arms.workflows.answers import ALREADY_GREEN, BAD, CHEATING, GOOD, IDLE, TEST
from tests.arms.workflows.playing import Played, Table
from tests.arms.workflows.table import TABLE

ANSWER_TOKENS = 15  # what a scripted answer costs
ARMS = [name for name in TABLE if name != "adaptive_backtrack"]
SEEING_RED = [name for name, row in TABLE.items() if any("test_red" in guards for _, guards, _ in row.steps)]
PATCHING = {"s1_direct": "ap_patch", "s1_tdd": "ap_gen_fix"}
"""The step whose answers the guard `patch` judges, where it is not `ap_gen_patch`."""

# by arm: the steps gone back to after so many wrong patches, and all that is done again with them
STUCK: dict[str, tuple[int, str, list[str], list[str]]] = {
    "s1_tdd_verified": (3, "STAGNATION", ["analysis"], ["analysis", "gen_test", "gen_patch"]),
    "s1_tdd_verified_blind": (3, "STAGNATION", ["analysis"], ["analysis", "gen_test", "gen_patch"]),
    "s1_tdd_behavior": (3, "STAGNATION", ["analysis", "gen_test"], ["analysis", "gen_test", "gen_patch"]),
    "s1_decomposed": (3, "STAGNATION", ["edit_plan"], ["edit_plan", "gen_patch", "integrate_patch"]),
    "s1_tdd_rule_backtrack": (2, "RULE", ["gen_test"], ["gen_test", "gen_patch"]),
}
# by arm: wrong patches in all, and steps gone back to, until it gives up
EXHAUSTED: dict[str, tuple[int, list[str]]] = {
    "s1_direct": (4, []),
    "s1_tdd": (4, []),
    "s1_decomposed_lite": (4, []),
    "s1_tdd_verified": (9, ["analysis", "analysis"]),
    "s1_tdd_verified_blind": (9, ["analysis", "analysis"]),
    "s1_tdd_behavior": (9, ["analysis gen_test"] * 2),
    "s1_decomposed": (9, ["edit_plan", "edit_plan"]),
    "s1_tdd_review": (7, []),
    "s1_tdd_review_backtrack": (7, []),
    "s1_tdd_rule_backtrack": (14, ["gen_test", "gen_test", "analysis"]),
}


def patching(arm: str) -> str:
    return PATCHING.get(arm, "ap_gen_patch")


def passed(step: str, guards: tuple[str, ...]) -> list[str]:
    """Return the events of an answer that is accepted at once, from the beginning of its step."""
    return [
        f"STEP_START {step}",
        f"ATTEMPT {step}",
        *(f"GUARD {step} {name} PASS" for name in guards),
        f"STEP_PASS {step}",
    ]


def refused(step: str, guards: tuple[str, ...], refusing: str) -> list[str]:
    """Return the events of one answer that the guard `refusing` turns down."""
    before = guards[: guards.index(refusing)]
    return [f"ATTEMPT {step}", *(f"GUARD {step} {name} PASS" for name in before), f"GUARD {step} {refusing} FAIL"]


def tokens(played: Played) -> dict[str, int]:
    """Return by step what its answers cost, counted from what was asked."""
    agents = [request.agent for request in played.provider.requests]
    return {step: ANSWER_TOKENS * agents.count(step) for step in dict.fromkeys(agents)}


@pytest.mark.parametrize("arm", ARMS)
def test_success(table: Table, arm: str) -> None:
    played = table.play(arm)
    row, solution = TABLE[arm], played.solution
    assert played.story.all_lines == [line for step, guards, _ in row.steps for line in passed(step, guards)]
    assert {artifact.status for artifact in played.story.artifacts.values()} == {Status.ACCEPTED}
    assert [artifact.step for artifact in played.story.artifacts.values()] == [step for step, _, _ in row.steps]
    assert (solution.failed_step, solution.failed_guard, solution.retry_count) == ("", "", 0)
    assert solution.per_step_tokens == tokens(played) == {step: ANSWER_TOKENS for step, _, _ in row.steps}
    assert table.evaluate(solution.patch).verdict.resolved


@pytest.mark.parametrize("arm", ARMS)
def test_refused_patch_is_repaired_by_feedback(table: Table, arm: str) -> None:
    step, row = patching(arm), TABLE[arm]
    played = table.play(arm, {step: [BAD["patch"]]})
    solution, story = played.solution, played.story
    expected = []
    for name, guards, _ in row.steps:
        lines = passed(name, guards)
        expected += [lines[0], *refused(name, guards, "patch"), *lines[1:]] if name == step else lines
    assert story.all_lines == expected
    first, second = [artifact for artifact in story.artifacts.values() if artifact.step == step]
    assert first.report is not None
    assert (first.status, first.report.guard, first.attempt) == (Status.REJECTED, "patch", 1)
    assert [one.guard for one in first.report.sub_results][-1] == "patch"
    assert "nothing_like_this" in first.content
    assert (second.status, second.attempt, second.previous) == (Status.ACCEPTED, 2, first.artifact_id)
    assert second.feedback_history == ((first.artifact_id, first.report.feedback),)
    again = played.provider.asked_by(step)[1]
    assert first.report.feedback in again.messages[-1].content
    assert [message.role for message in again.messages] == ["user", "assistant", "user"]
    assert (solution.failed_step, solution.failed_guard, solution.retry_count) == ("", "", 1)
    assert solution.per_step_tokens == tokens(played)
    assert solution.per_step_tokens[step] == 2 * ANSWER_TOKENS
    assert table.evaluate(solution.patch).verdict.resolved


@pytest.mark.parametrize("arm", STUCK)
def test_stagnation_goes_back_and_succeeds(table: Table, arm: str) -> None:
    times, trigger, targets, invalidated = STUCK[arm]
    step = patching(arm)
    played = table.play(arm, {step: [BAD["patch"]] * times})
    solution, story = played.solution, played.story
    (escalated,) = story.of(EventType.ESCALATE)
    assert escalated.escalation is not None
    assert escalated.escalation.targets == tuple(f"ap_{name}" for name in targets)
    assert escalated.escalation.invalidated == tuple(f"ap_{name}" for name in invalidated)
    assert (escalated.escalation.trigger, escalated.escalation.stagnant_guard) == (trigger, "patch")
    assert escalated.escalation.e_count == 1
    assert len(story.of(EventType.STAGNATION)) == (trigger == "STAGNATION")
    assert len(story.of(EventType.CASCADE_INVALIDATE)) >= 1
    assert story.statuses(step) == ["rejected"] * times + ["accepted"]
    redone = [f"ap_{name}" for name in invalidated if f"ap_{name}" != step and name != "integrate_patch"]
    for name in redone:
        assert story.statuses(name) == ["superseded", "accepted"]
        assert len(played.provider.asked_by(name)) == 2
    for name in escalated.escalation.targets:
        told = played.provider.asked_by(name)[1]
        text = told.system + "".join(message.content for message in told.messages)
        assert escalated.escalation.failure_summary[:80] in text
    assert (solution.failed_step, solution.retry_count) == ("", times)
    assert solution.per_step_tokens == tokens(played)
    assert table.evaluate(solution.patch).verdict.resolved


@pytest.mark.parametrize("arm", ARMS)
def test_exhaustion(table: Table, arm: str) -> None:
    times, back = EXHAUSTED[arm]
    step = patching(arm)
    played = table.play(arm, {step: [BAD["patch"]] * 50})
    solution, story = played.solution, played.story
    assert len(played.provider.asked_by(step)) == times
    assert story.statuses(step) == ["rejected"] * times
    escalations = [event.escalation for event in story.of(EventType.ESCALATE)]
    went = [" ".join(name.removeprefix("ap_") for name in one.targets) for one in escalations if one is not None]
    assert went == back
    assert story.all_lines[-1].startswith(f"STEP_FAIL {step} patch")
    assert (solution.patch, solution.failed_step, solution.failed_guard) == ("", step, "patch")
    assert solution.retry_count == times
    assert solution.per_step_tokens == tokens(played)
    assert "ap_diff_review" not in solution.per_step_tokens
    assert "nearest lines" in solution.notes


@pytest.mark.parametrize("arm", ARMS)
def test_fatal_result_ends_it_at_once(table: Table, arm: str) -> None:
    step = patching(arm)
    played = table.play(arm, {step: [ContextOverflow("200001 tokens > 200000 maximum")]})
    solution, story = played.solution, played.story
    last = story.of(EventType.GUARD)[-1]
    assert (last.step, last.guard, last.verdict) == (step, VALIDATION, GuardVerdict.FATAL)
    assert "200001 tokens" in last.summary
    assert story.all_lines[-1].startswith(f"STEP_FAIL {step} {VALIDATION}")
    assert len(played.provider.asked_by(step)) == 1
    assert story.statuses(step) == ["rejected"]
    assert (solution.patch, solution.failed_step, solution.failed_guard) == ("", step, VALIDATION)
    assert solution.retry_count == 1
    assert "ap_integrate_patch" not in [request.agent for request in played.provider.requests]


@pytest.mark.parametrize("arm", SEEING_RED)
def test_test_that_is_green_before_the_fix_is_refused(table: Table, arm: str) -> None:
    green: dict[str, Any] = {**GOOD["test"], "test_code": ALREADY_GREEN}
    played = table.play(arm, {"ap_gen_test": [green]})
    failed = [event for event in played.story.of(EventType.GUARD) if event.verdict is GuardVerdict.FAIL]
    assert [(event.step, event.guard) for event in failed] == [("ap_gen_test", "test_red")]
    assert played.story.statuses("ap_gen_test") == ["rejected", "accepted"]
    assert TEST.splitlines()[0] in played.provider.requests[-1].messages[0].content
    assert played.solution.retry_count == 1


def targets(played: Played) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what each step back was for, and where it led to."""
    escalations = [event.escalation for event in played.story.of(EventType.ESCALATE)]
    return [(one.trigger, one.stagnant_guard, one.targets) for one in escalations if one is not None]


@pytest.mark.parametrize(
    ("arm", "answer", "guard", "back"),
    [
        ("s1_tdd_verified", IDLE, "test_green", ("ap_analysis", "ap_gen_test")),
        ("s1_tdd_verified_blind", IDLE, "test_green", ("ap_analysis", "ap_gen_test")),
        ("s1_tdd_behavior", IDLE, "test_green", ("ap_analysis", "ap_gen_test")),
        ("s1_tdd_verified", CHEATING, "full_eval", ("ap_analysis", "ap_gen_test")),
    ],
)
def test_each_guard_has_its_own_way_back(
    table: Table, arm: str, answer: dict[str, Any], guard: str, back: tuple[str, ...]
) -> None:
    played = table.play(arm, {"ap_gen_patch": [answer] * 3})
    assert targets(played) == [("STAGNATION", guard, back)]
    assert played.solution.retry_count == 3
    assert table.evaluate(played.solution.patch).verdict.resolved


@pytest.mark.parametrize(
    ("answer", "guard", "back"),
    [
        (IDLE, "test_green", ("ap_gen_patch",)),
        (CHEATING, "full_eval", ("ap_impact_analysis", "ap_gen_patch")),
    ],
)
def test_integration_goes_back_to_the_patch_or_to_its_impact(
    table: Table, answer: dict[str, Any], guard: str, back: tuple[str, ...]
) -> None:
    played = table.play("s1_decomposed", {"ap_integrate_patch": [answer] * 3})
    assert targets(played) == [("STAGNATION", guard, back)]
    assert played.story.statuses("ap_gen_patch") == ["superseded", "accepted"]
    assert played.story.statuses("ap_root_cause") == ["accepted"]
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_official_evaluation_names_tests_to_oracles_alone(table: Table) -> None:
    oracle, blind = (
        table.play(arm, {"ap_gen_patch": [CHEATING]}) for arm in ("s1_tdd_verified", "s1_tdd_verified_blind")
    )
    told = oracle.provider.asked_by("ap_gen_patch")[1].messages[-1].content
    assert "test_hash_in_a_quoted_value_is_kept" in told
    assert table.evaluate(oracle.solution.patch).verdict.resolved
    assert len(blind.provider.asked_by("ap_gen_patch")) == 1
    assert not table.evaluate(blind.solution.patch).verdict.resolved


def review(verdict: str, target: str = "") -> dict[str, Any]:
    return {"verdict": verdict, "backtrack_target": target, "comments": "the test asks for too little"}


def test_review_is_recorded_where_nothing_follows_from_it(table: Table) -> None:
    played = table.play("s1_tdd_review", {"ap_diff_review": [review("backtrack", "ap_gen_test")]})
    assert targets(played) == []
    (answer,) = [one for one in played.story.artifacts.values() if one.step == "ap_diff_review"]
    assert "the test asks for too little" in answer.content
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_review_sends_the_work_back_within_its_budget(table: Table) -> None:
    said = [review("backtrack", "ap_gen_test"), review("backtrack", "ap_analysis"), review("backtrack", "ap_gen_test")]
    played = table.play("s1_tdd_review_backtrack", {"ap_diff_review": [*said, *said, review("approve")]})
    assert targets(played) == [
        ("REVIEW", "", ("ap_gen_test",)),
        ("REVIEW", "", ("ap_analysis",)),
        ("REVIEW", "", ("ap_gen_test",)),
    ]
    assert played.story.statuses("ap_analysis") == ["superseded", "accepted"]
    assert played.story.statuses("ap_gen_test") == ["superseded"] * 3 + ["accepted"]
    assert played.story.statuses("ap_diff_review") == ["superseded"] * 3 + ["accepted"]
    (note,) = played.story.of(EventType.NOTE)
    assert "not done again: ap_gen_test, which may be 2 times" in note.summary
    asked = played.provider.asked_by("ap_gen_test")[1]
    assert "the test asks for too little" in "".join(message.content for message in asked.messages)
    assert played.solution.retry_count == 0
    assert played.solution.per_step_tokens == tokens(played)
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_patch_is_not_made_again_for_a_review_that_asks_to_revise_it(table: Table) -> None:
    played = table.play("s1_tdd_review_backtrack", {"ap_diff_review": [review("revise")]})
    assert targets(played) == []
    assert "ap_gen_patch, which may be 0 times" in played.story.of(EventType.NOTE)[0].summary
    assert played.solution.failed_step == ""


@pytest.mark.parametrize("arm", ["s1_direct", "s1_decomposed_lite"])
def test_answer_that_is_no_json_is_refused_with_feedback(table: Table, arm: str) -> None:
    first = TABLE[arm].steps[0][0]
    played = table.play(arm, {first: ["I would rather talk about it."]})
    assert f"GUARD {first} {VALIDATION} FAIL" in played.story.all_lines
    assert "no JSON object" in played.provider.asked_by(first)[1].messages[-1].content
    assert (played.solution.failed_step, played.solution.retry_count) == ("", 1)
