"""Teams in whole runs of pytest: eight local tasks, real SDK and real tests, recorded and replayed."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.team.arm import team_leader_follower, team_review, team_round_robin
from pytest_swebench.arms.team.roles import budgets
from pytest_swebench.cell import Cell
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import EventType
from pytest_swebench.records.tracereader import read_traces
from tests.support.llm_server import LLMServer
from tests.support.local_tasks import TASKS, make_repositories, rows, statement
from tests.support.team_play import play

PLANS = {arm.name: arm for arm in (team_review(), team_round_robin(), team_leader_follower())}
TURNS = 12


@pytest.fixture
def tasks(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PROVIDER", "MODEL", "BASE_URL", "OUTPUT_DIR", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:langsmith_plugin -p no:cov")
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


def results(pytester: pytest.Pytester, run_id: str) -> list[dict[str, Any]]:
    lines = (pytester.path / "results" / run_id / "results.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


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
    records = results(pytester, "all")
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


def test_recorded_teams_are_replayed_without_a_call(pytester: pytest.Pytester, tasks: Path) -> None:
    one = ("--instance-ids=basket-all",)
    with LLMServer(play) as server:
        url = f"--provider-url={server.openai_url}"
        assert run(pytester, tasks, "recorded", url, *one, "--cassette=record") == 0
        paid = len(server.requests)
        assert run(pytester, tasks, "replayed", url, *one, "--cassette=replay") == 0
        assert len(server.requests) == paid > 0
    first, second = (
        {record["variant"]: (record["patch"], record["outcome"], record["calls"]) for record in results(pytester, name)}
        for name in ("recorded", "replayed")
    )
    assert first == second
    assert {outcome for _, outcome, _ in first.values()} == {"resolved"}
