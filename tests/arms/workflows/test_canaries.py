"""Nothing hidden reaches a model: each hidden field holds words of its own, and every request is searched for them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.tasks import instance_from_task
from pytest_swebench.errors import LimitReached
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.outcome import FAIL_TO_PASS, PASS_TO_PASS, Verdict
from pytest_swebench.providers.protocol import Answer, Request, StopReason, Tool, ToolCall, Usage
from tests.arms.workflows.playing import INSTANCE, Table, right
from tests.support.local_tasks import make_repositories
from tests.support.scripted import Scripted

CANARIES = {
    "gold_patch": "canarygold",
    "test_patch": "canarytestpatch",
    "fail_to_pass": "canaryfail",
    "pass_to_pass": "canarypass",
    "hints": "canaryhint",
    "eval_script": "canaryscript",
}
NAMES = {"canaryfail", "canarypass"}  # what an official verdict names, and an oracle is told
SILENT = {"gold", "null", "predictions", "baseline"}  # ask nobody
REGISTRY = ArmRegistry(agent_network="install")
ASKING = [name for name in REGISTRY.names() if name not in SILENT]


def seeded(instance: Instance = INSTANCE) -> Instance:
    """Return an instance with a word of its own in every hidden field."""
    lines = {name: f"+{word} = 1\n" for name, word in CANARIES.items()}
    hidden = dataclasses.replace(
        instance.hidden,
        gold_patch=instance.hidden.gold_patch + lines["gold_patch"],
        test_patch=instance.hidden.test_patch + lines["test_patch"],
        fail_to_pass=("tests/test_lexer.py::test_canaryfail",),
        pass_to_pass=("tests/test_lexer.py::test_canarypass",),
        hints="canaryhint: it is the quotes",
        eval_script=instance.hidden.eval_script + "# canaryscript\n",
    )
    return dataclasses.replace(instance, hidden=hidden)


def local_task(folder: Path) -> Instance:
    """Return a local task, for the arms that take nothing else."""
    commits = make_repositories(folder)
    row = {"task_id": "basket", "repo": str(folder / "basket.git"), "ref": commits["basket"], "trusted": True}
    row |= {"timeouts": {"clone": 60, "install": 60, "test": 60}}
    return instance_from_task(row, where="tasks.jsonl:1", folder=folder)


@dataclass
class Judge:
    """Says no to the first patches it is asked about, by the names of tests, then yes.

    `heard` holds how many requests there had been at each verdict.
    """

    provider: Scripted
    refusals: int = 3  # enough to be stuck
    heard: list[int] = field(default_factory=list)

    def __call__(self, patch: str) -> Grade:
        self.heard.append(self.provider.calls)
        hidden = seeded().hidden
        tests = {
            name: {"success": [], "failure": list(failed)}
            for name, failed in ((FAIL_TO_PASS, hidden.fail_to_pass), (PASS_TO_PASS, hidden.pass_to_pass))
        }
        return Grade(Verdict(resolved=len(self.heard) > self.refusals, applied=True, tests=tests))


SEARCH = "git log --all -p | grep -i canary; grep -rIi canary .; git fsck --lost-found; env | grep -i canary"
ARGUMENTS: dict[str, object] = {"command": SEARCH, "path": ".", "args": [], "packages": ["canary"], "text": "canary"}


class Obliging(Scripted):
    """Answers whatever an arm asks for: in the right shape, or with a call of each tool in turn, then in words."""

    def __init__(self) -> None:
        super().__init__([self._any], again=True)
        self.called: set[tuple[str, str]] = set()

    def _any(self, request: Request) -> object:
        if request.schema is not None:
            return right(request)
        for tool in sorted(request.tools, key=lambda tool: "submit" in tool.name):
            if (request.agent, tool.name) not in self.called:
                self.called.add((request.agent, tool.name))
                return self._call(request, tool)
        return "I have nothing to add."

    def _call(self, request: Request, tool: Tool) -> Answer:
        wanted = tool.parameters.get("required", ())
        call = ToolCall(f"call{self.calls}", tool.name, {name: ARGUMENTS.get(name, "canary") for name in wanted})
        return Answer(
            text="", model="m-1", stop_reason=StopReason.TOOL_USE, usage=Usage(input=10, output=5), tool_calls=(call,)
        )


def words_in(requests: Sequence[Request]) -> set[str]:
    """Return the hidden words in all that requests hold, tools and schemas included."""
    text = json.dumps([dataclasses.asdict(request) for request in requests])
    return {word for word in CANARIES.values() if word in text}


@pytest.mark.parametrize("arm", ASKING)
def test_nothing_hidden_is_in_any_request(table: Table, arm: str, tmp_path: Path) -> None:
    made, provider = REGISTRY.make(arm), Obliging()
    instance = seeded(local_task(tmp_path) if arm == "agent_onepatch" else INSTANCE)
    made.check([instance])
    judge = Judge(provider)
    with contextlib.suppress(LimitReached):  # an arm that wants more than words goes on to its limits
        table.play(made, instance=instance, provider=provider, evaluate=judge)
    assert provider.requests
    offered = {(request.agent, tool.name) for request in provider.requests for tool in request.tools}
    assert offered == provider.called
    if made.oracle:
        assert judge.heard
        assert words_in(provider.requests[: judge.heard[0]]) == set()
        assert words_in(provider.requests) == NAMES
    else:
        assert judge.heard == []
        assert words_in(provider.requests) == set()


def test_oracle_hears_of_hidden_tests_from_the_official_evaluation_alone(table: Table) -> None:
    provider = Obliging()
    judge = Judge(provider, refusals=1)
    table.play("s1_tdd_verified", instance=seeded(), provider=provider, evaluate=judge)
    *before, after = provider.requests
    assert len(judge.heard) == 2
    assert words_in(before) == set()
    assert [message.role for message in after.messages] == ["user", "assistant", "user"]
    assert {word for word in CANARIES.values() if word in after.messages[-1].content} == NAMES
    assert words_in([dataclasses.replace(after, messages=after.messages[:2])]) == set()


def test_search_would_find_a_word_that_slipped_through(table: Table) -> None:
    leaky = dataclasses.replace(seeded().problem, statement="canaryhint: it is the quotes")
    provider = Obliging()
    table.play("s1_direct", instance=seeded(), provider=provider, problem=leaky)
    assert words_in(provider.requests) == {"canaryhint"}
