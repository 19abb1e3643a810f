from __future__ import annotations

import pytest

from pytest_swebench.arms.workflow.policy import (
    Back,
    Ended,
    GiveUp,
    Noted,
    Past,
    Rejection,
    Retry,
    ReviewBacktracking,
    RuleBacktracking,
    Stagnation,
    Trigger,
)
from pytest_swebench.arms.workflow.shapes import GeneratedTest, Patch, Review
from pytest_swebench.arms.workflow.stagnation import is_stagnant, similar
from pytest_swebench.arms.workflow.summary import approach, failure_summary, signature
from tests.support.workflows import Idea, step

BUDGET = {"ap_analysis": 1, "ap_gen_test": 2, "ap_gen_patch": 0}
BEFORE = ("ap_analysis", "ap_gen_test")
FAR = ["no module named x", "12 != 13", "unclosed bracket", "took too long", "wrong type", "is not callable", "??"]


def past(*feedbacks: str, retries: int = 6, before: tuple[str, ...] = BEFORE, **counts: int) -> Past:
    rejections = tuple(Rejection(guard="g", feedback=one) for one in feedbacks)
    return Past(rejections=rejections, retries=retries, before=before, gone_back=counts)


@pytest.mark.parametrize(
    ("feedbacks", "depth"),
    [
        (["fails"], 0),
        (["fails", "fails"], 1),
        (["fails in 0.1 s", "fails in 23.9 s"], 1),
        (["a", "fails", "fails"], 2),
        (["a", "b", "c", "c"], 2),
        (["a", "ImportError: y"], 0),
        (["a", "b", "E  ModuleNotFoundError: No module named 'y'"], 2),
        (["a", "b", "c"], 0),
        (["a", "b", "c", "d"], 1),
    ],
)
def test_the_pattern_of_failures_says_how_far_back(feedbacks: list[str], depth: int) -> None:
    assert RuleBacktracking.depth(past(*feedbacks)) == depth


def test_a_step_without_budget_left_is_passed_over_for_a_nearer_one() -> None:
    policy, twice_deep = RuleBacktracking(BUDGET), ("a", "same", "same")
    first = policy.rejected(step(), past(*twice_deep))
    assert first == Back(targets=("ap_analysis",), trigger=Trigger.RULE, e_count=1, e_max=1, guard="g")
    second = policy.rejected(step(), past(*twice_deep, ap_analysis=1, ap_gen_test=1))
    assert second == Back(targets=("ap_gen_test",), trigger=Trigger.RULE, e_count=2, e_max=2, guard="g")
    assert policy.rejected(step(), past(*twice_deep, ap_analysis=1, ap_gen_test=2)) == Retry()
    assert policy.rejected(step(), past("x", "x", before=())) == Retry()
    last = policy.rejected(step(), past(*FAR, ap_analysis=1, ap_gen_test=2))
    assert last == GiveUp(ended=Ended.FAILED, reason="rejected 7 times")
    assert policy.accepted(step(), Idea(text=""), past()) is None


def review(verdict: str, target: str = "") -> Review:
    return Review.model_validate({"verdict": verdict, "backtrack_target": target, "comments": "hm"})


def decided(answer: Review, before: tuple[str, ...] = (*BEFORE, "ap_gen_patch"), **counts: int) -> Back | Noted | None:
    return ReviewBacktracking(BUDGET).accepted(step(), answer, past(before=before, **counts))


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        (review("backtrack", "ap_analysis"), "ap_analysis"),
        (review("backtrack", " analysis "), "ap_analysis"),
        (review("backtrack", "gen_test"), "ap_gen_test"),
        (review("backtrack", "who knows"), "ap_gen_test"),
    ],
)
def test_a_review_names_the_step_to_go_back_to(answer: Review, target: str) -> None:
    back = decided(answer)
    assert isinstance(back, Back)
    assert (back.targets, back.trigger, back.e_count, back.e_max) == ((target,), "REVIEW", 1, BUDGET[target])
    assert back.reason == "the review says backtrack: hm"


@pytest.mark.parametrize(("verdict", "target"), [("revise", "mend"), ("backtrack", "find")])
def test_a_review_counts_from_the_patch_whatever_came_after_it(verdict: str, target: str) -> None:
    been = Past(rejections=(), retries=6, before=("find", "mend", "impact"), patched="mend")
    back = ReviewBacktracking({"find": 1, "mend": 1, "impact": 1}).accepted(step(), review(verdict), been)
    assert isinstance(back, Back)
    assert back.targets == (target,)


