"""The patcher and the reviewer, on a local task with real tests."""

from __future__ import annotations

import json

import pytest

from pytest_swebench.arms.team.arm import team_review
from pytest_swebench.outcome import Stop
from pytest_swebench.patch import changed_paths
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.records.trace import EventType, GuardVerdict
from tests.arms.team.conftest import Stage
from tests.support.calc import FIX, WRONG
from tests.support.team_model import call, over


def proposal(patch: str) -> object:
    return call("propose_patch", patch=patch, reason="add must add")


def test_reviewer_asks_for_diagnostics_denies_then_approves(stage: Stage) -> None:
    script = {
        "patcher": [call("swe_pytest"), proposal(WRONG), proposal(FIX)],
        "reviewer": [
            call("swe_read_file", path="calc.py"),
            call("swe_pytest_full"),
            call("deny", reason="b - a is no sum"),
            call("approve", reason="now it adds"),
        ],
    }
    solution = stage.play(team_review(), script)
    assert stage.who() == ["patcher"] * 2 + ["reviewer"] * 3 + ["patcher", "reviewer"]
    assert stage.trace.floor() == ["patcher", "reviewer", "patcher", "reviewer"]
    assert "return a + b" in solution.patch
    assert "b - a" not in solution.patch
    assert solution.response_text.startswith("2 passed")
    assert (solution.notes, solution.failed_guard, solution.stop) == ("the tests pass", "", Stop.SUBMITTED)
    verdicts = [(event.agent, event.verdict) for event in stage.trace.events if event.type is EventType.GUARD]
    assert verdicts == [("reviewer", GuardVerdict.FAIL), ("reviewer", GuardVerdict.PASS)]
    first = stage.model.asked_by("reviewer")[0].messages[0].content
    assert "+    return b - a" in first  # the diff
    assert "1 failed, 1 passed" in first  # and the tail of the tests
    assert "b - a is no sum" in stage.heard("patcher")


def test_result_tells_the_tests_before_and_after(stage: Stage) -> None:
    script = {"patcher": [call("swe_pytest"), proposal(FIX)], "reviewer": [call("approve", reason="fine")]}
    stage.play(team_review(), script)
    result = json.loads((stage.folder / "result.json").read_text())
    assert (result["status_before"], result["status"], result["patch_applied"]) == ("fail", "pass", True)
    assert result["tail_before"].startswith("1 failed")


def test_patch_denied_twice_is_never_applied(stage: Stage) -> None:
    script = {
        "patcher": [proposal(WRONG), proposal(WRONG)],
        "reviewer": [call("deny", reason="wrong"), call("deny", reason="still wrong")],
    }
    solution = stage.play(team_review(), script)
    assert solution.patch == ""
    assert stage.sandbox.diff() == ""
    assert (solution.failed_step, solution.failed_guard) == ("team", "review")
    assert solution.notes == "2 patches were denied, the last one: still wrong"


def test_patch_denied_once_and_not_proposed_again_says_so(stage: Stage) -> None:
    script = {
        "patcher": [proposal(WRONG), "I would not change it.", "Nor would I now.", "No.", "No."],
        "reviewer": [call("deny", reason="b - a is no sum")],
    }
    solution = stage.play(team_review(), script)
    assert solution.notes.startswith("the patch was denied: b - a is no sum; the patcher: failed 2 times")
    assert (solution.failed_guard, solution.stop, solution.patch) == ("review", Stop.SUBMITTED, "")


def test_patch_is_applied_once_though_the_tests_still_fail(stage: Stage) -> None:
    script = {"patcher": [proposal(WRONG)], "reviewer": [call("approve", reason="looks right")]}
    solution = stage.play(team_review(), script)
    assert "return b - a" in solution.patch
    assert solution.notes == "the approved patch is applied"
    assert solution.response_text.startswith("2 failed")
    assert stage.trace.notes()[-2].startswith("the tests after the patch: 2 failed")


def test_what_does_not_apply_is_no_proposal(stage: Stage) -> None:
    script = {
        "patcher": [proposal("I would change add."), proposal(FIX.replace("a - b", "a * b")), proposal(FIX)],
        "reviewer": [call("approve", reason="fine")],
    }
    solution = stage.play(team_review(), script)
    assert "return a + b" in solution.patch
    heard = stage.heard("patcher")
    assert "there is no change in it" in heard
    assert "git cannot apply it" in heard
    assert stage.who().count("reviewer") == 1


@pytest.mark.parametrize(
    ("agent", "tool", "arguments"),
    [
        ("reviewer", "propose_patch", {"patch": FIX, "reason": "mine is better"}),
        ("reviewer", "apply_patch", {"patch": FIX}),
        ("reviewer", "swe_install", {}),
        ("patcher", "approve", {"reason": "I like it"}),
        ("patcher", "apply_patch", {"patch": FIX}),
        ("patcher", "swe_apply_patch_text", {"patch": FIX}),
    ],
)
def test_tool_of_another_role_is_refused(stage: Stage, agent: str, tool: str, arguments: dict[str, str]) -> None:
    script = {"patcher": [proposal(WRONG), proposal(WRONG)], "reviewer": [call("deny", reason="no")] * 2}
    script[agent] = [call(tool, **arguments), *script[agent]]
    solution = stage.play(team_review(), script)
    assert f"unknown tool '{tool}'" in stage.heard(agent)
    assert tool not in {one.name for one in stage.model.asked_by(agent)[0].tools}
    assert (solution.patch, stage.sandbox.diff()) == ("", "")


def test_approved_patch_that_fits_no_more_may_be_proposed_anew(stage: Stage) -> None:
    approve = call("approve", reason="fine")

    def after_a_change(request: Request) -> Answer:
        stage.sandbox.write({"calc.py": b"def add(a, b):\n    return a * b\n"})
        return approve(request)

    fitting = FIX.replace("-    return a - b", "-    return a * b")
    script = {"patcher": [proposal(FIX), proposal(fitting)], "reviewer": [after_a_change, approve]}
    solution = stage.play(team_review(), script)
    assert "approved, but git cannot apply it" in stage.heard("patcher")
    assert solution.notes == "the tests pass"


def test_reviewer_who_never_decides_approves_nothing(stage: Stage) -> None:
    script = {"patcher": [proposal(FIX)], "reviewer": ["I am not sure."] * 9}
    solution = stage.play(team_review(), script)
    assert solution.patch == ""
    assert solution.failed_guard == "review"
    assert solution.notes.startswith("nobody approved the patch; the reviewer: failed 2 times")


def test_patcher_without_a_proposal_uses_up_its_turns(stage: Stage) -> None:
    script = {"patcher": [call("swe_read_file", path="calc.py")] * 20, "reviewer": []}
    solution = stage.play(team_review(), script, turns=7)
    assert stage.who() == ["patcher"] * 4
    assert solution.stop is Stop.STEPS
    assert "all of its 4 turns are used up" in solution.notes


def test_tests_that_pass_already_end_the_work(stage: Stage) -> None:
    stage.sandbox.write({"calc.py": b"def add(a, b):\n    return a + b\n"})
    solution = stage.play(team_review(), {"patcher": [call("swe_pytest"), over("never asked")]})
    assert solution.notes == "the tests pass"
    assert changed_paths(solution.patch) == [".swebench-null"]  # there is something to grade
    assert stage.who() == ["patcher"]
