from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.workflow.declaration import Prompt
from pytest_swebench.arms.workflow.policy import Ended
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.errors import (
    ContextOverflow,
    ReplayMiss,
)
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Message, StopReason
from pytest_swebench.providers.replay import ReplayProvider
from pytest_swebench.records.trace import EventType, GuardReport
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.running import answer, run, said
from tests.support.calc import FIX
from tests.support.scripted import Scripted
from tests.support.workflows import AMISS, MEND, Fits, Idea, Plan, Told, cell_in, step


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
