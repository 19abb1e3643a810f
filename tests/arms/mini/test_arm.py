"""The arm from start to end, with a scripted model or an endpoint on loopback."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.arms.mini.arm import Mini
from pytest_swebench.arms.mini.environment import MARKER
from pytest_swebench.arms.mini.library import Library
from pytest_swebench.arms.protocol import Draft, Solution
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import (
    BudgetExhausted,
    ContextOverflow,
    InputError,
    LimitReached,
    ProviderError,
    SandboxLost,
)
from pytest_swebench.outcome import Stop
from pytest_swebench.patch import changed_paths
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason
from pytest_swebench.records.formats.mini_swe_agent import is_trajectory, trajectory_of
from pytest_swebench.records.trace import EventType
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.agent.scripted import Scripted, calls, context, says
from tests.support.asking import connect
from tests.support.kept import Kept
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.trivial import trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

MEND = "sed -i 's/a - b/a + b/' calc.py"
DIFF = "git diff -- calc.py > patch.txt"
SUBMIT = f"echo {MARKER} && cat patch.txt"
END = f"echo {MARKER}"

pytestmark = pytest.mark.usefixtures("library")


def bash(*commands: Any, text: str = "") -> Answer:
    return calls(*(("bash", {"command": command}) for command in commands), text=text)


Solve = Callable[..., Solution]


@pytest.fixture
def solve(calc: Instance, sandbox: Sandbox, tmp_path: Path) -> Solve:
    """Let the arm work on `calc`; what it leaves lies in `left`."""

    def run(model: Provider, redact: Callable[[Any], Any] = lambda data: data, **more: Any) -> Solution:
        given = context(Scripted([]), tmp_path / "left", sandbox=lambda: sandbox, problem=calc.problem, **more)
        return Mini().solve(dataclasses.replace(given, provider=model, redact=redact))

    return run


def trajectory(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "left" / "calc__calc-1.traj.json").read_text())
    return data


def test_model_works_with_its_tool_until_it_submits(solve: Solve) -> None:
    model = Scripted([bash("cat calc.py", "ls", text="I look."), bash(MEND), bash(DIFF), bash(SUBMIT)])
    drafts: list[Draft] = []
    kept = Kept()
    solution = solve(model, drafts=drafts, trace=kept)
    assert (solution.stop, solution.notes) == (Stop.SUBMITTED, "")
    assert changed_paths(solution.patch) == ["calc.py"]
    assert solution.response_text.startswith("diff --git a/calc.py b/calc.py\n")
    assert solution.commands == ("cat calc.py", "ls", MEND, DIFF, SUBMIT)
    assert solution.tool_calls[0] == {"name": "bash", "arguments": {"command": "cat calc.py"}}
    assert solution.per_step_tokens == {"mini": 60}
    assert [len(draft.commands) for draft in drafts] == [0, 2, 3, 4]
    assert drafts[-1].patch is None
    assert [event.type for event in kept.events][:4] == [
        *(EventType.STEP_START, EventType.ATTEMPT, EventType.NOTE, EventType.NOTE)
    ]
    assert kept.events[3].summary == "$ ls\nexit code 0\ncalc.py\n"
    assert kept.events[-1].type is EventType.STEP_PASS


def test_requests_hold_the_prompts_and_the_conversation(solve: Solve, sandbox: Sandbox, calc: Instance) -> None:
    model = Scripted([bash("echo hello", text="I look."), bash(END)])
    solve(model)
    first, second = model.requests
    assert [tool.name for tool in first.tools] == ["bash"]
    assert "solve programming tasks" in first.system
    assert calc.problem.statement in first.messages[0].content
    assert "/testbed" not in first.messages[0].content  # the working copy is elsewhere
    assert sandbox.workdir not in first.messages[0].content  # or a recording of one run would serve no other
    assert (first.model, first.temperature, first.sample, first.agent) == ("m", 0.5, 2, "mini")
    assert second.messages[1] == Message("assistant", "I look.", bash("echo hello").tool_calls)
    assert second.messages[2].tool_call_id == "c0"
    assert "<output>\nhello\n</output>" in second.messages[2].content
    assert [timeout_s <= 60.0 for timeout_s in model.timeouts_s] == [True, True]


def test_trajectory_is_one_of_the_library_s_own(solve: Solve, tmp_path: Path) -> None:
    paid = Meter(Scripted([bash("echo sk-canary-0123456789"), bash(MEND, DIFF), bash(SUBMIT)]), price=lambda *_: 0.25)
    solve(paid, redact=Redactor(["sk-canary-0123456789"]).data)
    data = trajectory(tmp_path)
    assert is_trajectory(data)
    assert data["trajectory_format"] == "mini-swe-agent-1.1"
    assert data["info"]["model_stats"] == {"instance_cost": 0.75, "api_calls": 3}
    assert data["messages"][2]["extra"]["response"]["usage"]["total_tokens"] == 15
    assert data["messages"][-1]["role"] == "exit"
    assert "sk-canary" not in json.dumps(data)
    read = trajectory_of(data, "", "here")
    assert (read.instance_id, read.status, read.model) == ("calc__calc-1", "Submitted", "m")
    assert changed_paths(read.patch) == ["calc.py"]
    assert len(read.commands) == 4


def test_what_the_submission_leaves_out_is_said(solve: Solve) -> None:
    solution = solve(Scripted([bash(MEND, "echo 1 > seen.py", DIFF), bash(SUBMIT)]))
    assert changed_paths(solution.patch) == ["calc.py", "seen.py"]
    assert solution.notes == "the patch holds what the agent left out of its submission: seen.py"


def test_repository_that_the_agent_removed_leaves_no_patch(solve: Solve) -> None:
    solution = solve(Scripted([bash(MEND, "rm -rf .git"), bash(END)]))
    assert (solution.patch, solution.stop) == ("", Stop.SUBMITTED)
    assert "no patch can be taken from what was left" in solution.notes


def test_turns_that_are_used_up_keep_the_diff(solve: Solve) -> None:
    kept = Kept()
    solution = solve(Scripted([bash(MEND, DIFF), bash("ls", text="I look on.")]), turns=3, trace=kept)
    assert (solution.stop, solution.response_text) == (Stop.STEPS, "I look on.")
    assert changed_paths(solution.patch) == ["calc.py"]
    assert solution.notes == "the model had its 3 turns; --max-turns gives more"
    assert kept.events[-1].type is EventType.STEP_FAIL


def test_time_that_a_command_uses_up_keeps_the_diff(solve: Solve, tmp_path: Path) -> None:
    solution = solve(Scripted([bash(MEND), bash("sleep 60")]), timeout_s=4.0)
    assert solution.stop is Stop.TIME
    assert changed_paths(solution.patch) == ["calc.py"]
    assert "--generation-timeout gives more" in solution.notes
    assert trajectory(tmp_path)["info"]["exit_status"] == "TimeExceeded"


def test_answer_that_the_end_of_all_time_cuts_is_no_fault_of_the_endpoint(solve: Solve) -> None:
    def slow(request: Request) -> Answer:
        time.sleep(model.timeouts_s[-1] * 0.95)
        raise ProviderError("too slow")

    model = Scripted([bash(MEND), slow])
    solution = solve(model, timeout_s=2.0)
    assert solution.stop is Stop.TIME


def test_endpoint_that_fails_is_infrastructure(solve: Solve, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="down"):
        solve(Scripted([bash(MEND), ProviderError("down")]))
    assert trajectory(tmp_path)["info"]["exit_status"] == "ProviderError"


def test_sandbox_that_is_lost_is_infrastructure(solve: Solve, sandbox: Sandbox, tmp_path: Path) -> None:
    def lose(request: Request) -> Answer:
        sandbox.close()
        return bash("ls")

    with pytest.raises(SandboxLost):
        solve(Scripted([bash(MEND), lose]))
    assert trajectory(tmp_path)["info"]["exit_status"] == "SandboxLost"


def test_cap_on_cost_goes_through_and_leaves_a_tidy_working_copy(solve: Solve, sandbox: Sandbox) -> None:
    drafts: list[Draft] = []
    kept = Kept()
    with pytest.raises(BudgetExhausted):
        solve(Scripted([bash(MEND, DIFF), BudgetExhausted("cell", "$3 are spent")]), drafts=drafts, trace=kept)
    assert changed_paths(sandbox.diff()) == ["calc.py"]
    assert drafts[-1].commands == (MEND, DIFF)
    assert (kept.events[-1].type, kept.events[-1].summary) == (EventType.STEP_FAIL, "$3 are spent")


def test_conversation_beyond_the_model_is_a_limit(solve: Solve) -> None:
    with pytest.raises(LimitReached, match="too long for the model: 9 tokens") as caught:
        solve(Scripted([bash(MEND), ContextOverflow("9 tokens")]))
    assert caught.value.stop is Stop.CONTEXT


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (says("I am done."), "No tool calls found"),
        (calls(("python", {"command": "1"})), "Unknown tool 'python'"),
        (calls(("bash", {"cmd": "ls"})), "Missing 'command' argument"),
        (bash(["ls"]), "Missing 'command' argument"),
        (says("and so on", StopReason.MAX_TOKENS), "output token limit"),
    ],
)
def test_wrong_answers_are_told_so_and_end_the_agent_in_the_end(solve: Solve, wrong: Answer, told: str) -> None:
    model = Scripted([bash(MEND), wrong])
    solution = solve(model)
    assert told in model.requests[2].messages[-1].content
    assert len(model.requests) == 4
    assert solution.stop is Stop.SUBMITTED
    assert "never submitted" in solution.notes
    assert changed_paths(solution.patch) == ["calc.py"]


def test_answer_that_is_right_again_is_gone_on_from(solve: Solve) -> None:
    wrong = says("Hm.")
    solution = solve(Scripted([wrong, wrong, bash(MEND), wrong, wrong, bash(DIFF), bash(SUBMIT)]))
    assert (solution.stop, solution.notes) == (Stop.SUBMITTED, "")


def test_odd_characters_and_long_outputs_reach_the_model_as_it_can_take_them(solve: Solve, tmp_path: Path) -> None:
    model = Scripted([bash("printf '%0100000d'", "echo \ud800", "echo \0x"), bash(END)])
    solve(model)
    long, odd, nul = model.told()
    assert "characters elided" in long
    assert len(long) < 12_000
    assert "<output>\n?\n</output>" in odd
    assert "NUL" in nul
    assert len((tmp_path / "left" / "calc__calc-1.traj.json").read_text()) < 200_000


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_real_clients_carry_it(solve: Solve, wire: str) -> None:
    look = ScriptedAnswer("I look.", (("bash", {"command": "cat calc.py"}), ("bash", {"command": MEND})))
    done = ScriptedAnswer("", (("bash", {"command": f"{DIFF}; {SUBMIT}"}),))
    with LLMServer([look, Status(429, headers={"retry-after": "0.01"}), ScriptedAnswer("No call."), done]) as server:
        provider = connect(wire, server.url)
        solution = solve(provider)
        provider.close()
        assert len(server.requests) == 4
        told = json.dumps(server.requests[-1].body)
    assert solution.stop is Stop.SUBMITTED
    assert changed_paths(solution.patch) == ["calc.py"]
    assert "return a - b" in told
    assert "No tool calls found" in told


def test_container_is_named_as_the_library_s_prompt_has_it(docker_client: DockerClient, tmp_path: Path) -> None:
    trivial_image(docker_client)
    instance = trivial_instance(1)
    model = Scripted([bash(f"{MEND}; {DIFF}"), bash(SUBMIT)])
    with closing(DockerBackend(run_id="test-mini-arm")) as backend, closing(backend.open(instance)) as sandbox:
        solution = Mini().solve(context(model, tmp_path, sandbox=lambda: sandbox, problem=instance.problem))
    assert "in /testbed (this is the working directory" in model.requests[0].messages[0].content
    assert changed_paths(solution.patch) == ["calc.py"]


def test_prompt_scenarios_are_refused(calc: Instance) -> None:
    with pytest.raises(InputError, match="'calc__calc-1' is a prompt scenario"):
        Mini().check([calc, dataclasses.replace(calc, kind=Kind.SCENARIO)])


def test_what_it_will_take_grows_with_the_issue(calc: Instance) -> None:
    longer = dataclasses.replace(calc.problem, statement="word " * 2_000)
    assert Mini().expected(longer).input_tokens[0] > Mini().expected(calc.problem).input_tokens[0] + 1_000


def test_submission_without_a_patch_leaves_the_last_words(solve: Solve) -> None:
    solution = solve(Scripted([bash(END, text="There is nothing to mend.")]))
    assert (solution.patch, solution.response_text, solution.notes) == ("", "There is nothing to mend.", "")


def test_version_is_of_the_library_and_the_arm(library: Library) -> None:
    class Shorter(Mini):
        timeout_s = 60.0

    assert Shorter().version != Mini().version == Mini().version
    assert (Mini.timeout_s, Mini.max_cost_usd, Mini.takes_turns) == (3600.0, 3.0, True)