def test_a_review_goes_no_further_than_its_budget() -> None:
    assert decided(review("approve")) is None
    assert decided(review("backtrack", "ap_analysis"), ap_analysis=1) == Noted(
        text="not done again: ap_analysis, which may be 1 times. the review says backtrack: hm"
    )
    assert isinstance(decided(review("revise")), Noted)
    assert decided(review("revise"), before=()) == Noted(
        text="the review says revise: hm\n(there is no step to go back to)"
    )
    assert isinstance(decided(review("backtrack", "x"), before=("ap_analysis",)), Back)
    assert ReviewBacktracking(BUDGET).accepted(step(), Idea(text=""), past()) is None


def test_rejections_under_a_review_are_treated_as_ever() -> None:
    going_back = step(r_patience=2, e_max=1, back_to=("ap_analysis",))
    assert ReviewBacktracking(BUDGET).rejected(going_back, past("x", "x")) == Stagnation().rejected(
        going_back, past("x", "x")
    )


def test_what_shapes_decisions_is_told() -> None:
    assert Stagnation().settings() == {"policy": "stagnation"}
    assert ReviewBacktracking(BUDGET).settings() == {"policy": "review", "budget": BUDGET}
    assert RuleBacktracking(BUDGET).settings() == {"policy": "rule", "budget": BUDGET}
    assert (Stagnation().mentions, RuleBacktracking(BUDGET).mentions) == ((), tuple(BUDGET))


def test_feedbacks_are_similar_from_seven_tenths_on() -> None:
    assert similar("x" * 7 + "abc", "x" * 7 + "def")
    assert not similar("x" * 6 + "abcd", "x" * 6 + "efgh")
    assert similar("", "")
    assert similar("e " * 900 + "first", "e " * 900 + "other")


def test_stagnation_is_pairwise_over_the_last_feedbacks() -> None:
    assert is_stagnant(["other", "aaaaaaaa", "aaaaaaab", "aaaaaabb"], 3)
    assert not is_stagnant(["aaaaaaaa", "zzzz", "aaaaaaaa"], 3)
    assert not is_stagnant(["a", "a"], 3)
    assert not is_stagnant(["a", "a", "a"], None)


def test_a_summary_tells_patterns_approaches_and_the_latest_feedback() -> None:
    feedbacks = ["> f()\nE   KeyError: 'account'\n1 failed", "no\nsuch thing", "E   KeyError: 'account'\nagain"]
    rejections = [Rejection(guard="g", feedback=one, approach=f"way {at % 2}") for at, one in enumerate(feedbacks)]
    text = failure_summary(rejections)
    assert text.startswith("Error patterns:\n- E KeyError: 'account'\n- no\n\nApproaches tried:\n- way 0\n- way 1\n\n")
    assert "Latest feedback:\nE   KeyError: 'account'\nagain\n\nDo not repeat any of this." in text


def test_a_summary_is_bounded() -> None:
    rejections = [Rejection(guard="g", feedback=f"{at}" + "x" * 900, approach=f"way {at}") for at in range(9)]
    text = failure_summary(rejections)
    assert text.count("- way") == 5
    assert max(len(line) for line in text.splitlines()) == 500
    assert failure_summary([], "the review says no").startswith("Latest feedback:\nthe review says no")


@pytest.mark.parametrize(
    ("feedback", "pattern"),
    [
        ("", "(no feedback)"),
        ("just words\nmore", "just words"),
        ("FAILED test_x.py::test_a - x", "FAILED test_x.py::test_a - x"),
        ("\n  error: patch failed: a.py:1", "error: patch failed: a.py:1"),
        ("in short\nTypeError: " + "y" * 200, ("TypeError: " + "y" * 200)[:100]),
    ],
)
def test_the_signature_is_the_line_that_names_the_error(feedback: str, pattern: str) -> None:
    assert signature(feedback) == pattern


def test_an_approach_is_prose_and_no_code() -> None:
    assert approach(Patch.model_validate({"edits": [], "reasoning": "flip the sign"})) == "flip the sign"
    test = GeneratedTest(test_code="def test_a():\n    ...\n", target_behavior="it adds", expected_to_fail=True)
    assert approach(test) == "it adds"
    assert approach(Idea(text="two\nlines")) == "two lines"
