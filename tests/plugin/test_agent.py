"""Agents as items of real runs, over real wires: limits, variants, recordings, real instances."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.datasets.demo import load_demo
from tests.plugin.conftest import Run, outcomes, records
from tests.support.gold_agent import Call, edits, good_work
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.runs import asking, lines
from tests.support.trivial import trivial_image, trivial_instance
from tests.test_project import ROOT, python_block

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.usefixtures("key")
ISSUE = "tinyconf__tinyconf-5"
TESTS: Call = ("run_tests", {"args": ["-q", "tests"]})
LOOK = ScriptedAnswer("I look.", (("run", {"command": "ls"}),), usage={"input": 10_000, "output": 5})

# what each real project tests itself with
REAL: dict[str, Call] = {
    "pytest-dev__pytest-10356": ("run_tests", {"args": ["-q", "testing/test_mark.py", "-k", "keyword"]}),
    "mwaskom__seaborn-3010": ("run_tests", {"args": ["-q", "tests/_stats/test_regression.py"]}),
    "sympy__sympy-24661": (
        "run",
        {"command": "python -c \"import sympy; sympy.test('sympy/parsing/tests/test_ast_parser.py')\""},
    ),
}
FEW = ("pytest-dev__pytest-10356", "anthropic")


def gold() -> str:
    (found,) = (one.hidden.gold_patch for one in load_demo() if one.instance_id == ISSUE)
    return found


def demo(url: str, *more: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--arms=agent", "--outcome=capture", f"--instance-ids={ISSUE}"),
        *(*asking(url), *more),
    )


def test_turns_are_a_dimension_of_variants(run: Run, pytester: pytest.Pytester) -> None:
    with LLMServer([LOOK]) as server:
        result = run(*demo(server.openai_url, "--max-turns=2,3"))
        assert result.ret == 0
        assert len(server.requests) == 5
    found = {
        record["variant"]: (record["outcome"], record["stop"], record["calls"]) for record in records(pytester.path)
    }
    assert len(found) == 2
    assert sorted(found.values()) == [("limit", "steps", 2), ("limit", "steps", 3)]


def test_cap_of_a_cell_keeps_the_diff_and_grades_it(run: Run, pytester: pytest.Pytester) -> None:
    *work, _ = good_work(gold(), TESTS)
    with LLMServer([*work, LOOK]) as server:
        result = run(*demo(server.openai_url, "--max-cost-per-cell=0.04"))
        assert result.ret == 0
        assert len(work) <= len(server.requests) < 60
    (record,) = records(pytester.path)
    assert (record["outcome"], record["stop"]) == ("resolved", "cost")
    assert "--max-cost-per-cell $0.04" in record["notes"]
    assert record["cost_usd"] <= 0.04


def test_arms_own_cap_holds_where_none_is_given(run: Run, pytester: pytest.Pytester) -> None:
    *work, _ = good_work(gold(), TESTS)
    with LLMServer([*work, LOOK]) as server:
        dear = [option for option in demo(server.openai_url, "--price=40,100") if option != "--price=1,2"]
        assert run(*dear).ret == 0
    (record,) = records(pytester.path)
    assert (record["outcome"], record["stop"]) == ("resolved", "cost")
    assert "the arm's own limit $3.00" in record["notes"]
    assert record["cost_usd"] <= 3.0


def test_unknown_price_under_a_cap_on_tokens_leaves_the_arms_own_cap_out(run: Run, pytester: pytest.Pytester) -> None:
    with LLMServer(good_work(gold(), TESTS)) as server:
        unpriced = [option for option in demo(server.openai_url, "--max-tokens=10000000") if option != "--price=1,2"]
        assert run(*unpriced).ret == 0
    (record,) = records(pytester.path)
    assert (record["outcome"], record["stop"], record["cost_usd"]) == ("resolved", "submitted", None)


def test_answers_that_nobody_can_read_are_turns_like_any_other(run: Run, pytester: pytest.Pytester) -> None:
    unreadable = ScriptedAnswer("", (("run", {}),), raw_arguments="{command: ls}")
    with LLMServer([ScriptedAnswer(""), unreadable, *good_work(gold(), TESTS)]) as server:
        assert run(*demo(server.openai_url)).ret == 0
        assert len(server.requests) == 7
    (record,) = records(pytester.path)
    assert (record["outcome"], record["stop"], record["calls"]) == ("resolved", "submitted", 7)


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_model_that_answers_nothing_ends_within_its_limits(run: Run, pytester: pytest.Pytester, wire: str) -> None:
    with LLMServer([ScriptedAnswer("")]) as server:
        url = server.openai_url if wire == "openai" else server.anthropic_url
        options = [option for option in demo(url) if option != "--provider=openai"]
        assert run(*options, f"--provider={wire}").ret == 0
        assert len(server.requests) == 4
    (record,) = records(pytester.path)
    assert (record["outcome"], record["stop"]) == ("no_patch", "submitted")
    assert record["notes"] == "the model stopped calling tools and never submitted"


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_recorded_agent_replays_without_a_call(run: Run, pytester: pytest.Pytester, wire: str) -> None:
    with LLMServer(good_work(gold(), TESTS)) as server:
        url = server.openai_url if wire == "openai" else server.anthropic_url
        options = [option for option in demo(url) if option != "--provider=openai"]
        first = run(*options, f"--provider={wire}", "--cassette=record", "--run-id=recorded")
        assert first.ret == 0
        assert len(server.requests) == 5
        again = run(*options, f"--provider={wire}", "--cassette=replay", "--run-id=replayed")
        assert again.ret == 0
        assert len(server.requests) == 5
    (recorded,), (replayed,) = (lines(pytester.path, name) for name in ("recorded", "replayed"))
    assert recorded["outcome"] == "resolved"
    for name in ("outcome", "patch", "verdict", "stop", "tokens", "tool_calls", "per_step_tokens", "notes"):
        assert replayed[name] == recorded[name]
    assert (replayed["cost_usd"], replayed["served"]) == (0.0, {"cassette": 5})


def test_turns_that_are_paid_are_not_paid_again_after_an_outage(run: Run, pytester: pytest.Pytester) -> None:
    first, second, *rest = good_work(gold(), TESTS)
    with LLMServer([first, second, *[Status(500)] * 3, *rest]) as server:
        assert run(*demo(server.openai_url, "--reruns=1")).ret == 0
        assert len(server.requests) == 2 + 3 + 3
    (record,) = records(pytester.path)
    assert (record["outcome"], record["attempt"], record["calls"]) == ("resolved", 2, 5)
    assert record["served"] == {"earlier": 2}


def test_network_for_installing_is_refused_where_containers_have_none_to_lend(run: Run) -> None:
    with LLMServer([LOOK]) as server:
        refused = run(*demo(server.openai_url, "--sandbox=local", "--agent-network=install"))
        assert refused.ret == pytest.ExitCode.USAGE_ERROR
        refused.stderr.fnmatch_lines(["*--agent-network*"])
        assert not server.requests


def test_tool_for_installing_is_offered_where_it_is_asked_for(
    run: Run, pytester: pytest.Pytester, row: Callable[[str], dict[str, Any]]
) -> None:
    row("pytest-dev__pytest-10356")
    with LLMServer([ScriptedAnswer("", (("submit", {}),))]) as server:
        for network, offered in (("none", False), ("install", True)):
            options = [option for option in demo(server.openai_url) if not option.startswith("--dataset")]
            result = run(
                *[option for option in options if not option.startswith("--instance-ids")],
                *("--dataset=rows.jsonl", f"--agent-network={network}", f"--run-id={network}"),
            )
            assert result.ret == 0
            names = {tool["function"]["name"] for tool in server.requests[-1].body["tools"]}
            assert ("pip_install" in names) is offered
            (record,) = lines(pytester.path, network)
            assert (record["outcome"], record["notes"]) == ("no_patch", "the arm left no patch")


def test_arm_with_its_own_tools_in_the_documentation_runs(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(python_block(ROOT / "docs" / "agents.md"))
    work = [ScriptedAnswer("", tuple(edits(gold()))), ScriptedAnswer("", (("done", {}),))]
    with LLMServer([*work, work[0]]) as server:
        options = [option.replace("--arms=agent", "--arms=terse") for option in demo(server.openai_url)]
        result = run(*options, "--run-id=whole")
        bounded = run(*options, "--max-turns=1", "--run-id=bounded")
    assert (result.ret, bounded.ret) == (0, 0)
    (record,), (cut,) = (lines(pytester.path, name) for name in ("whole", "bounded"))
    assert (record["outcome"], record["stop"], record["calls"]) == ("resolved", "submitted", 2)
    assert (cut["stop"], cut["calls"]) == ("steps", 1)


@pytest.fixture
def row(real_row: Callable[[str], dict[str, Any]], pytester: pytest.Pytester) -> Callable[[str], dict[str, Any]]:
    """Write one real row to `rows.jsonl` and return it."""

    def write(instance_id: str) -> dict[str, Any]:
        row = real_row(instance_id)
        pytester.path.joinpath("rows.jsonl").write_text(json.dumps(row) + "\n")
        return row

    return write


@pytest.mark.parametrize(
    ("instance_id", "wire"),
    [
        pytest.param(name, wire, marks=[] if (name, wire) == FEW else pytest.mark.soak)
        for name in REAL
        for wire in ("anthropic", "openai")
    ],
)
def test_real_issue_is_resolved_with_real_commands_over_a_real_wire(
    run: Run, pytester: pytest.Pytester, row: Callable[[str], dict[str, Any]], instance_id: str, wire: str
) -> None:
    known = row(instance_id)
    with LLMServer(good_work(known["patch"], REAL[instance_id])) as server:
        url = server.anthropic_url if wire == "anthropic" else server.openai_url
        options = ("--dataset=rows.jsonl", "--arms=agent", "--outcome=capture", *asking(url, provider=wire))
        result = run("-m", "experiment", *options, timeout_s=600)
        assert result.ret == 0
        results = tool_results(server.requests[-1].body)
    assert outcomes(pytester.path) == {f"{instance_id}/agent/r1": "resolved"}
    (record,) = records(pytester.path)
    assert (record["stop"], record["calls"], record["per_step_tokens"]) == ("submitted", 5, {"agent": 4900})
    assert results[0].startswith("exit code 4\n")
    assert results[1].startswith("exit code 0\n")
    assert results[2].startswith("exit code 0\n")
    assert results[3].startswith("     1\t")
    made = [call for call in record["tool_calls"] if call["name"] == "edit_file"]
    assert results[4 : 4 + len(made)] == ["replaced"] * len(made)
    assert results[-1].startswith("exit code 0\n")
    assert " passed" in results[-1]
    told = json.dumps([request.body for request in server.requests])
    assert not [name for name in json.loads(known["FAIL_TO_PASS"]) if name.rpartition("::")[2] in told]
    assert record["integrity"]["state"] == "clean"


def tool_results(body: dict[str, Any]) -> list[str]:
    """Return what the tools came to, in either format."""
    found = []
    for message in body["messages"]:
        if message["role"] == "tool":
            found.append(message["content"])
        elif isinstance(message["content"], list):
            found += [part["content"] for part in message["content"] if part["type"] == "tool_result"]
    return found


PATIENT = """
from pytest_swebench.arms.protocol import Solution

