"""Options of teams in real runs: turns and calls that are bounded, and those that come to nothing refused."""

from __future__ import annotations

import json

import pytest

from pytest_swebench.datasets.demo import load_demo
from tests.plugin.conftest import Run, records
from tests.plugin.test_bad_input import refused
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.runs import asking

pytestmark = pytest.mark.usefixtures("key")
LOOK = ScriptedAnswer("I look.", (("search_code", {"text": "def loads"}),))


def demo(url: str, *more: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--outcome=capture", "--instance-ids=tinyconf__tinyconf-5"),
        *(*asking(url), *more),
    )


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            ("--arms=team_leader_follower", "--max-turns=3"),
            ("arm 'team_leader_follower': --max-turns 3: a team of 4 (leader, installer, tester, patcher)", "give 4"),
        ),
        (("--arms=team_review,team_roles", "--max-turns=10,2"), ("arm 'team_roles': --max-turns 2", "give 3 or more")),
        (("--arms=singleshot", "--max-turns=3"), ("--max-turns: has no effect on singleshot; leave it out",)),
        (("--arms=agent,gold", "--tool-calls=3"), ("--tool-calls: has no effect on agent, gold; leave it out",)),
        (("--arms=team_review", "--tool-calls=0"), ("--tool-calls", "0")),
    ],
)
def test_bounds_that_make_no_sense_are_refused(run: Run, options: tuple[str, ...], parts: tuple[str, ...]) -> None:
    with LLMServer([LOOK]) as server:
        refused(run(*demo(server.openai_url, *options)), *parts)
        assert not server.requests


def test_turns_and_calls_of_a_team_are_bounded(run: Run, pytester: pytest.Pytester) -> None:
    with LLMServer([LOOK]) as server:
        options = ("--arms=team_round_robin,singleshot", "--max-turns=7", "--tool-calls=1")
        result = run(*demo(server.openai_url, *options))
        assert result.ret == 0
        asked = [request.body for request in server.requests if "tools" in request.body]
    (record,) = [one for one in records(pytester.path) if one["variant"] == "team_round_robin"]
    assert (record["calls"], record["stop"], record["failed_guard"]) == (7, "steps", "turns")
    assert len(asked) == 7
    refusals = json.dumps(asked[-1]).count("refused: search_code has been called 1 times")
    assert refusals == 1


def test_answers_before_an_outage_are_not_paid_again_though_tests_took_other_seconds(
    run: Run, pytester: pytest.Pytester
) -> None:
    (gold,) = (one.hidden.gold_patch for one in load_demo() if one.instance_id == "tinyconf__tinyconf-5")
    propose = ScriptedAnswer("", (("propose_patch", {"patch": f"```diff\n{gold}```", "reason": "it mends it"}),))
    test = ScriptedAnswer("", (("run_tests", {"args": ["-q", "tests"]}),))
    approve = ScriptedAnswer("", (("approve", {"reason": "fine"}),))
    with LLMServer([LOOK, propose, test, test, test, *[Status(500)] * 3, approve]) as server:
        assert run(*demo(server.openai_url, "--arms=team_review", "--reruns=1")).ret == 0
        assert len(server.requests) == 5 + 3 + 1
    (record,) = records(pytester.path)
    assert (record["outcome"], record["attempt"], record["calls"]) == ("resolved", 2, 6)
    assert record["served"] == {"earlier": 5}
