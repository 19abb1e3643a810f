"""Who has the floor: handed round, or given by a leader, over the same recorded model."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_swebench.arms.team.arm import team_leader_follower, team_roles, team_round_robin
from pytest_swebench.outcome import Stop
from tests.arms.team.conftest import Stage
from tests.support.calc import FIX, WRONG
from tests.support.scripted import Line
from tests.support.team_model import call, over

WORKERS: dict[str, Sequence[Line]] = {
    "installer": [call("swe_clone"), over("the code is in place, nothing to install")],
    "tester": [
        call("swe_pytest_full"),
        over("test_add fails: add(1, 2) gives -1, look at line 2 of calc.py"),
        call("swe_pytest_full"),
        over("both fail now, the signs are the wrong way round"),
    ],
    "patcher": [
        call("apply_patch", patch=WRONG),
        over("swapped"),
        call("apply_patch", patch=FIX.replace("a - b", "b - a")),
        over("now it adds"),
    ],
}
LEADER: list[Line] = [
    call("give_floor", role="tester", task="Run the tests."),
    call("give_floor", role="patcher", task="Mend what the tester found."),
    call("give_floor", role="tester", task="Run them again."),
    call("give_floor", role="patcher", task="Swap the signs back."),
]


def test_floor_goes_round_until_the_tests_pass(stage: Stage) -> None:
    script = {**WORKERS, "installer": [*WORKERS["installer"], over("still nothing to install")]}
    solution = stage.play(team_round_robin(), script)
    assert stage.trace.floor() == ["installer", "tester", "patcher"] * 2
    assert (solution.notes, solution.stop) == ("the tests pass", Stop.SUBMITTED)
    assert "return a + b" in solution.patch
    assert "-    return a - b" in solution.patch  # both patches as one, against the base
    assert solution.response_text.startswith("2 passed")


def test_leader_decides_who_is_next(stage: Stage) -> None:
    solution = stage.play(team_leader_follower(), {**WORKERS, "leader": LEADER})
    assert stage.trace.floor() == ["leader", "tester", "leader", "patcher"] * 2
    assert "return a + b" in solution.patch
    assert "Run them again." in stage.heard("tester")
    assert "test_add fails" in stage.heard("leader")
    assert "the tests after the patch: 2 failed" in stage.heard("leader")


def test_both_policies_over_the_same_model_can_be_compared(stage: Stage) -> None:
    script = {**WORKERS, "installer": [*WORKERS["installer"], over("nothing")], "leader": LEADER}
    by_policy = {}
    for arm in (team_round_robin(), team_leader_follower()):
        solution = stage.play(arm, script)
        by_policy[arm.name] = (solution.patch, stage.model.calls, solution.per_step_tokens)
        stage.sandbox.run("git checkout -q .", timeout_s=30)
    (patch, calls, tokens), (led_patch, led_calls, led_tokens) = by_policy.values()
    assert patch == led_patch
    assert (calls, led_calls) == (11, 12)
    assert led_tokens["leader"] == 4 * 15
    assert led_tokens["installer"] == 0
    assert tokens["tester"] == led_tokens["tester"] == 4 * 15


def test_who_said_what_is_told_to_the_others_and_kept(stage: Stage) -> None:
    solution = stage.play(team_roles(), WORKERS)
    assert stage.who() == ["installer"] * 2 + ["tester"] * 2 + ["patcher"] * 2
    patcher = stage.heard("patcher")
    assert "installer: the code is in place" in patcher
    assert "tester: test_add fails" in patcher
    assert "patcher:" not in patcher  # it knows what it said itself
    assert [(one["agent"], one["name"]) for one in solution.tool_calls] == [
        ("installer", "swe_clone"),
        ("installer", "hand_over"),
        ("tester", "swe_pytest_full"),
        ("tester", "hand_over"),
        ("patcher", "apply_patch"),
        ("patcher", "hand_over"),
    ]
    assert solution.notes == "everybody has had the floor"


def test_nothing_new_for_two_rounds_is_abandoned(stage: Stage) -> None:
    script = {"installer": [over("nothing to do")], "tester": [over("no idea")], "patcher": [over("nor have I")]}
    solution = stage.play(team_round_robin(), script, again=True)
    assert stage.trace.floor() == ["installer", "tester", "patcher"] * 2
    assert solution.notes == "abandoned: no progress in 2 rounds"
    assert (solution.failed_guard, solution.patch) == ("progress", "")


def test_a_leader_who_goes_in_circles_is_stopped(stage: Stage) -> None:
    script = {
        "leader": [call("give_floor", role="tester", task="Test it.")],
        "tester": [over("as before")],
    }
    solution = stage.play(team_leader_follower(), script, again=True)
    assert solution.failed_guard == "progress"
    assert stage.trace.floor() == ["leader", "tester"] * 6 + ["leader"]


def test_the_same_outcome_of_tests_again_is_no_progress(stage: Stage) -> None:
    rounds = [call("swe_pytest_full"), over("one fails")]
    script = {"installer": [over("nothing")] * 9, "tester": rounds * 4, "patcher": [over("no idea")] * 9}
    solution = stage.play(team_round_robin(), script)
    assert solution.failed_guard == "progress"
    # the first run of the tests was new, the next two rounds were not
    assert stage.trace.floor().count("tester") == 3


@pytest.mark.parametrize("failing", [[over("I cannot", done=False)], ["Let me think.", "Still thinking."]])
def test_failed_role_tries_once_more(stage: Stage, failing: list[Line]) -> None:
    script = {**WORKERS, "tester": [*failing, *WORKERS["tester"]]}
    solution = stage.play(team_roles(), script)
    assert stage.trace.floor() == ["installer", "tester", "tester", "patcher"]
    assert "Try once more." in stage.heard("tester")
    assert solution.retry_count == 1


def test_role_that_fails_twice_has_the_floor_no_more(stage: Stage) -> None:
    script = {
        "installer": [over("no network", done=False)] * 2,
        "tester": [over("nothing")],
        "patcher": [over("nothing")],
    }
    solution = stage.play(team_round_robin(), script, again=True)
    assert stage.trace.floor()[:4] == ["installer", "installer", "tester", "patcher"]
    assert "installer" not in stage.trace.floor()[2:]
    assert "installer works no more (failed 2 times: no network)" in stage.heard("tester")
    assert solution.retry_count == 1


def test_leader_is_refused_who_cannot_have_the_floor(stage: Stage) -> None:
    script: dict[str, Sequence[Line]] = {
        "leader": [
            call("give_floor", role="janitor", task="Clean up."),
            call("give_floor", role="leader", task="Think."),
            call("give_floor", role="tester", task="Test it."),
            call("give_floor", role="tester", task="Once more."),
            call("finish", reason="this leads nowhere"),
        ],
        "tester": [over("it hangs", done=False)] * 2,
    }
    solution = stage.play(team_leader_follower(), script)
    heard = stage.heard("leader")
    assert "refused: 'janitor' (not one of your followers); choose installer, tester, patcher" in heard
    assert "refused: 'leader' (not one of your followers)" in heard
    assert "refused: 'tester' (failed 2 times: it hangs); choose installer, patcher" in heard
    assert solution.notes == "the leader ended it: this leads nowhere"
    assert stage.trace.floor().count("tester") == 2


def test_leader_who_says_nothing_ends_the_work(stage: Stage) -> None:
    solution = stage.play(team_leader_follower(), {"leader": ["Hm."]}, again=True)
    assert solution.notes == "nobody leads: failed 2 times: no tool was called"
    assert solution.failed_guard == "leader"


def test_work_ends_where_nobody_is_left(stage: Stage) -> None:
    failing: list[Line] = [over("no", done=False)]
    script = {"installer": failing, "tester": failing, "patcher": failing}
    solution = stage.play(team_round_robin(), script, again=True)
    assert solution.notes == "nobody is left who could work"
    assert (solution.failed_guard, solution.stop, solution.retry_count) == ("members", Stop.SUBMITTED, 3)
    led = stage.play(
        team_leader_follower(),
        {**script, "leader": [call("give_floor", role=name, task="Try.") for name in script]},
        again=True,
    )
    assert led.notes == "nobody is left who could work"
