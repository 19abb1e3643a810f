from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_swebench.arms.workflow.check import ancestors, check_workflow, ordered
from pytest_swebench.arms.workflow.declaration import Prompt, Step, Workflow
from pytest_swebench.arms.workflow.policy import Policy, ReviewBacktracking, Stagnation
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.errors import InputError
from tests.support.workflows import PROMPT, Idea, Plan, Told, step


class Nameless(Shape):
    """Forgot its key."""


class Brief(Idea):
    """A thought in few words."""

    key = "brief"


class Careful(Patch):
    """A change that was thought about; its key is that of any."""


class Files(Shape):
    """Has a key that every prompt has already."""

    key = "files"


def workflow(*steps: Step, policy: Policy | None = None) -> Workflow:
    return Workflow(name="w", steps=steps, policy=policy or Stagnation())


def patched(*steps: Step) -> Workflow:
    return workflow(*steps, step("p", Patch))


def asking(**parts: str) -> Prompt:
    return Prompt(**{"role": "r", "task": "t", **parts})


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (
            patched(step("a", requires=("c",)), step("b", requires=("a",)), step("c", requires=("b",))),
            r"workflow 'w': steps that wait for one another: a -> c -> b -> a; take one out of `requires`",
        ),
        (patched(step("a", requires=("a",))), r"a -> a"),
        (patched(step("a", requires=("idae",)), step("idea")), r"requires: unknown step 'idae'; did you mean 'idea'\?"),
        (patched(step("a", back_to=("x",), e_max=1)), r"step 'a': back_to: unknown step 'x'"),
        (
            patched(step("a"), step("b", guards=(Told(),), back_by_guard={"told": ("aa",)}, e_max=1)),
            r"back_by_guard\['told'\]: unknown step 'aa'",
        ),
        (
            patched(step("a"), step("b", guards=(Told(),), requires=("a",), back_by_guard={"tld": ("a",)}, e_max=1)),
            r"step 'b': back_by_guard: unknown guard 'tld'; did you mean 'told'\?",
        ),
        (
            patched(step("a"), step("b", back_to=("a",), e_max=1)),
            r"a way back leads to 'a', on which it does not build; it builds on nothing",
        ),
        (patched(step("a", back_to=("a",), e_max=1)), r"a way back leads to 'a'"),
        (patched(step("a", guards=(Told(judges=Plan),))), r"the guard 'told' judges Plan, but the step makes Idea"),
        (
            patched(step("a", Plan), step("b", guards=(Told(takes=(Plan,)),))),
            r"step 'b': the guard 'told' takes a Plan, which no required step makes; .* does, e.g. 'a'",
        ),
        (patched(step("b", guards=(Told(takes=(Plan,)),))), r"there is none yet"),
        (
            patched(step("a"), step("b"), step("c", Plan, requires=("a", "b"))),
            r"step 'c': both 'a' and 'b' make the Idea that it builds on",
        ),
        (patched(step("a", r_patience=3, rmax=3)), r"r_patience=3 with rmax=3.*give 2, or a larger rmax"),
        (patched(step("a", r_patience=1, rmax=5)), r"r_patience=1 with rmax=5.*give 2 to 4"),
        (patched(step("a", r_patience=2, rmax=2)), r"r_patience=2 with rmax=2.*give an rmax of 3 or more"),
        (patched(step("a", rmax=-1)), r"rmax=-1; give 0 or more"),
        (patched(step("a", max_tokens=0)), r"max_tokens=0; give 1 or more"),
        (patched(step("a", token_budget=0)), r"token_budget=0"),
        (patched(step("a", e_max=1)), r"e_max=1, but no way back"),
        (patched(step("a"), step("b", requires=("a",), back_to=("a",))), r"ways back to a, but e_max=0"),
        (patched(step("a"), step("a")), r"2 steps are called 'a'; names must be unique"),
        (patched(step(" ")), r"a step is called ' '"),
        (patched(step("a", guards=(Told(), Told()))), r"the guard 'told' is there 2 times"),
        (patched(step("a"), step("b", requires=cast("Any", "a"))), r"step 'b': requires='a'; give a tuple, \('a',\)"),
        (patched(step("a", back_to=cast("Any", "b"))), r"step 'a': back_to='b'; give a tuple"),
        (patched(step("a", guards=cast("Any", ("patch",)))), r"the guard 'patch' is a text; give guard\('patch'\)"),
        (patched(step("a", guards=cast("Any", Told()))), r"guards=Told\(.*\); give a tuple, \(guard\(\.\.\.\),\)"),
        (patched(step("a", guards=cast("Any", (Told,)))), r"is a class; give one made of it, Told\(\)"),
        (patched(step("a", guards=cast("Any", (7,)))), r"the guard 7 lacks name, judges, .*settings; see docs"),
        (patched(step("a", cast("Any", "idea"))), r"step 'a': shape='idea'; give a subclass of Shape"),
        (workflow(), r"it has no steps"),
        (
            Workflow(name="my arm", steps=(step("p", Patch),)),
            r"workflow 'my arm': ids and files bear its name; give it",
        ),
        (Workflow(name="", steps=(step("p", Patch),)), r"workflow '': ids and files bear its name"),
        (workflow(step("a"), step("b", Plan)), r"no step makes a Patch, only Idea, Plan"),
        (
            patched(step("a", prompt=asking(task="$idea"))),
            r"unknown placeholder '\$idea'; known: \$files, \$specification; a required step gives",
        ),
        (patched(step("a", prompt=asking(constraints="5 $"))), r"a stray '\$' in 'constraints'; write '\$\$'"),
        (
            patched(step("a", prompt=asking(feedback="no"))),
            r"'feedback' of its prompt has to hold \$feedback.*has none",
        ),
        (
            patched(step("a", prompt=asking(escalation="$sumary"))),
            r"has to hold \$summary and no other; it has \$sumary",
        ),
        (
            workflow(step("p", Patch), step("q", Careful, requires=("p",))),
            r"step 'q': Careful and Patch both have the key 'patch'; prompts name answers by it, so give each its own",
        ),
        (
            patched(step("a"), step("b", Brief), step("c", Plan, requires=("a", "b"))),
            r"step 'c': both 'a' and 'b' make the Idea that it builds on",
        ),
        (
            workflow(step("p", Patch), policy=ReviewBacktracking({"p": 1})),
            r"follows reviews, but no step makes a Review",
        ),
        (workflow(step("p", Patch), policy=ReviewBacktracking({"q": 1})), r"its policy speaks of an unknown step 'q'"),
    ],
)
def test_a_workflow_that_could_not_run_is_refused_by_name(refused: Workflow, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_workflow(refused)


def test_a_later_step_of_the_same_shape_is_no_ambiguity() -> None:
    fine = workflow(
        step("a"),
        step("b", requires=("a",)),
        step("c", Plan, requires=("b",), prompt=asking(task="$idea"), guards=(Told(takes=(Idea,)),)),
        step("p", Patch, prompt=PROMPT),
    )
    check_workflow(fine)
    assert ancestors(fine)["c"] == ("a", "b")


def test_a_workflow_need_not_leave_a_patch() -> None:
    check_workflow(workflow(step("a")), leaves_patch=False)


def test_what_derives_from_a_shape_serves_as_one() -> None:
    check_workflow(workflow(step("a", Brief), step("p", Careful, requires=("a",), guards=(Told(takes=(Idea,)),))))


def test_steps_run_as_declared_as_soon_as_they_can() -> None:
    steps = (step("z", requires=("a",)), step("b"), step("a"), step("c", requires=("z", "b")))
    assert [one.name for one in ordered(workflow(*steps))] == ["b", "a", "z", "c"]


def test_steps_that_wait_for_one_another_have_no_order() -> None:
    with pytest.raises(InputError, match="a -> b -> a"):
        ordered(workflow(step("a", requires=("b",)), step("b", requires=("a",))))


@pytest.mark.parametrize(("shape", "key"), [(Nameless, "''"), (Files, "'files'")])
def test_a_shape_that_prompts_cannot_name_is_refused(shape: type[Shape], key: str) -> None:
    with pytest.raises(InputError, match=f"step 'a': {shape.__name__} has the key {key}; prompts name answers by it"):
        check_workflow(patched(step("a", shape)))
