"""How tests run a workflow."""

from __future__ import annotations

from typing import Any

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.engine import WorkflowResult, run_workflow
from pytest_swebench.arms.workflow.policy import Policy, Stagnation
from pytest_swebench.providers.protocol import Answer, StopReason, Usage
from tests.support.workflows import Cell

STUCK = "the test still fails with KeyError: 'account'"


def said(text: str) -> dict[str, str]:
    return {"text": text}


def workflow(*steps: Step, rmax: int = 3, policy: Policy | None = None) -> Workflow:
    return Workflow(name="w", steps=steps, rmax=rmax, policy=policy or Stagnation())


def run(cell: Cell, *steps: Step, left_s: float = 300.0, **rest: Any) -> WorkflowResult:
    """Run these steps while the clock stands still."""
    clock = Clock(left_s, now=lambda: 0.0)
    return run_workflow(workflow(*steps, **rest), cell.context, specification="THE ISSUE", clock=clock)


def answer(stop: StopReason, text: str = "") -> Answer:
    return Answer(text=text, model="m-1", stop_reason=stop, usage=Usage(input=10, output=5))
