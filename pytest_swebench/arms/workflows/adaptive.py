"""`adaptive_backtrack`: a model classifies the problem, designs a workflow for it, and the workflow is carried out.

A design that leads to no patch is gone back from: the problem is classified and a workflow designed once more, in the
light of what failed. Each workflow has a trace of its own name: `adaptive_backtrack`, `adaptive_backtrack.plan`, and
both with `.2` for the second design.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.context.shown import LISTING_TOKENS
from pytest_swebench.arms.protocol import Solution, SolveContext, refuse_scenarios
from pytest_swebench.arms.workflow.arm import SHORTEST_ANSWER, TIMEOUT_S, solution_of, workflow_digest
from pytest_swebench.arms.workflow.check import ancestors, check_workflow
from pytest_swebench.arms.workflow.declaration import Prompt, Step, Workflow
from pytest_swebench.arms.workflow.engine import WorkflowResult, run_workflow
from pytest_swebench.arms.workflow.generate import schema_of
from pytest_swebench.arms.workflow.guard import Guard
from pytest_swebench.arms.workflow.guards.planning import MOST_STEPS
from pytest_swebench.arms.workflow.guards.registry import GUARDS
from pytest_swebench.arms.workflow.policy import Ended
from pytest_swebench.arms.workflow.prompt import load_prompt
from pytest_swebench.arms.workflow.shapes import (
    MOST_RETRIES,
    SHAPES,
    Classification,
    Patch,
    PlannedStep,
    Shape,
    WorkflowPlan,
)
from pytest_swebench.arms.workflow.specification import FILES_TOKENS, specification
from pytest_swebench.arms.workflows.direct import PATCH_TEMPERATURE, guards
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.providers.estimate import Expected
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.records.trace import Escalation, EventType, Status, TraceEvent

DESIGNS: Final = 2
"""How many workflows are designed for a problem at most."""

_NAME: Final = "adaptive_backtrack"
_REASON_CHARS: Final = 1_000
_PATIENCE: Final = 2
_TEMPLATES: Final = {
    "analysis": ("direct", "analysis"),
    "localization": ("decomposed", "localise_issue"),
    "structure": ("decomposed", "structure"),
    "root_cause": ("decomposed", "root_cause"),
    "context": ("decomposed", "context_read"),
    "localised_tests": ("decomposed", "localise_tests"),
    "fix_approach": ("decomposed", "fix_approach"),
    "impact": ("decomposed", "impact_analysis"),
    "edit_plan": ("decomposed", "edit_plan"),
    "test": ("adaptive", "test"),
    "patch": ("adaptive", "patch"),
}
_EARLIER_ANSWER: Final = re.compile(r"\n*<(\w+)>\n\$\w+\n</\1>")


def designing() -> Workflow:
    """Return the workflow that designs another one."""
    return Workflow(
        name=_NAME,
        description="a workflow designed for the problem, and carried out",
        rmax=2,
        steps=(
            Step(
                name="ap_classify",
                shape=Classification,
                prompt=load_prompt("decomposed", "classify"),
                guards=guards("classification"),
            ),
            Step(
                name="ap_generate_workflow",
                shape=WorkflowPlan,
                prompt=load_prompt("adaptive", "plan"),
                requires=("ap_classify",),
                guards=guards("workflow_schema"),
                e_max=1,
                back_to=("ap_classify",),
            ),
        ),
    )


class AdaptiveBacktrack:
    """Designs a workflow for each problem and runs it; no guard that a plan may name sees hidden tests."""

    name = _NAME
    paid = True
    oracle = False
    timeout_s = TIMEOUT_S

    def __init__(self) -> None:
        self.workflow = designing()
        check_workflow(self.workflow, leaves_patch=False)
        self.version = version_of(self.workflow)

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for prompt scenarios."""
        refuse_scenarios(self.name, instances)

    def expected(self, problem: Problem) -> Expected:
        """Return what a design takes, from one of a single step to the longest ones with all their retries."""
        issue, steps = estimate_tokens(problem.statement), self.workflow.steps
        designing = sum(self.workflow.retries(step) + 1 for step in steps)
        return Expected(
            calls=(len(steps) + 1, DESIGNS * (designing + MOST_STEPS * (MOST_RETRIES + 1))),
            input_tokens=(issue, issue + LISTING_TOKENS + FILES_TOKENS),
            output_tokens=(SHORTEST_ANSWER, max(step.max_tokens for step in steps)),
        )

    def solve(self, context: SolveContext) -> Solution:
        """Design and run workflows until one leads to a patch, or designing is beyond help.

        Raises LimitReached, InfraError and RefusedError.
        """
        clock, issue = Clock(context.timeout_s), specification(context.problem, context.sandbox())
        told, before = issue, None
        for number in range(1, DESIGNS + 1):
            designed = self._design(context, number, told, clock, before)
            result = designed if designed.failed_step else _carried_out(context, number, told, clock, designed)
            hopeless = designed.ended is Ended.ESCALATION  # a longer specification would not help
            if not result.failed_step or hopeless or number == DESIGNS:
                break
            summary = f"{result.failed_step}: {result.failed_guard}: {result.reason}"[:_REASON_CHARS]
            _go_back(context, number, designed, result, summary)
            told, before = f"{issue}\n\n{_failed(summary)}", result
        return solution_of(result, context.sandbox())

    def _design(
        self, context: SolveContext, number: int, told: str, clock: Clock, before: WorkflowResult | None
    ) -> WorkflowResult:
        workflow = dataclasses.replace(self.workflow, name=_numbered(_NAME, number))
        return run_workflow(workflow, context, specification=told, clock=clock, before=before)


