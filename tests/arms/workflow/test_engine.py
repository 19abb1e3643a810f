from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.workflow.declaration import Prompt, Step, Workflow
from pytest_swebench.arms.workflow.engine import WorkflowResult, run_workflow
from pytest_swebench.arms.workflow.policy import Ended, Policy, ReviewBacktracking, RuleBacktracking, Stagnation
from pytest_swebench.arms.workflow.shapes import Patch, Review
from pytest_swebench.errors import (
    BudgetExhausted,
    ContextOverflow,
    LimitReached,
    ProviderError,
    ReplayMiss,
    SandboxLost,
)
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.replay import ReplayProvider
from pytest_swebench.records.trace import EventType, GuardReport
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.calc import FIX
from tests.support.scripted import Scripted
from tests.support.workflows import AMISS, MEND, Cell, Fits, Idea, Plan, Told, cell_in, step

STUCK = "the test still fails with KeyError: 'account'"


def said(text: str) -> dict[str, str]:
    return {"text": text}


def workflow(*steps: Step, rmax: int = 3, policy: Policy | None = None) -> Workflow:
    return Workflow(name="w", steps=steps, rmax=rmax, policy=policy or Stagnation())


def run(cell: Cell, *steps: Step, left_s: float = 300.0, **rest: Any) -> WorkflowResult:
    return run_workflow(workflow(*steps, **rest), cell.context, specification="THE ISSUE", left_s=lambda: left_s)


def answer(stop: StopReason, text: str = "") -> Answer:
    return Answer(text=text, model="m-1", stop_reason=stop, usage=Usage(input=10, output=5))


def test_steps_run_in_the_order_they_build_on_and_leave_the_patch(calc: Sandbox) -> None:
    provider = Scripted({"a": [said("first")], "b": [MEND]})
    cell = cell_in(calc, provider)
    result = run(cell, step("b", Patch, requires=("a",)), step("a"))
    assert (result.ended, result.patch_step, result.retry_count) == (Ended.COMPLETED, "b", 0)
    assert result.patch.splitlines()[-2:] == FIX.splitlines()[-2:]
    assert result.per_step_tokens == {"a": 15, "b": 15}
    assert [request.agent for request in provider.requests] == ["a", "b"]
    assert cell.trace().lines == ["STEP_PASS a", "STEP_PASS b"]
    assert [event.type for event in cell.trace().events][:3] == [
        EventType.STEP_START,
        EventType.ATTEMPT,
        EventType.STEP_PASS,
    ]


def test_a_request_asks_for_the_shape_and_shows_what_it_builds_on(calc: Sandbox) -> None:
    provider = Scripted([said("a thought"), said("a plan")])
    prompt = Prompt(role="You plan.", constraints="Be brief.", task="$specification / $idea / $files", feedback="")
    run(cell_in(calc, provider), step("a"), step("b", Plan, requires=("a",), prompt=prompt, temperature=0.3, files=1))
    request = provider.requests[1]
    assert request.system == "You plan.\n\nConstraints:\nBe brief."
    assert "THE ISSUE / text: a thought" in request.messages[0].content
    assert "return a - b" in request.messages[0].content
    assert (request.temperature, request.sample, request.binding, request.agent) == (0.3, 2, False, "b")
    assert request.schema == {
        "type": "object",
        "description": "A thought built on another.",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    }


def test_the_temperature_of_the_variant_wins(calc: Sandbox) -> None:
    provider = Scripted([said("x")])
    run(cell_in(calc, provider, temperature=0.9), step("a", temperature=0.3))
    assert provider.requests[0].temperature == 0.9


def test_a_rejection_is_told_and_the_next_answer_mends_it(calc: Sandbox) -> None:
    provider = Scripted([said("bad"), said("good")])
    cell = cell_in(calc, provider)
    result = run(cell, step(guards=(Told(["not like that"]),)))
    assert (result.ended, result.retry_count, result.per_step_tokens) == (Ended.COMPLETED, 1, {"a": 30})
    first, second = provider.requests
    assert second.messages[0] == first.messages[0]
    assert second.messages[1] == Message("assistant", '{"text": "bad"}')
    assert "not like that" in second.messages[2].content
    assert cell.trace().lines == ["GUARD a told FAIL", "GUARD a told PASS", "STEP_PASS a"]
    assert [event.attempt for event in cell.trace().of(EventType.GUARD)] == [1, 2]
    rejected, accepted = cell.trace().artifacts.values()
    assert (rejected.status, accepted.status, accepted.previous) == ("rejected", "accepted", rejected.artifact_id)
    assert accepted.feedback_history == ((rejected.artifact_id, "not like that"),)
    assert rejected.report is not None
    assert (rejected.report.guard, rejected.report.feedback) == ("told", "not like that")
    assert rejected.metadata == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def test_guard_that_breaks_is_named_in_the_error_and_in_the_trace(calc: Sandbox) -> None:
    cell, broken = cell_in(calc, Scripted([said("x")])), Told([ZeroDivisionError("division by zero")])
    with pytest.raises(ZeroDivisionError) as raised:
        run(cell, step(guards=(Told(name="fine"), broken)))
    assert raised.value.__notes__ == ["in the guard 'told' of the step 'a'"]
    assert cell.trace().lines == ["GUARD a fine PASS", "NOTE a"]
    (noted,) = cell.trace().of(EventType.NOTE)
    assert noted.summary.startswith("ZeroDivisionError: division by zero (in the guard 'told' of the step 'a', at ")


