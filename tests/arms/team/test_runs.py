"""Teams in whole runs of pytest: eight local tasks, real SDK and real tests, recorded and replayed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest

from pytest_swebench.arms.team.arm import team_leader_follower, team_review, team_round_robin
from pytest_swebench.arms.team.roles import budgets
from pytest_swebench.cell import Cell
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import EventType
from pytest_swebench.records.tracereader import read_traces
from tests.support.llm_server import AnswerFunction, LLMServer
from tests.support.local_tasks import TASKS, make_repositories, rows, statement
from tests.support.local_tasks import play as play_alone
from tests.support.runs import lines, without_settings
from tests.support.team_play import play

PLANS = {arm.name: arm for arm in (team_review(), team_round_robin(), team_leader_follower())}
TURNS = 12


@pytest.fixture
def tasks(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_settings(monkeypatch)
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    upstream = pytester.path / "upstream"
    limits = {"clone": 30, "install": 60, "test": 30}
    made = rows(str(upstream), make_repositories(upstream), trusted=True, timeouts=limits)
    path = pytester.path / "tasks.jsonl"
    path.write_text("".join(f"{json.dumps(row | {'problem_statement': statement(row['task_id'])})}\n" for row in made))
    return path


def run(pytester: pytest.Pytester, tasks: Path, run_id: str, *more: str, arms: str = ",".join(PLANS)) -> int:
    options = ["-m", "experiment", f"--dataset={tasks}", f"--arms={arms}", "--model=m-1", "--outcome=capture"]
    options += [
        "--provider=openai",
        f"--max-turns={TURNS}",
        f"--run-id={run_id}",
        "--sandbox=local",
        "--price=1,2",
        *more,
    ]
    return int(pytester.runpytest_subprocess(*options, timeout=300).ret)


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(("basket-all", "colours-case", "colours-known"), id="three"),
        pytest.param(tuple(TASKS), id="eight", marks=pytest.mark.soak),
    ],
)
def test_teams_solve_the_tasks_within_their_turns(
    pytester: pytest.Pytester, tasks: Path, chosen: tuple[str, ...]
) -> None:
    with LLMServer(play) as server:
        url, ids = f"--provider-url={server.openai_url}", f"--instance-ids={','.join(chosen)}"
        assert run(pytester, tasks, "all", url, ids, "-n2") == 0
    records = lines(pytester.path, "all")
    assert Counter(record["outcome"] for record in records) == {"resolved": len(chosen) * len(PLANS)}
    order: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in PLANS}
    for record in records:
        shares = budgets(PLANS[record["variant"]].roles, TURNS)
        spent = Counter(record["per_step_tokens"])
        assert all(spent[agent] <= shares[agent] * 15 for agent in shares)  # 15 tokens a turn
        assert record["calls"] <= TURNS
        assert record["wall_time_seconds"]["solve"] < 30  # the limit for one task
        agents = tuple(agent for agent, _ in groupby(call["agent"] for call in record["tool_calls"]))
        order[record["variant"]][record["instance_id"]] = agents
        layout = RunLayout(pytester.path / "results", "all", "")
        (trace,) = read_traces(layout, Cell(record["instance_id"], record["variant"], 1))
        floor = [traced.event.agent for traced in trace.events if traced.event.type is EventType.STEP_START]
        assert tuple(floor) == agents  # who had the floor is who called something
    # the task whose tests only lack a package is done once that is there
    for task_id in chosen:
        broken = task_id != "colours-known"
        led = ("leader", "installer", "leader", "tester")
        assert order["team_review"][task_id] == (("patcher", "reviewer") if broken else ("patcher",))
        assert order["team_round_robin"][task_id] == ("installer", "tester", "patcher")[: 3 if broken else 2]
        assert order["team_leader_follower"][task_id] == ((*led, "leader", "patcher") if broken else led)


@pytest.mark.parametrize(
    ("arms", "model"),
    [
        pytest.param(tuple(PLANS), play, id="teams"),
        pytest.param(("agent_onepatch",), play_alone, id="alone"),
    ],
)
def test_recorded_work_is_replayed_without_a_call(
    pytester: pytest.Pytester, tasks: Path, arms: tuple[str, ...], model: AnswerFunction
) -> None:
    one = ("--instance-ids=basket-all",)
    with LLMServer(model) as server:
        url = f"--provider-url={server.openai_url}"
        assert run(pytester, tasks, "recorded", url, *one, "--cassette=record", arms=",".join(arms)) == 0
        paid = len(server.requests)
        assert run(pytester, tasks, "replayed", url, *one, "--cassette=replay", arms=",".join(arms)) == 0
        assert len(server.requests) == paid > 0
    first, second = (
        {
            record["variant"]: (record["patch"], record["outcome"], record["calls"])
            for record in lines(pytester.path, name)
        }
        for name in ("recorded", "replayed")
    )
    assert first == second
    assert {name: outcome for name, (_, outcome, _) in first.items()} == dict.fromkeys(arms, "resolved")
