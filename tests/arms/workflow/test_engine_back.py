from __future__ import annotations

from pytest_swebench.arms.workflow.policy import Ended, ReviewBacktracking, RuleBacktracking
from pytest_swebench.arms.workflow.shapes import Patch, Review
from pytest_swebench.records.trace import EventType
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.running import STUCK, run, said
from tests.support.scripted import Scripted
from tests.support.workflows import MEND, Idea, Plan, Told, cell_in, step


def test_stagnation_goes_back_with_what_failed_and_starts_to_count_anew(calc: Sandbox) -> None:
    provider = Scripted({"a": [said("first idea"), said("other idea")], "b": [said("try")] * 2 + [said("done")]})
    cell = cell_in(calc, provider)
    guard = Told([STUCK, STUCK])
    result = run(
        cell,
        step("a"),
        step("b", Plan, requires=("a",), guards=(guard,), r_patience=2, e_max=1, back_by_guard={"told": ("a",)}),
        rmax=3,
    )
    assert (result.ended, result.retry_count) == (Ended.COMPLETED, 2)
    assert result.per_step_tokens == {"a": 30, "b": 45}
    trace = cell.trace()
    assert trace.lines == [
        "STEP_PASS a",
        "GUARD b told FAIL",
        "GUARD b told FAIL",
        "STAGNATION b told",
        "ESCALATE b told",
        "CASCADE_INVALIDATE a",
        "STEP_PASS a",
        "GUARD b told PASS",
        "STEP_PASS b",
    ]
    escalation = trace.of(EventType.ESCALATE)[0].escalation
    assert escalation is not None
    assert (escalation.targets, escalation.invalidated) == (("a",), ("a", "b"))
    assert (escalation.e_count, escalation.e_max, escalation.trigger) == (1, 1, "STAGNATION")
    assert escalation.stagnant_guard == "told"
    assert "KeyError: 'account'" in escalation.failure_summary
    assert trace.statuses("a") == ["superseded", "accepted"]
    assert trace.statuses("b") == ["rejected", "rejected", "accepted"]
    again, last = provider.asked_by("a")[1], provider.asked_by("b")[2]
    assert again.messages[1].content == '{"text": "first idea"}'
    assert "KeyError: 'account'" in again.messages[2].content
    assert "- try" in again.messages[2].content
    assert STUCK in last.messages[2].content
    assert "Latest feedback" in last.messages[4].content
    accepted = [artifact for artifact in trace.artifacts.values() if artifact.status == "accepted"]
    assert [artifact.escalation_feedback for artifact in accepted] == [(escalation.failure_summary,)] * 2
    assert accepted[1].dependencies == {"a": accepted[0].artifact_id}
    assert [event.e_count for event in trace.of(EventType.ATTEMPT)] == [0, 0, 0, 0, 1]


def test_guards_that_take_turns_do_not_hide_that_one_says_the_same(calc: Sandbox) -> None:
    guards = (Told(["", STUCK, "", STUCK], name="x"), Told(["Some() is undefined", "no such module"], name="y"))
    steps = (
        step("a"),
        step("b", Plan, requires=("a",), guards=guards, r_patience=2, e_max=1, back_by_guard={"x": ("a",)}, rmax=5),
    )
    cell = cell_in(calc, Scripted([said("x")], again=True))
    assert run(cell, *steps).ended is Ended.COMPLETED
    assert [event.guard for event in cell.trace().of(EventType.STAGNATION)] == ["x"]


def test_without_a_way_back_a_stuck_model_is_warned_once(calc: Sandbox) -> None:
    provider = Scripted([said("x")], again=True)
    cell = cell_in(calc, provider)
    run(cell, step(guards=(Told([STUCK] * 3),), r_patience=2), rmax=4)
    warned = ["STAGNATION WARNING" in request.system for request in provider.requests]
    assert warned == [False, False, True, True]
    assert len(cell.trace().of(EventType.STAGNATION)) == 1
    assert ["STAGNATION WARNING" in one.constraints for one in cell.trace().artifacts.values()] == warned


def test_a_step_begun_anew_is_not_warned_of_what_it_did_before(calc: Sandbox) -> None:
    provider = Scripted([said("x")], again=True)
    run(
        cell_in(calc, provider),
        step("a", guards=(Told([STUCK] * 2),), r_patience=2, rmax=4),
        step("b", Plan, requires=("a",), guards=(Told([STUCK] * 2),), r_patience=2, e_max=1, back_to=("a",)),
    )
    warned = ["STAGNATION WARNING" in request.system for request in provider.asked_by("a")]
    assert warned == [False, False, True, False]