class Patient:
    name, version, paid, oracle = "patient", "1", False, False
    timeout_s = 9000.0
    def check(self, instances): pass
    def solve(self, context):
        told = context.sandbox().run(r"tr '\\0' '\\n' < /proc/1/cmdline | tail -n 1", timeout_s=30)
        return Solution(notes=f"{context.timeout_s:g} {told.output.strip()}")

def pytest_swebench_arms():
    return [Patient()]
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), "9000 12600"), (("--generation-timeout=20000",), "20000 23600"), (("--generation-timeout=60",), "60 7200")],
)
def test_sandboxes_outlast_the_most_patient_arm(
    run: Run, pytester: pytest.Pytester, docker_client: DockerClient, options: tuple[str, ...], expected: str
) -> None:
    instance = trivial_instance(1)
    trivial_image(docker_client)
    (pytester.path / "calc").mkdir()
    row = {"task_id": "calc", "repo": "calc", "ref": "", "image": instance.image, "timeouts": {"clone": 60}}
    (pytester.path / "rows.jsonl").write_text(json.dumps(row))
    for arguments in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "base")):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", *arguments]
        subprocess.run(command, cwd=pytester.path / "calc", check=True)
    pytester.makeconftest(PATIENT)
    chosen = ("-m", "experiment", "--dataset=rows.jsonl", "--arms=patient", "--outcome=capture", "--generate-only")
    assert run(*chosen, *options).ret == 0
    (record,) = records(pytester.path)
    assert record["notes"] == expected


def test_a_limit_after_the_repository_is_gone_is_no_fault_of_the_tool(run: Run, pytester: pytest.Pytester) -> None:
    wreck = ScriptedAnswer("", (("run", {"command": "rm -rf .git"}),))
    with LLMServer([wreck, LOOK]) as server:
        assert run(*demo(server.openai_url, "--max-cost-per-cell=0.04")).ret == 0
    (record,) = records(pytester.path)
    assert (record["outcome"], record["stop"]) == ("limit", "cost")
    assert "no patch can be taken from what was left" in record["notes"]
