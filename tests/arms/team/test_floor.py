"""Turns of a team: shared out, kept, told; and limits that end it inside a call."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.protocol import Arm
from pytest_swebench.arms.team.arm import (
    TeamArm,
    TeamPlan,
    team_leader_follower,
    team_review,
    team_roles,
    team_round_robin,
)
from pytest_swebench.arms.team.policy import RoundRobin
from pytest_swebench.arms.team.roles import Role, budgets
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.errors import BudgetExhausted, InputError, LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.records.trace import EventType
from tests.arms.team.conftest import Stage
from tests.support.calc import FIX, WRONG
from tests.support.made import made_instance
from tests.support.team_model import call, over

TEAM = tuple(Role(name=name, duty="", abilities=(), turns=turns) for name, turns in (("a", 5), ("b", 8), ("c", 12)))


@given(
    weights=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=6),
    spare=st.integers(min_value=0, max_value=300),
)
def test_turns_are_shared_out_whole(weights: list[int], spare: int) -> None:
    roles = [Role(name=f"r{n}", duty="", abilities=(), turns=weight) for n, weight in enumerate(weights)]
    shares = budgets(roles, len(roles) + spare)
    assert sum(shares.values()) == len(roles) + spare
    assert min(shares.values()) >= 1
    for one in roles:
        for other in roles:
            if one.turns >= other.turns:
                assert shares[one.name] >= shares[other.name] - 1


def test_turns_are_the_roles_own_where_nothing_bounds_them() -> None:
    assert budgets(TEAM, None) == {"a": 5, "b": 8, "c": 12}
    assert budgets(TEAM, 3) == {"a": 1, "b": 1, "c": 1}
    assert budgets(TEAM, 10) == {"a": 3, "b": 3, "c": 4}


def test_fewer_turns_than_roles_are_refused_with_the_fix() -> None:
    message = (
        r"arm 'team_leader_follower': --max-turns 3: a team of 4 \(leader, installer, tester, patcher\) "
        r"needs a turn for each; give 4 or more"
    )
    with pytest.raises(InputError, match=message):
        team_leader_follower().check_turns(3)
    team_leader_follower().check_turns(4)
    team_leader_follower().check_turns(None)


@pytest.mark.parametrize("turns", [3, 5, 8, 13])
def test_no_role_has_more_turns_than_its_share(stage: Stage, turns: int) -> None:
    script = {agent: [call("swe_read_file", path="calc.py")] for agent in ("installer", "tester", "patcher")}
    solution = stage.play(team_round_robin(), script, turns=turns, again=True)
    asked = {agent: stage.who().count(agent) for agent in script}
    assert asked == budgets(team_round_robin().roles, turns)
    assert stage.model.calls == turns
    assert solution.stop is Stop.STEPS
    assert solution.notes == "nobody is left who could work"


def test_role_is_told_of_its_last_turn_and_then_loses_the_floor(stage: Stage) -> None:
    script = {
        "installer": [over("nothing to install")],
        "tester": [call("swe_pytest_full")] * 9,
        "patcher": [call("apply_patch", patch=FIX), over("done")],
    }
    solution = stage.play(team_roles(), script, turns=11)
    share = budgets(team_roles().roles, 11)["tester"]
    assert stage.who().count("tester") == share
    assert "This is your last turn" in stage.heard("tester")
    assert f"tester works no more (all of its {share} turns are used up)" in stage.heard("patcher")
    assert "return a + b" in solution.patch  # the others went on


def test_role_that_hands_over_in_its_last_turn_is_not_out(stage: Stage) -> None:
    read = call("swe_read_file", path="calc.py")
    script = {"installer": [read, over("just in time")], "tester": [over("no")], "patcher": [over("no")]}
    stage.play(team_roles(), script, turns=8)
    assert budgets(team_roles().roles, 8)["installer"] == 2
    assert "installer: just in time" in stage.heard("tester")
    assert "works no more" not in stage.heard("tester")


def test_role_without_turns_is_not_given_the_floor(stage: Stage) -> None:
    script = {agent: [over("nothing to do")] for agent in ("installer", "tester", "patcher")}
    solution = stage.play(team_round_robin(), script, turns=3, again=True)
    assert stage.trace.floor() == ["installer", "tester", "patcher"]
    assert EventType.STEP_FAIL not in {event.type for event in stage.trace.events}
    assert (solution.stop, solution.failed_guard, solution.retry_count) == (Stop.STEPS, "turns", 0)


def test_leader_is_told_who_has_no_turns_left(stage: Stage) -> None:
    tester = [call("swe_read_file", path="calc.py"), over("one fails")]
    leader = [call("give_floor", role="tester", task="Test it.")] * 2 + [call("finish", reason="nobody can")]
    solution = stage.play(team_leader_follower(), {"leader": leader, "tester": tester}, turns=10)
    assert "refused: 'tester' (all of its 2 turns are used up); choose installer, patcher" in stage.heard("leader")
    assert solution.notes == "the leader ended it: nobody can"


def test_what_is_told_to_the_trace_is_whole(stage: Stage) -> None:
    told = "x" * 700
    script = {
        "installer": [over(told)],
        "tester": [over(told, done=False), over("no")],
        "patcher": [over("no", done=False)] * 2,
    }
    stage.play(team_roles(), script)
    # its writer cuts it, once secrets are gone: half of one would stay
    assert f"tester failed and tries once more: {told}" in stage.trace.notes()


def test_tool_limit_is_each_roles_own(stage: Stage) -> None:
    read = call("swe_read_file", path="calc.py")
    script = {
        "installer": [read, read, over("no")],
        "tester": [read, over("no")],
        "patcher": [over("no")],
    }
    arm = team_roles(tool_calls=1)
    stage.play(arm, script)
    assert stage.heard("installer").count("refused: swe_read_file has been called 1 times") == 1
    assert "refused" not in stage.heard("tester")
    assert arm.version != team_roles().version


@pytest.mark.parametrize(("limit", "value"), [("timeout_s", 60.0), ("max_cost_usd", 0.5)])
def test_version_counts_the_limits(limit: str, value: float) -> None:
    plan = TeamPlan(name="mine", roles=team_roles().roles, policy=lambda floor, *_: RoundRobin(floor))
    other = type("Other", (TeamArm,), {limit: value})
    assert other(plan).version != TeamArm(plan).version == TeamArm(plan).version


def test_patches_are_bounded(stage: Stage) -> None:
    flips = [WRONG, *([FIX.replace("-    return a - b", "-    return b - a").replace("a + b", "a * b")])]
    more = FIX.replace("-    return a - b", "-    return a * b").replace("a + b", "a / b")
    last = FIX.replace("-    return a - b", "-    return a / b")
    calls = [call("apply_patch", patch=patch) for patch in (*flips, more, last)]
    script = {"installer": [over("no")], "tester": [over("no")], "patcher": [*calls, over("no more")]}
    solution = stage.play(team_roles(), script)
    assert "refused: 3 of 3 patches have been applied" in stage.heard("patcher")
    assert "+    return a / b" in solution.patch


def test_patch_that_is_none_changes_nothing(stage: Stage) -> None:
    script = {
        "installer": [over("no")],
        "tester": [over("no")],
        "patcher": [call("apply_patch", patch="hm"), over("no")],
    }
    assert stage.play(team_roles(), script).patch == ""
    assert "error: nothing was changed: there is no change in it" in stage.heard("patcher")


def test_limit_inside_a_call_loses_nothing(stage: Stage) -> None:
    script = {
        "installer": [over("nothing to install")],
        "tester": [over("add is wrong")],
        "patcher": [call("apply_patch", patch=WRONG), BudgetExhausted("cell", "no money is left")],
    }
    with pytest.raises(LimitReached, match="no money is left"):
        stage.play(team_roles(), script)
    draft = stage.drafts[-1]
    assert "+    return b - a" in (draft.patch or "")
    assert draft.per_step_tokens == {"installer": 15, "tester": 15, "patcher": 15}
    assert [one["agent"] for one in draft.tool_calls] == ["installer", "tester", "patcher"]


def test_patch_of_the_last_answer_before_a_limit_is_kept(stage: Stage) -> None:
    approve = call("approve", reason="fine")

    def late(request: Request) -> Answer:
        time.sleep(3.1)
        return approve(request)

    script = {"patcher": [call("propose_patch", patch=FIX, reason="add adds")], "reviewer": [late]}
    with pytest.raises(LimitReached, match="the 3 s for solving are over"):
        stage.play(team_review(), script, timeout_s=3)
    assert "+    return a + b" in (stage.drafts[-1].patch or "")


def test_time_that_is_over_ends_the_team(stage: Stage) -> None:
    with pytest.raises(LimitReached) as ended:
        stage.play(team_roles(), {}, timeout_s=0.000_001)
    assert ended.value.stop is Stop.TIME


def test_commands_are_kept_for_the_audit(stage: Stage) -> None:
    script = {
        "installer": [
            call("search_code", text="return a"),
            call("search_code", text="nowhere", path="test_calc.py"),
            over("no"),
        ],
        "tester": [call("swe_pytest_full", args=["-k", "zero"]), over("no")],
        "patcher": [over("no")],
    }
    solution = stage.play(team_roles(), script)
    assert solution.commands == (
        "git grep -n -I -i -F -e 'return a' --",
        "git grep -n -I -i -F -e nowhere -- test_calc.py",
        "pytest -k zero",
    )
    heard = stage.heard("installer")
    assert "calc.py:2:    return a - b" in heard
    assert "nothing found" in heard


def test_other_languages_are_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"'issue' is written in 'Go', its tools run pytest; choose --language"):
        team_roles().check([made_instance("issue", language="Go")])


def test_estimate_knows_the_turns() -> None:
    expected = team_leader_follower().expected(made_instance("issue").problem)
    assert expected.calls == (8, 35)
    assert 100 < expected.input_tokens[0] < 2_000


@pytest.mark.parametrize("arm", [team_review(), team_roles(), team_round_robin(), team_leader_follower()])
def test_scenarios_are_refused(arm: Arm) -> None:
    with pytest.raises(InputError, match=rf"arm '{arm.name}': 'talk' is a prompt scenario"):
        arm.check([made_instance("talk", kind=Kind.SCENARIO)])
    arm.check([made_instance("issue")])