def test_stuck_again_after_all_steps_back_needs_a_person(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([said("x")], again=True))
    result = run(
        cell,
        step("a"),
        step("b", Plan, requires=("a",), guards=(Told([STUCK] * 9),), r_patience=2, e_max=2, back_to=("a",)),
    )
    assert (result.ended, result.failed_step, result.failed_guard) == (Ended.ESCALATION, "b", "told")
    assert (len(cell.trace().of(EventType.ESCALATE)), len(cell.trace().of(EventType.STAGNATION))) == (2, 3)
    assert result.retry_count == 6
    assert cell.trace().lines[-1] == "STEP_FAIL b told"


def test_retries_that_are_used_up_go_back_as_well(calc: Sandbox) -> None:
    different = ["missing import of os", "expected 3, got 4", "syntax error near )", "timed out", "not callable"]
    cell = cell_in(calc, Scripted([said("x")], again=True))
    result = run(
        cell,
        step("a"),
        step("b", Plan, requires=("a",), guards=(Told(different),), r_patience=2, e_max=1, back_to=("a",), rmax=3),
    )
    escalation = cell.trace().of(EventType.ESCALATE)[0].escalation
    assert escalation is not None
    assert (escalation.trigger, result.ended, result.retry_count) == ("RMAX_EXHAUSTED", Ended.COMPLETED, 5)
    assert cell.trace().of(EventType.STAGNATION) == []


def test_all_that_builds_on_a_step_gone_back_to_falls(calc: Sandbox) -> None:
    guard = Told([STUCK, STUCK])
    cell = cell_in(calc, Scripted([said("x")], again=True))
    run(
        cell,
        step("a"),
        step("side"),
        step("b", Plan, requires=("a",)),
        step("c", Idea, requires=("b", "side"), guards=(guard,), r_patience=2, e_max=1, back_to=("a",)),
    )
    trace = cell.trace()
    assert [event.step for event in trace.of(EventType.CASCADE_INVALIDATE)] == ["a", "b"]
    assert (trace.statuses("b"), trace.statuses("side")) == (["superseded", "accepted"], ["accepted"])


def test_a_review_sends_the_work_back_within_its_budget(calc: Sandbox) -> None:
    back = {"verdict": "backtrack", "backtrack_target": "plan", "comments": "the plan is wrong"}
    provider = Scripted({"ap_plan": [said("1"), said("2")], "ap_patch": [MEND] * 2, "ap_review": [back] * 2})
    cell = cell_in(calc, provider)
    result = run(
        cell,
        step("ap_plan"),
        step("ap_patch", Patch, requires=("ap_plan",)),
        step("ap_review", Review, requires=("ap_patch",)),
        policy=ReviewBacktracking({"ap_plan": 1}),
    )
    assert (result.ended, result.retry_count, bool(result.patch)) == (Ended.COMPLETED, 0, True)
    escalation = cell.trace().of(EventType.ESCALATE)[0].escalation
    assert escalation is not None
    assert (escalation.trigger, escalation.invalidated) == ("REVIEW", ("ap_plan", "ap_patch", "ap_review"))
    assert "the plan is wrong" in provider.asked_by("ap_plan")[1].messages[2].content
    assert len(provider.asked_by("ap_review")[1].messages) == 1
    assert "not done again: ap_plan" in cell.trace().of(EventType.NOTE)[0].summary
    assert cell.trace().statuses("ap_review") == ["superseded", "accepted"]


def test_rules_go_back_by_the_pattern_of_the_failures(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([said("x")], again=True))
    result = run(
        cell,
        step("a"),
        step("b", Plan, requires=("a",)),
        step("c", Idea, requires=("b",), guards=(Told(["1 failed in 0.12s", "1 failed in 0.34s"]),)),
        policy=RuleBacktracking({"a": 1, "b": 1}),
    )
    escalation = cell.trace().of(EventType.ESCALATE)[0].escalation
    assert escalation is not None
    assert (escalation.trigger, escalation.targets, result.ended) == ("RULE", ("b",), Ended.COMPLETED)


def test_a_review_after_more_than_the_patch_has_the_patch_revised(calc: Sandbox) -> None:
    revise = {"verdict": "revise", "backtrack_target": "", "comments": "too long"}
    approve = {"verdict": "approve", "backtrack_target": "", "comments": "fine"}
    provider = Scripted({"mend": [MEND] * 2, "impact": [said("none")] * 2, "review": [revise, approve]})
    cell = cell_in(calc, provider)
    run(
        cell,
        step("mend", Patch),
        step("impact", requires=("mend",)),
        step("review", Review, requires=("impact",)),
        policy=ReviewBacktracking({"mend": 1}),
    )
    (escalated,) = cell.trace().of(EventType.ESCALATE)
    assert escalated.escalation is not None
    assert escalated.escalation.targets == ("mend",)
    assert "too long" in provider.asked_by("mend")[1].messages[2].content