def test_guard_that_returns_no_report_is_told_what_to_return(calc: Sandbox) -> None:
    class Yes(Told):
        def check(self, answer: Any, given: Any) -> Any:
            return True

    with pytest.raises(TypeError, match=r"returned True; return GuardReport\(passed=\.\.\., feedback=\.\.\.\)"):
        run(cell_in(calc, Scripted([said("x")])), step(guards=(Yes(),)))


def test_rejection_without_feedback_leaves_no_loose_end(calc: Sandbox) -> None:
    class Mute(Told):
        def check(self, answer: Any, given: Any) -> GuardReport:
            return GuardReport(passed=False)

    results = [run(cell_in(calc, Scripted([said("x")] * 3)), step(guards=(Mute(),), rmax=rmax)) for rmax in (0, 2)]
    assert [result.reason for result in results] == ["rejected once", "rejected 3 times"]


def test_guards_stop_at_the_first_no_and_all_that_were_asked_are_kept(calc: Sandbox) -> None:
    never = Told(name="third")
    cell = cell_in(calc, Scripted([said("x")]))
    guards = (Told(name="first"), Told(["no"], name="second"), never)
    result = run(cell, step(guards=guards, rmax=0))
    assert (result.ended, result.failed_step, result.failed_guard) == (Ended.FAILED, "a", "second")
    assert never.given == []
    report = next(iter(cell.trace().artifacts.values())).report
    assert report is not None
    assert [(one.guard, one.passed) for one in report.sub_results] == [("first", True), ("second", False)]
    assert report.duration_s == round(sum(one.duration_s for one in report.sub_results), 3)


