"""The arm of mini-swe-agent as items of real runs: over real wires, recorded, on a real instance."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_swebench.arms.mini.environment import MARKER
from pytest_swebench.datasets.demo import load_demo
from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.runs import asking, lines

pytestmark = pytest.mark.usefixtures("key")
ISSUE = "tinyconf__tinyconf-5"
REAL = "pytest-dev__pytest-10356"
USAGE = {"input": 900, "output": 80}

installed = pytest.mark.skipif(not importlib.util.find_spec("minisweagent"), reason="the extra [mini] is missing")


def work(patch: str, test: str) -> list[ScriptedAnswer]:
    """Return the answers of a model that looks, makes `patch`, tests it, and submits as the prompt says."""

    def bash(text: str, *commands: str) -> ScriptedAnswer:
        return ScriptedAnswer(text, tuple(("bash", {"command": command}) for command in commands), usage=USAGE)

    return [
        bash("I look.", "git status --short; ls", "cd src; exit 4"),
        bash("I mend it.", f"git apply - <<'EOF'\n{patch}EOF"),
        bash("I test it.", test),
        bash("I write the patch.", "git diff > patch.txt"),
        bash("I submit.", f"echo {MARKER} && cat patch.txt"),
    ]


def gold() -> str:
    (found,) = (one.hidden.gold_patch for one in load_demo() if one.instance_id == ISSUE)
    return found


def demo(wire: str, url: str, *more: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--arms=mini", "--outcome=capture", f"--instance-ids={ISSUE}"),
        *(*asking(url, provider=wire), *more),
    )


@installed
@pytest.mark.parametrize("wire", [pytest.param("anthropic", marks=pytest.mark.soak), "openai"])
def test_recorded_agent_replays_without_a_call(run: Run, pytester: pytest.Pytester, wire: str) -> None:
    with LLMServer(work(gold(), "python -m pytest -q tests")) as server:
        url = server.openai_url if wire == "openai" else server.anthropic_url
        assert run(*demo(wire, url, "--cassette=record", "--run-id=recorded")).ret == 0
        assert len(server.requests) == 5
        assert run(*demo(wire, url, "--cassette=replay", "--run-id=replayed")).ret == 0
        assert len(server.requests) == 5
    (recorded,), (replayed,) = (lines(pytester.path, name) for name in ("recorded", "replayed"))
    assert (recorded["outcome"], recorded["stop"], recorded["calls"]) == ("resolved", "submitted", 5)
    assert recorded["cost_usd"] == pytest.approx(5 * (900 + 2 * 80) / 1e6)
    for name in ("outcome", "patch", "verdict", "stop", "tokens", "tool_calls", "per_step_tokens", "response_text"):
        assert replayed[name] == recorded[name]
    assert (replayed["cost_usd"], replayed["served"]) == (0.0, {"cassette": 5})
    (left,) = (pytester.path / "results" / "recorded" / "solve").glob(f"*/{ISSUE}.traj.json")
    assert json.loads(left.read_text())["info"]["model_stats"]["api_calls"] == 5


@installed
def test_limits_of_turns_and_cost_keep_the_diff_and_grade_it(run: Run, pytester: pytest.Pytester) -> None:
    looking = ScriptedAnswer("", (("bash", {"command": "ls"}),), usage={"input": 10_000, "output": 5})
    *good, _ = work(gold(), "python -m pytest -q tests")
    for limit, stop in (("--max-turns=6", "steps"), ("--max-cost-per-cell=0.04", "cost")):
        with LLMServer([*good, looking]) as server:
            assert run(*demo("openai", server.openai_url, limit, f"--run-id={stop}")).ret == 0
        (record,) = lines(pytester.path, stop)
        assert (record["outcome"], record["stop"]) == ("resolved", stop)
        assert "patch.txt" not in record["patch"]


def test_missing_extra_is_told_before_anything_runs(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['minisweagent'] = None  # as if it could not be had\n")
    with LLMServer([ScriptedAnswer("never")]) as server:
        refused = run(*demo("openai", server.openai_url))
        assert not server.requests
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*mini-swe-agent, which is not installed: pip install 'pytest-swebench[[]mini]'*"])


@installed
@pytest.mark.soak
def test_real_issue_is_resolved_in_its_container(
    run: Run, pytester: pytest.Pytester, real_row: Callable[[str], dict[str, Any]]
) -> None:
    row = real_row(REAL)
    pytester.path.joinpath("rows.jsonl").write_text(json.dumps(row) + "\n")
    test = "python -m pytest -q testing/test_mark.py -k keyword"
    with LLMServer(work(row["patch"], test)) as server:
        options = asking(server.anthropic_url, provider="anthropic")
        result = run("-m", "experiment", "--dataset=rows.jsonl", "--arms=mini", *options, timeout_s=600)
        assert result.ret == 0
        told = json.dumps([request.body for request in server.requests])
    assert outcomes(pytester.path) == {f"{REAL}/mini/r1": "resolved"}
    (record,) = records(pytester.path)
    assert (record["stop"], record["calls"], record["per_step_tokens"]) == ("submitted", 5, {"mini": 4900})
    assert record["notes"] == ""
    assert record["integrity"]["state"] == "clean"
    assert "in /testbed (this is the working directory" in told
    assert " passed" in told
    assert not [name for name in json.loads(row["FAIL_TO_PASS"]) if name.rpartition("::")[2] in told]
