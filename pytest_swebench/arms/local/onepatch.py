"""`agent_onepatch`: an agent that has a local task's stages as its tools, and exactly one patch."""

from __future__ import annotations

import shlex
from typing import Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.loop import EndReason, Loop
from pytest_swebench.arms.left import diff_left
from pytest_swebench.arms.local.result import Status
from pytest_swebench.arms.local.stages import Stages, Tested
from pytest_swebench.arms.local.taskarm import check_tasks, recorded
from pytest_swebench.arms.local.tools import task_tools
from pytest_swebench.arms.prompts import template
from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.arms.simple import Null
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance, Problem, Task
from pytest_swebench.outcome import Stop

TURNS: Final = 10
_REVISION: Final = 2  # of tools and order; the prompts count by themselves
_NAME: Final = "agent_onepatch"


class OnePatchAgent:
    """Tests, diagnoses, installs what is missing, patches once, tests again; its last word is pytest's.

    With `agent_network` `install` its sandbox has a network to install with.
    """

    name = _NAME
    paid = True
    oracle = False
    takes_turns = True

    def __init__(self, agent_network: str = "none") -> None:
        self._system, self._task = (template("onepatch", name) for name in ("system", "task"))
        self.version = digest([_REVISION, TURNS, self._system.template, self._task.template, agent_network])

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for instances that are no local tasks."""
        check_tasks(self.name, instances, "for SWE-bench instances use 'agent'")

    def solve(self, context: SolveContext) -> Solution:
        """Let the model work; leaves `result.json` and `pytest_tail.txt` in the arm's folder.

        Raises LimitReached for the limits of the cell, InfraError and RefusedError.
        """
        clock = Clock(context.timeout_s)
        stages = Stages(context, clock)
        with recorded(context, stages):
            stages.clone()  # what cannot be cloned costs no call
            turns = context.variant.turns or TURNS
            loop = Loop(
                context,
                clock,
                agent=self.name,
                system=self._system.substitute(turns=turns),
                tools=list(task_tools(stages).values()),
                max_turns=turns,
                trace=context.trace(self.name),
            )
            loop.say(self._told(context.problem, stages.task))
            ended = loop.run()
            if ended.reason is not EndReason.TOOL:  # it fell silent, or had its turns: the last word is pytest's
                stages.test()
            result = stages.result()
            patch, lack = diff_left(stages.sandbox) if stages.patch_applied else ("", "")
        if not patch and result.status is Status.PASS:
            patch = Null().solve(context).patch  # nothing had to change: grading is to see that too
        return Solution(
            patch=patch,
            stop=Stop.STEPS if ended.reason is EndReason.TURNS else Stop.SUBMITTED,
            response_text=result.tail,
            tool_calls=loop.progress.tool_calls,
            commands=loop.progress.commands,
            per_step_tokens=loop.progress.per_step_tokens,
            notes=_notes(patch, lack, stages.last),
        )

    def _told(self, problem: Problem, task: Task) -> str:
        return self._task.substitute(
            statement=problem.statement,
            repo=problem.repo,
            tests=shlex.join(("pytest", *task.pytest_paths, *(("-k", task.pytest_k) if task.pytest_k else ()))),
            install_s=f"{task.timeouts_s['install']:g}",
            test_s=f"{task.timeouts_s['test']:g}",
        )


def _notes(patch: str, lack: str, last: Tested | None) -> str:
    """Say what the tests said last, where they did not pass, and why there is no patch."""
    said = last.said if last is not None and last.status is not Status.PASS else ""
    return "; ".join(filter(None, ("" if patch else lack or "no patch", said)))
