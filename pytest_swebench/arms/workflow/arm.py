"""A workflow as an arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.context.shown import LISTING_TOKENS
from pytest_swebench.arms.protocol import Solution, SolveContext, refuse_scenarios
from pytest_swebench.arms.workflow.attempt import PATCH
from pytest_swebench.arms.workflow.base_tree import BaseTree
from pytest_swebench.arms.workflow.check import check_workflow
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.engine import WorkflowResult, run_workflow
from pytest_swebench.arms.workflow.generate import schema_of
from pytest_swebench.arms.workflow.policy import Ended
from pytest_swebench.arms.workflow.specification import FILES_TOKENS
from pytest_swebench.arms.workflow.specification import specification as whole_specification
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import InputError
from pytest_swebench.providers.estimate import Expected
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.sandbox.protocol import Sandbox

REVISION: Final = 1
"""Of the engine and of what `$specification` and `$files` show: raise it when the same declaration asks otherwise."""

TIMEOUT_S: Final = 3600.0
SHORTEST_ANSWER: Final = 100
"""Tokens of a short answer, for estimates."""

Specification = Callable[[Problem, Sandbox], str]


class WorkflowArm:
    """Runs `workflow`; its last accepted patch is what it leaves. Raises InputError for one that could not run.

    `specification` makes the text that prompts call `$specification`; its name is part of the version. It is an oracle
    if any of its guards is one.
    """

    paid = True
    timeout_s = TIMEOUT_S

    def __init__(self, workflow: Workflow, *, specification: Specification = whole_specification) -> None:
        check_workflow(workflow)
        self.workflow = workflow
        self.name = workflow.name
        self.version = workflow_digest(workflow, _name_of(specification, workflow))
        self.oracle = any(guard.oracle for step in workflow.steps for guard in step.guards)
        self._specification = specification

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for prompt scenarios."""
        refuse_scenarios(self.name, instances)

    def expected(self, problem: Problem) -> Expected:
        """Return what the steps take if each is begun once, from answers that are right at once to all retries."""
        issue = estimate_tokens(problem.statement)
        steps = self.workflow.steps
        return Expected(
            calls=(len(steps), sum(self.workflow.retries(step) + 1 for step in steps)),
            input_tokens=(issue, issue + LISTING_TOKENS + FILES_TOKENS),
            output_tokens=(SHORTEST_ANSWER, max(step.max_tokens for step in steps)),
        )

    def solve(self, context: SolveContext) -> Solution:
        """Run the workflow. Raises LimitReached, InfraError and RefusedError."""
        clock = Clock(context.timeout_s)
        specification = self._specification(context.problem, context.sandbox())
        result = run_workflow(self.workflow, context, specification=specification, clock=clock)
        return solution_of(result, context.sandbox())


def solution_of(result: WorkflowResult, sandbox: Sandbox) -> Solution:
    """Return what a workflow leaves in `sandbox`, which stands at the base commit.

    There is a patch only if no step failed and `git apply --check` takes it; else the step that made it counts as
    failed, at the guard `patch`.
    """
    failed_step, failed_guard, notes, patch = result.failed_step, result.failed_guard, "", ""
    if failed_step:
        person = "only a person could help" if result.ended is Ended.ESCALATION else ""
        notes = ": ".join(filter(None, (person, failed_step, failed_guard, result.reason)))
    elif not result.patch:
        failed_step, failed_guard, notes = result.patch_step, PATCH, "the accepted edits change nothing"
    elif complaint := BaseTree(sandbox).complaint(result.patch):
        failed_step, failed_guard, notes = result.patch_step, PATCH, f"git apply refuses the patch: {complaint}"
    else:
        patch = result.patch
    return Solution(
        patch=patch,
        notes=notes,
        per_step_tokens=dict(result.per_step_tokens),
        failed_step=failed_step,
        failed_guard=failed_guard,
        retry_count=result.retry_count,
    )


def workflow_digest(workflow: Workflow, *more: Any) -> str:
    """Return a digest over all that shapes what `workflow` asks and accepts."""
    return digest([REVISION, [_shape_of(step, workflow) for step in workflow.steps], workflow.policy.settings(), *more])


def _name_of(specification: Specification, workflow: Workflow) -> str:
    name = getattr(specification, "__qualname__", "<nameless>")
    if name.endswith(">"):  # <lambda>
        raise InputError(
            f"workflow {workflow.name!r}: specification={specification!r} has no name by which the arm's version could "
            f"tell it from others; give a function made by `def`"
        )
    return f"{specification.__module__}.{name}"


def _shape_of(step: Step, workflow: Workflow) -> dict[str, Any]:
    prompt = step.prompt
    return {
        "name": step.name,
        "schema": schema_of(step.shape),
        "key": step.shape.key,
        "prompt": [prompt.role, prompt.constraints, prompt.task, prompt.feedback, prompt.escalation],
        "requires": step.requires,
        "guards": [[guard.name, dict(guard.settings())] for guard in step.guards],
        "numbers": [workflow.retries(step), step.r_patience, step.e_max, step.files, step.temperature],
        "limits": [step.max_tokens, step.token_budget],
        "back": [step.back_to, {guard: list(names) for guard, names in step.back_by_guard.items()}],
    }
