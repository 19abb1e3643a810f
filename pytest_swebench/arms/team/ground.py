"""Where a team works: its tools by what they are for, what its tests say, and whether anything moves."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_swebench.arms.agent import toolbox
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, cut, object_schema
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.arms.local.result import Status, last_line
from pytest_swebench.arms.local.stages import Stages
from pytest_swebench.arms.local.taskarm import recorded
from pytest_swebench.arms.local.tools import task_tools
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.arms.team.patching import Patching
from pytest_swebench.arms.team.roles import Ability
from pytest_swebench.cell import digest
from pytest_swebench.providers.protocol import Tool
from pytest_swebench.sandbox.protocol import Sandbox

_SEARCH_S: Final = 30.0
_NOTHING_FOUND: Final = 1  # git grep's exit code
_TIMES: Final = re.compile(r"\d+\.\d+ ?s(econds)?\b")
_TASK_TOOLS: Final[Mapping[Ability, tuple[str, ...]]] = {
    Ability.READ: ("swe_read_file",),
    Ability.TEST: ("swe_pytest", "swe_pytest_full"),
    Ability.INSTALL: ("swe_clone", "swe_install", "swe_pip_install"),
}
_SEARCH: Final = Tool(
    "search_code",
    "Find a text in the tracked files: path, line number and line of each place.",
    object_schema(
        {
            "text": {"type": "string", "minLength": 1, "description": "looked for as it is, in any case"},
            "path": {"type": "string", "minLength": 1, "description": "a file or folder, all of them if not given"},
        },
        ("text",),
    ),
)


@dataclass(frozen=True, slots=True)
class Ground:
    """The tools of each ability, and what the tests last said: whether they pass, and their last line.

    `tests` runs those that decide, once a patch is there; it is None where nobody knows which they are, and nothing
    ever passes.
    """

    by_ability: Mapping[Ability, Sequence[AgentTool]]
    patching: Patching
    passed: Callable[[], bool]
    tail: Callable[[], str]
    tests: Callable[[], object] | None = None
    outcomes: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        """Another one whenever something new was seen: an outcome of tests or of an installation, or another patch."""
        return digest([self.patching.diff, len(self.outcomes)])

    def tools(self, abilities: Iterable[Ability]) -> list[AgentTool]:
        """Return the tools of `abilities`, those that show whether anything moves observed."""
        found = [(ability, tool) for ability in abilities for tool in self.by_ability.get(ability, ())]
        return [tool if ability in {Ability.READ, Ability.PATCH} else self._observed(tool) for ability, tool in found]

    def _observed(self, tool: AgentTool) -> AgentTool:
        def run(arguments: Mapping[str, Any]) -> ToolResult:
            result = tool.run(arguments)
            self.outcomes.add(digest([tool.tool.name, _TIMES.sub("", result.text)]))
            return result

        return AgentTool(tool.tool, run)


@contextmanager
def ground_for(context: SolveContext, clock: Clock, patching: Patching, *, installs: bool) -> Iterator[Ground]:
    """Give the ground of a local task, or of an issue with the tools of a single agent."""
    if context.problem.task is not None:
        stages = Stages(context, clock)
        with recorded(context, stages):
            stages.clone()
            yield _of_task(stages, patching)
        return
    bench = Workbench(context.sandbox(), clock)
    try:
        yield _of_issue(bench, patching, installs=installs and bench.sandbox.installs)
    finally:
        bench.close()


def limited(tool: AgentTool, most: int | None) -> AgentTool:
    """Return `tool` such that it refuses to be called more than `most` times."""
    if most is None:
        return tool
    calls = 0

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        nonlocal calls
        calls += 1
        if calls > most:
            return ToolResult(f"refused: {tool.tool.name} has been called {most} times, which is all there is of it")
        return tool.run(arguments)

    return AgentTool(tool.tool, run)


def search_tool(sandbox: Sandbox, clock: Clock) -> AgentTool:
    """Return `search_code`: git's own search, of a plain text."""

    def search(arguments: Mapping[str, Any]) -> ToolResult:
        where = f" {shlex.quote(arguments['path'])}" if "path" in arguments else ""
        command = f"git grep -n -I -i -F -e {shlex.quote(arguments['text'])} --{where}"
        result = sandbox.run(command, timeout_s=min(_SEARCH_S, clock.left_s()))
        if result.exit_code == _NOTHING_FOUND:
            return ToolResult("nothing found", commands=(command,))
        return ToolResult(cut(result.output), commands=(command,))

    return AgentTool(_SEARCH, search)


def _of_task(stages: Stages, patching: Patching) -> Ground:
    tools = task_tools(stages)
    by_ability = {
        ability: [tools[name] for name in names if name in tools]  # some are there only with a network
        for ability, names in _TASK_TOOLS.items()
    }
    by_ability[Ability.READ].append(search_tool(patching.sandbox, patching.clock))
    by_ability[Ability.PATCH] = [patching.tool()]

    def tests() -> None:
        stages.patched()
        stages.test()

    def passed() -> bool:
        return stages.last is not None and stages.last.status is Status.PASS

    return Ground(by_ability, patching, passed, lambda: stages.last.tail if stages.last else "", tests)


def _of_issue(bench: Workbench, patching: Patching, *, installs: bool) -> Ground:
    last = [""]
    runner = toolbox.run_tests_tool(bench)

    def run_tests(arguments: Mapping[str, Any]) -> ToolResult:
        result = runner.run(arguments)
        last[0] = last_line(result.text)
        return result

    by_ability = {
        Ability.READ: [toolbox.read_file_tool(bench), search_tool(bench.sandbox, bench.clock)],
        Ability.TEST: [AgentTool(runner.tool, run_tests)],
        Ability.INSTALL: [toolbox.pip_install_tool(bench)] if installs else [],
        Ability.PATCH: [patching.tool()],
    }
    return Ground(by_ability, patching, lambda: False, lambda: last[0])