def test_a_guard_gets_the_accepted_answers_and_the_diff(calc: Sandbox) -> None:
    guard = Told(judges=Patch, takes=(Idea,))
    run(cell_in(calc, Scripted([said("why"), MEND])), step("a"), step("b", Patch, requires=("a",), guards=(guard,)))
    given = guard.given[0]
    assert given.take(Idea).text == "why"
    assert "+    return a + b" in given.diff(Patch.model_validate(MEND))
    assert given.left_s() == 300.0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("no JSON at all", "no JSON object"),
        ({"texts": "x"}, "text: Field required"),
        ({"text": 7}, "text: Input should be a valid string"),
        ("", "There was no answer"),
        (answer(StopReason.REFUSAL), "a refusal"),
        (answer(StopReason.MAX_TOKENS, '{"text": "cut'), "cut off after 5 tokens"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_a_rejection_with_feedback(calc: Sandbox, wrong: Any, told: str) -> None:
    provider = Scripted([wrong, said("good")])
    cell = cell_in(calc, provider)
    guard = Told()
    result = run(cell, step(guards=(guard,)))
    assert (result.ended, result.retry_count, len(guard.given)) == (Ended.COMPLETED, 1, 1)
    assert told in provider.requests[1].messages[2].content
    assert cell.trace().lines[0] == "GUARD a GeneratorValidation FAIL"


def test_prose_around_the_object_does_no_harm(calc: Sandbox) -> None:
    result = run(cell_in(calc, Scripted(['Here it is:\n```json\n{"text": "x"}\n```\nGood luck!'])), step())
    assert result.accepted == {"a": Idea(text="x")}


def test_a_model_that_never_learns_is_asked_rmax_times_again(calc: Sandbox) -> None:
    provider = Scripted(["nonsense"], again=True)
    cell = cell_in(calc, provider)
    result = run(cell, step(), rmax=3)
    assert (result.ended, provider.calls, result.retry_count) == (Ended.FAILED, 4, 4)
    assert (result.failed_step, result.failed_guard) == ("a", "GeneratorValidation")
    assert result.per_step_tokens == {"a": 60}
    assert cell.trace().lines[-1] == "STEP_FAIL a GeneratorValidation"
    assert cell.trace().statuses("a") == ["rejected"] * 4


def test_a_fatal_verdict_ends_the_workflow(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([said("x")]))
    result = run(cell, step(guards=(Told(["FATAL: no Python"]),)), step("b", requires=("a",)))
    assert (result.ended, result.failed_guard, result.reason) == (Ended.ESCALATION, "told", "FATAL: no Python")
    assert cell.trace().lines == ["GUARD a told FATAL", "STEP_FAIL a told"]


def test_a_request_that_is_too_long_is_fatal(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([ContextOverflow("200001 tokens > 200000")]))
    result = run(cell, step())
    assert (result.ended, result.failed_guard) == (Ended.ESCALATION, "GeneratorValidation")
    assert "200001 tokens" in result.reason
    assert cell.trace().statuses("a") == ["rejected"]


def test_an_edit_of_a_file_that_is_too_large_is_fatal(calc: Sandbox) -> None:
    edit = {"file": "big.py", "search": "x = 1\n", "replace": "x = 2\n"}
    result = run(cell_in(calc, Scripted([{"edits": [edit], "reasoning": ""}])), step("a", Patch, guards=(Fits(),)))
    assert (result.ended, result.failed_guard) == (Ended.ESCALATION, "GeneratorValidation")
    assert "big.py: more than 1000000 bytes" in result.reason


@pytest.mark.parametrize(("guards", "name"), [((Fits(),), "fits"), ((), "patch")])
def test_an_edit_that_does_not_fit_is_a_rejection_whoever_finds_it(
    calc: Sandbox, guards: tuple[Fits, ...], name: str
) -> None:
    cell = cell_in(calc, Scripted([AMISS, MEND]))
    result = run(cell, step("a", Patch, guards=guards))
    assert (result.ended, result.retry_count) == (Ended.COMPLETED, 1)
    assert cell.trace().lines[0] == f"GUARD a {name} FAIL"
    assert "not in the file" in cell.trace().of(EventType.GUARD)[0].summary


def test_an_edit_of_a_file_that_is_not_there_is_for_the_guards(calc: Sandbox) -> None:
    lost = {"edits": [{"file": "gone.py", "search": "x", "replace": "y"}], "reasoning": ""}
    result = run(cell_in(calc, Scripted([lost, MEND])), step("a", Patch))
    assert (result.ended, result.retry_count) == (Ended.COMPLETED, 1)


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


def test_answers_are_given_in_the_order_they_were_made_the_latest_of_a_shape(calc: Sandbox) -> None:
    guard = Told()
    provider = Scripted([said("old"), said("plan"), said("new"), MEND])
    run(
        cell_in(calc, provider),
        step("a"),
        step("b", Plan, requires=("a",)),
        step("c", requires=("b",)),
        step("d", Patch, requires=("c",), guards=(guard,)),
    )
    assert list(guard.given[0].accepted.values()) == [Plan(text="plan"), Idea(text="new")]


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


def test_a_budget_of_tokens_ends_a_step(calc: Sandbox) -> None:
    provider = Scripted([said("x")], again=True)
    result = run(cell_in(calc, provider), step(guards=(Told(["no"] * 9),), token_budget=30), rmax=8)
    assert (result.failed_guard, result.ended, provider.calls) == ("TokenBudget", Ended.FAILED, 2)
    assert "30 tokens" in result.reason


def test_a_limit_loses_nothing_that_stands(calc: Sandbox) -> None:
    provider = Scripted([MEND, said("bad"), BudgetExhausted("cell", "0.50 $ are spent")])
    cell = cell_in(calc, provider)
    with pytest.raises(BudgetExhausted):
        run(cell, step("a", Patch), step("b", requires=("a",), guards=(Told(["no"] * 9),)))
    draft = cell.drafts[-1]
    assert draft.patch is not None
    assert "+    return a + b" in draft.patch
    assert (draft.per_step_tokens, draft.retry_count) == ({"a": 15, "b": 15}, 1)
    assert (draft.failed_step, draft.failed_guard) == ("b", "told")
    assert cell.trace().of(EventType.NOTE)[-1].summary == "0.50 $ are spent"


def test_before_anything_stands_a_limit_leaves_an_empty_patch(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([BudgetExhausted("cell", "spent")]))
    with pytest.raises(BudgetExhausted):
        run(cell, step())
    assert cell.drafts[-1].patch == ""


def test_no_call_is_made_when_time_is_up(calc: Sandbox) -> None:
    provider = Scripted([said("x")])
    with pytest.raises(LimitReached, match=r"300 s.*over at the step 'a'") as caught:
        run(cell_in(calc, provider), step(), left_s=0.0)
    assert (caught.value.stop, provider.calls) == (Stop.TIME, 0)


def test_no_guard_is_asked_when_time_is_up_but_the_answer_counts(calc: Sandbox) -> None:
    left = [200.0]
    guard = Told()

    def last_words(request: Request) -> Any:
        left[0] = -1.0
        return said("late")

    cell = cell_in(calc, Scripted([last_words]))
    with pytest.raises(LimitReached):
        run_workflow(workflow(step(guards=(guard,))), cell.context, specification="", left_s=lambda: left[0])
    assert (guard.given, cell.drafts[-1].per_step_tokens) == ([], {"a": 15})


def test_an_answer_counts_whose_guard_meets_a_limit(calc: Sandbox) -> None:
    guard = Told(["no", LimitReached(Stop.COST, "the evaluation costs too much")])
    cell = cell_in(calc, Scripted([said("x"), said("y")]))
    with pytest.raises(LimitReached, match="too much"):
        run(cell, step(guards=(guard,)))
    left = cell.drafts[-1]
    assert (left.per_step_tokens, left.retry_count, left.failed_guard) == ({"a": 30}, 1, "told")


@pytest.mark.parametrize(("left_s", "given_s"), [(1000.0, 300.0), (42.0, 42.0)])
def test_a_call_gets_what_is_left_but_at_most_five_minutes(calc: Sandbox, left_s: float, given_s: float) -> None:
    provider = Scripted([said("x")])
    run(cell_in(calc, provider), step(), left_s=left_s)
    assert provider.timeouts_s == [given_s]


def test_a_call_that_our_clock_cut_is_a_limit_and_no_fault_of_the_endpoint(calc: Sandbox) -> None:
    end = time.monotonic() + 0.05

    def slow(request: Request) -> Any:
        time.sleep(0.05)
        return ProviderError("no complete answer within 0.05 s")

    cell = cell_in(calc, Scripted([slow]))
    with pytest.raises(LimitReached, match="no time was left"):
        run_workflow(workflow(step()), cell.context, specification="", left_s=lambda: end - time.monotonic())


@pytest.mark.parametrize("fault", [ProviderError("503"), SandboxLost("gone")])
def test_broken_ground_is_raised(calc: Sandbox, fault: Exception) -> None:
    with pytest.raises(type(fault)):
        run(cell_in(calc, Scripted([said("x")])), step(guards=(Told([fault]),)))
    with pytest.raises(ProviderError):
        run(cell_in(calc, Scripted([ProviderError("503")])), step())


def test_a_changed_prompt_misses_its_recording_and_the_step_is_named(calc: Sandbox, tmp_path: Path) -> None:
    cell = cell_in(calc, Scripted([said("x"), said("y")]))
    recorder = Meter(cell.context.provider, transcript_path=tmp_path / "t.jsonl")
    steps = (step("a"), step("b", Plan, requires=("a",)))
    run(dataclasses.replace(cell, context=dataclasses.replace(cell.context, provider=recorder)), *steps)
    replay = cell_in(calc, ReplayProvider(tmp_path / "t.jsonl"))
    assert run(replay, *steps).ended is Ended.COMPLETED
    changed = dataclasses.replace(steps[1], prompt=Prompt(role="You work.", task="Do it well."))
    with pytest.raises(ReplayMiss, match=r"'b', answer 1: no recording for request .* differs in message 1"):
        run(replay, steps[0], changed)


def test_what_a_workflow_before_did_is_counted_in(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([said("x"), "nonsense", MEND]))
    first = run(cell, step())
    second = run_workflow(
        Workflow(name="second", steps=(step("a", Patch),)),
        cell.context,
        specification="",
        left_s=lambda: 9.0,
        before=first,
    )
    assert (second.per_step_tokens, second.retry_count) == ({"a": 45}, 1)
    assert cell.traces.keys() == {"w", "second"}
    assert len({one for trace in cell.traces.values() for one in trace.artifacts}) == 3


def test_a_person_reads_the_same_story_whenever_the_same_happens(calc: Sandbox) -> None:
    stories = []
    for _ in range(2):
        cell = cell_in(calc, Scripted(["nonsense", said("x")]))
        run(cell, step())
        stories.append((cell.trace().events, list(cell.trace().artifacts)))
    assert stories[0] == stories[1]


@pytest.mark.parametrize(
    "path", ["../../x.py", "/etc/passwd", "a\0b", "", ".", "x" * 5000, "big.py/x", "\udcff.py", "~/x", ".git/config"]
)
def test_a_path_that_is_none_is_a_rejection(calc: Sandbox, path: str) -> None:
    strange = {"edits": [{"file": path, "search": "x", "replace": "y"}], "reasoning": ""}
    cell = cell_in(calc, Scripted([strange, MEND]))
    result = run(cell, step("a", Patch, guards=(Fits(),)))
    assert (result.ended, result.retry_count) == (Ended.COMPLETED, 1)
    assert cell.trace().of(EventType.GUARD)[0].summary
    guard = "GeneratorValidation" if path == "\udcff.py" else "fits"  # half a character is no text
    assert cell.trace().lines[0] == f"GUARD a {guard} FAIL"