def _carried_out(
    context: SolveContext, number: int, told: str, clock: Clock, designed: WorkflowResult
) -> WorkflowResult:
    """Run what was designed; `workflow_schema` accepts no design that cannot be run."""
    plan = designed.accepted["ap_generate_workflow"]
    assert isinstance(plan, WorkflowPlan)
    planned = workflow_of(plan, _numbered(f"{_NAME}.plan", number))
    return run_workflow(planned, context, specification=told, clock=clock, before=designed)


def _numbered(name: str, number: int) -> str:
    return f"{name}.{number}" if number > 1 else name


def version_of(
    workflow: Workflow,
    guards: Mapping[str, Callable[[], Guard]] = GUARDS,
    shapes: Sequence[type[Shape]] = SHAPES,
) -> str:
    """Return a digest over the designing `workflow` and all that a plan may name."""
    templates = [dataclasses.astuple(load_prompt(*place)) for place in _TEMPLATES.values()]
    settings = [[name, dict(make().settings())] for name, make in guards.items()]
    schemas = [schema_of(shape) for shape in shapes]
    return workflow_digest(workflow, templates, settings, schemas, DESIGNS, _PATIENCE, PATCH_TEMPERATURE)


def workflow_of(plan: WorkflowPlan, name: str) -> Workflow:
    """Return `plan` as a workflow. Raises InputError for one that could not run."""
    workflow = Workflow(name=name, description=plan.reasoning, steps=tuple(map(_step, plan.steps)))
    before = ancestors(workflow)
    made = {step.name: step.shape.key for step in workflow.steps}
    steps = tuple(
        dataclasses.replace(step, prompt=_showing(step.prompt, [made[name] for name in before[step.name]]))
        for step in workflow.steps
    )
    workflow = dataclasses.replace(workflow, steps=steps)
    check_workflow(workflow)
    return workflow


def _step(planned: PlannedStep) -> Step:
    """Return a planned step; where it is stuck or its retries are used up, what it builds on is done again, once."""
    shape = next(shape for shape in SHAPES if shape.key == planned.kind)
    return Step(
        name=planned.name,
        shape=shape,
        prompt=load_prompt(*_TEMPLATES[planned.kind]),
        requires=tuple(planned.requires),
        guards=guards(*planned.guards),
        rmax=planned.rmax,
        r_patience=_PATIENCE if planned.rmax > _PATIENCE else None,
        e_max=1 if planned.requires else 0,
        back_to=tuple(planned.requires),
        temperature=PATCH_TEMPERATURE if shape is Patch else None,
    )


def _showing(prompt: Prompt, keys: list[str]) -> Prompt:
    """Return `prompt` with the earlier answers of these shapes, and no others."""
    task = _EARLIER_ANSWER.sub("", prompt.task)
    shown = "".join(f"\n\n<{key}>\n${key}\n</{key}>" for key in dict.fromkeys(keys))
    return dataclasses.replace(prompt, task=f"{task}{shown}")


def _failed(summary: str) -> str:
    return (
        "<earlier_workflow>\nA workflow was designed for this problem before, and led to no patch:\n"
        f"{summary}\nDo not repeat what failed.\n</earlier_workflow>"
    )


def _go_back(
    context: SolveContext, number: int, designed: WorkflowResult, result: WorkflowResult, summary: str
) -> None:
    """Put into the trace that a design is gone back from, and that its answers no longer stand."""
    assert result.trigger is not None  # it has failed
    invalidated = ("ap_classify", "ap_generate_workflow")
    escalation = Escalation(
        targets=invalidated[:1],
        invalidated=invalidated,
        e_count=number,
        e_max=DESIGNS - 1,
        failure_summary=summary,
        trigger=result.trigger,
    )
    trace = context.trace(_numbered(_NAME, number))
    trace.event(
        TraceEvent(type=EventType.ESCALATE, step=invalidated[1], e_count=number, summary=summary, escalation=escalation)
    )
    for artifact in designed.artifacts:
        trace.artifact(dataclasses.replace(artifact, status=Status.SUPERSEDED))
        because = f"gone back from {result.failed_step}"
        trace.event(TraceEvent(type=EventType.CASCADE_INVALIDATE, step=artifact.step, summary=because))
