"""`baseline`: a local task without a model. Clone, install, test; with a known patch, test again behind it."""

from __future__ import annotations

from typing import Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.local.result import Status
from pytest_swebench.arms.local.stages import Stages, install_trouble
from pytest_swebench.arms.local.taskarm import check_tasks, recorded
from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.arms.simple import Null
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance

_REVISION: Final = 1


class Baseline:
    """What the tests of a task say by themselves, and of its known patch where the task has one.

    An oracle, since it is given that patch. Without one it leaves a patch that changes nothing, as `null` does. With
    `agent_network` `install` its sandbox has a network to install with.
    """

    name = "baseline"
    paid = False
    oracle = True

    def __init__(self, agent_network: str = "none") -> None:
        self.version = digest([_REVISION, agent_network])

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for instances that are no local tasks."""
        check_tasks(self.name, instances, "for the unsolved repository's tests use 'null'")

    def solve(self, context: SolveContext) -> Solution:
        """Run the stages and leave `result.json` and `pytest_tail.txt` in the arm's folder."""
        assert context.hidden is not None  # given to every oracle arm
        stages = Stages(context, Clock(context.timeout_s))
        notes = []
        with recorded(context, stages):
            stages.clone()
            installed = stages.install()
            if installed.exit_code:
                notes.append(f"install failed: {install_trouble(installed)}")
            tested = stages.test()
            if context.hidden.gold_patch:
                applied = stages.apply(context.hidden.gold_patch)
                if applied.exit_code:
                    notes.append(f"patch_b64 does not apply: {' '.join(applied.output.split())[:300]}")
                else:
                    tested = stages.test()
        if tested.status is not Status.PASS:
            notes.insert(0, tested.said)
        patch = context.hidden.gold_patch if stages.patch_applied else Null().solve(context).patch
        return Solution(patch=patch, response_text=tested.tail, notes="; ".join(notes))
