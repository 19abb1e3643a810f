from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import pytest

from pytest_swebench.arms.workflow.arm import WorkflowArm, solution_of, workflow_digest
from pytest_swebench.arms.workflow.declaration import Prompt, Step, Workflow
from pytest_swebench.arms.workflow.engine import WorkflowResult
from pytest_swebench.arms.workflow.policy import Ended, RuleBacktracking
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.errors import InputError, LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.calc import FIX, WRONG
from tests.support.scripted import Scripted
from tests.support.workflows import AMISS, MEND, PROMPT, Idea, Told, cell_in, step


def arm(*steps: Step, **rest: Any) -> WorkflowArm:
    return WorkflowArm(Workflow(name="mine", steps=steps, **rest))


def in_short(problem: Problem, sandbox: Sandbox) -> str:
    return "IN SHORT"


def at_length(problem: Problem, sandbox: Sandbox) -> str:
    return "AT LENGTH"


def test_a_workflow_is_an_arm_that_leaves_a_patch(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted(["nonsense", {"text": "x"}, AMISS, MEND]))
    solution = arm(step("a"), step("b", Patch, requires=("a",))).solve(cell.context)
    assert solution.patch.endswith("-    return a - b\n+    return a + b\n")
    assert (solution.stop, solution.notes, solution.failed_step) == (Stop.SUBMITTED, "", "")
    assert (solution.retry_count, solution.per_step_tokens) == (2, {"a": 30, "b": 30})
    assert "add() in calc.py subtracts." in cell.context.provider.requests[0].messages[0].content  # type: ignore[attr-defined]
    assert list(cell.traces) == ["mine"]


def test_a_workflow_that_fails_leaves_no_patch_and_says_where(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([MEND, *["nonsense"] * 4]))
    solution = arm(step("a", Patch), step("b", requires=("a",))).solve(cell.context)
    assert (solution.patch, solution.failed_step, solution.failed_guard) == ("", "b", "GeneratorValidation")
    assert solution.notes.startswith("b: GeneratorValidation: rejected 4 times: The answer is no JSON object")
    assert solution.retry_count == 4


def test_where_only_a_person_could_help_it_is_said(calc: Sandbox) -> None:
    fatal = arm(step("a", Patch, guards=(Told(["FATAL: no Python"]),)))
    assert fatal.solve(cell_in(calc, Scripted([MEND])).context).notes == (
        "only a person could help: a: told: FATAL: no Python"
    )


def test_edits_that_change_nothing_fail_at_the_patch(calc: Sandbox) -> None:
    same = {"edits": [{"file": "calc.py", "search": "def add(a, b):", "replace": "def add(a, b):"}], "reasoning": ""}
    solution = arm(step("a", Patch)).solve(cell_in(calc, Scripted([same])).context)
    assert (solution.patch, solution.failed_step, solution.failed_guard) == ("", "a", "patch")
    assert solution.notes == "the accepted edits change nothing"


@pytest.mark.parametrize(("patch", "fits"), [(FIX, True), (WRONG.replace("a - b", "a * b"), False)])
def test_what_git_does_not_apply_is_no_patch(calc: Sandbox, patch: str, fits: bool) -> None:
    result = WorkflowResult(ended=Ended.COMPLETED, accepted={}, patch=patch, patch_step="a")
    solution = solution_of(result, calc)
    assert solution.patch == (patch if fits else "")
    assert (solution.failed_step, solution.failed_guard) == (("", "") if fits else ("a", "patch"))
    assert fits or "git apply refuses the patch: error: patch failed: calc.py:1" in solution.notes


def test_a_scenario_has_nothing_to_patch() -> None:
    scenario = Instance(problem=Problem(instance_id="talk", statement="Hi"), kind=Kind.SCENARIO)
    with pytest.raises(InputError, match="arm 'mine': 'talk' is a prompt scenario"):
        arm(step("a", Patch)).check([scenario])
    arm(step("a", Patch)).check([dataclasses.replace(scenario, kind=Kind.ISSUE)])


def test_an_arm_is_an_oracle_if_any_of_its_guards_is() -> None:
    assert not arm(step("a", Patch, guards=(Told(),))).oracle
    assert arm(step("a", Patch, guards=(Told(), Told(name="full", oracle=True)))).oracle


def test_a_workflow_that_could_not_run_makes_no_arm() -> None:
    with pytest.raises(InputError, match="workflow 'mine': no step makes a Patch"):
        arm(step("a"))


def test_an_own_specification_takes_the_place_of_ours(calc: Sandbox) -> None:
    provider = Scripted([MEND])
    workflow = Workflow(name="mine", steps=(step("a", Patch),))
    own = WorkflowArm(workflow, specification=in_short)
    own.solve(cell_in(calc, provider).context)
    assert provider.requests[0].messages[0].content == "Do it.\n\nIN SHORT"
    other = WorkflowArm(workflow, specification=at_length)
    assert len({own.version, other.version, WorkflowArm(workflow).version}) == 3


@pytest.mark.parametrize("nameless", [lambda problem, sandbox: "", partial(in_short)])
def test_a_specification_that_no_version_could_tell_from_others_is_refused(nameless: Any) -> None:
    with pytest.raises(InputError, match=r"workflow 'mine': specification=.* has no name .*; give a function made by"):
        WorkflowArm(Workflow(name="mine", steps=(step("a", Patch),)), specification=nameless)


@dataclasses.dataclass
class Tuned(Told):
    level: int = 1

    def settings(self) -> dict[str, Any]:
        return {"level": self.level}


@pytest.mark.parametrize(
    "other",
    [
        step("b", Patch),
        step("a", Patch, prompt=dataclasses.replace(PROMPT, task="Do it well. $specification")),
        step("a", Patch, prompt=Prompt(role="You work.", task="Do it.\n\n$specification", feedback="$feedback")),
        step("a", Patch, guards=(Tuned(),)),
        step("a", Patch, rmax=1),
        step("a", Patch, temperature=0.3),
        step("a", Patch, max_tokens=100),
        step("a", Patch, token_budget=100),
        step("a", Idea),
    ],
)
def test_whatever_shapes_an_answer_is_part_of_the_version(other: Step) -> None:
    plain = Workflow(name="w", steps=(step("a", Patch),))
    assert workflow_digest(dataclasses.replace(plain, steps=(other,))) != workflow_digest(plain)


def test_settings_of_guards_and_the_policy_are_part_of_the_version() -> None:
    tuned = [Workflow(name="w", steps=(step("a", Patch, guards=(Tuned(level=level),)),)) for level in (1, 2)]
    assert workflow_digest(tuned[0]) != workflow_digest(tuned[1])
    assert workflow_digest(tuned[0]) != workflow_digest(dataclasses.replace(tuned[0], policy=RuleBacktracking({})))
    assert workflow_digest(tuned[0]) == workflow_digest(dataclasses.replace(tuned[0], description="words for people"))


def test_what_a_cell_takes_is_foretold_from_the_steps() -> None:
    foretold = arm(step("a", rmax=1), step("b", Patch, max_tokens=500), rmax=4).expected(
        Problem(instance_id="x", statement="word " * 300)
    )
    assert foretold.calls == (2, 7)
    assert foretold.input_tokens[0] == 500
    assert foretold.input_tokens[1] > 30_000
    assert foretold.output_tokens[1] == 8192


def test_time_is_counted_over_the_whole_of_solving(calc: Sandbox) -> None:
    with pytest.raises(LimitReached):
        arm(step("a", Patch)).solve(cell_in(calc, Scripted([MEND]), timeout_s=0.0).context)
