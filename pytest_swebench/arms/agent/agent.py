"""`agent`: a model with a shell, a few tools and limits; what stands in its sandbox in the end is the patch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from string import Template
from typing import Final

from pytest_swebench.arms.agent import toolbox
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.loop import ANSWER_TOKENS, Ended, EndReason, Loop
from pytest_swebench.arms.agent.progress import Progress
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS, STATEMENT_CHARS, AgentTool, cut
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.arms.left import diff_left
from pytest_swebench.arms.prompts import template
from pytest_swebench.arms.protocol import Solution, SolveContext, refuse_scenarios
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.estimate import Expected
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.records.trace import EventType

MAX_TURNS: Final = 250
INSTALL: Final = "install"

_NAME: Final = "agent"
_REVISION: Final = 1  # of what no prompt, schema or limit shows
_OFFERED: Final = (
    toolbox.RUN,
    toolbox.READ_FILE,
    toolbox.EDIT_FILE,
    toolbox.RUN_TESTS,
    toolbox.PIP_INSTALL,
    toolbox.SUBMIT,
)
_NO_NETWORK: Final = "this sandbox has no network to give, so nothing could be installed"
_NOTES: Final = {
    EndReason.SILENT: "the model stopped calling tools and never submitted",
    EndReason.TURNS: "the model had its {turns} turns; --max-turns gives more",
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """The templates of what a model is told first; `offline` or `install` says what it has of a network."""

    system: str
    task: str
    offline: str
    install: str


class Agent:
    """Explores, edits and tests in the sandbox until it submits or a limit ends it; the diff so far counts.

    With `agent_network` `install` there is a tool that installs packages, where the sandbox has a network to give.
    """

    name = _NAME
    paid = True
    oracle = False
    timeout_s = 3600.0
    max_cost_usd = 3.0
    takes_turns = True

    def __init__(self, agent_network: str = "none") -> None:
        self._installs = agent_network == INSTALL
        self._prompts = load_prompts()
        tools = [dataclasses.asdict(tool) for tool in _OFFERED]
        limits = [MAX_TURNS, self.max_cost_usd, self.timeout_s, ANSWER_TOKENS, OUTPUT_CHARS]
        self.version = digest([_REVISION, dataclasses.asdict(self._prompts), tools, limits, agent_network])

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for prompt scenarios."""
        refuse_scenarios(self.name, instances)

    def expected(self, problem: Problem) -> Expected:
        """Return what agents of this kind take; a cap on the cell ends the longest ones before."""
        least = estimate_tokens(self._prompts.system) + estimate_tokens(problem.statement)
        return Expected(calls=(8, 60), input_tokens=(least, 30_000), output_tokens=(60, 1_000))

    def solve(self, context: SolveContext) -> Solution:
        """Work until the model submits. Raises LimitReached for cost, time and context; see `Loop`."""
        clock = Clock(context.timeout_s)
        bench = Workbench(context.sandbox(), clock)
        loop = Loop(
            context,
            clock,
            agent=_NAME,
            system=self._system(bench),
            tools=self._tools(context.problem, bench),
            max_turns=context.variant.turns or MAX_TURNS,
            trace=context.trace(_NAME),
        )
        statement = cut(context.problem.statement, STATEMENT_CHARS)
        loop.say(_filled(self._prompts.task, repo=context.problem.repo, statement=statement))
        loop.progress.tell(EventType.STEP_START, "")
        try:
            ended = loop.run()
        except LimitReached as limit:
            loop.progress.tell(EventType.STEP_FAIL, str(limit))
            raise
        finally:
            bench.close()
        return self._solution(bench, loop.progress, ended)

    def _solution(self, bench: Workbench, done: Progress, ended: Ended) -> Solution:
        patch, lack = diff_left(bench.sandbox)
        why = "" if ended.reason is EndReason.TOOL else _NOTES[ended.reason].format(turns=done.turns)
        no_network = _NO_NETWORK if self._installs and not bench.sandbox.installs else ""
        notes = "; ".join(filter(None, (why, no_network, lack)))
        failed = ended.reason is EndReason.TURNS
        done.tell(EventType.STEP_FAIL if failed else EventType.STEP_PASS, notes or ended.text)
        return Solution(
            patch=patch,
            stop=Stop.STEPS if failed else Stop.SUBMITTED,
            response_text=done.last_text,
            tool_calls=done.tool_calls,
            commands=done.commands,
            notes=notes,
            per_step_tokens=done.per_step_tokens,
        )

    def _system(self, bench: Workbench) -> str:
        network = self._prompts.install if self._can_install(bench) else self._prompts.offline
        return _filled(self._prompts.system, network=network)

    def _can_install(self, bench: Workbench) -> bool:
        return self._installs and bench.sandbox.installs

    def _tools(self, problem: Problem, bench: Workbench) -> list[AgentTool]:
        tools = [toolbox.run_tool(bench), toolbox.read_file_tool(bench), toolbox.edit_file_tool(bench)]
        if problem.in_python:
            tools.append(toolbox.run_tests_tool(bench))
        if self._can_install(bench):
            tools.append(toolbox.pip_install_tool(bench))
        return [*tools, toolbox.submit_tool()]


def load_prompts() -> Prompts:
    """Read the templates."""
    names = [field.name for field in dataclasses.fields(Prompts)]
    return Prompts(**{name: template("agent", name).template for name in names})


def _filled(template: str, **values: str) -> str:
    return Template(template).substitute(values)
