from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.arms.workflow.base_tree import BaseTree
from pytest_swebench.arms.workflow.generate import schema_of
from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.execution import Red
from pytest_swebench.arms.workflow.guards.registry import GUARDS, guard
from pytest_swebench.arms.workflow.shapes import MOST_RETRIES, SHAPES, Kind, WorkflowPlan
from pytest_swebench.arms.workflows.adaptive import AdaptiveBacktrack, designing, version_of, workflow_of
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.datasets.instance import Kind as InstanceKind
from pytest_swebench.errors import ContextOverflow, InputError, LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.records.trace import EventType
from tests.arms.workflows.answers import BAD, GOOD
from tests.arms.workflows.playing import INSTANCE, Played, Table
from tests.arms.workflows.test_stories import ANSWER_TOKENS, passed, refused, tokens

ARM = "adaptive_backtrack"
PLAN = GOOD["workflow_plan"]
DESIGN = "ap_generate_workflow"


def plan(*steps: tuple[str, str, list[str], list[str], int]) -> dict[str, Any]:
    names = ("name", "kind", "requires", "guards", "rmax")
    return {"steps": [dict(zip(names, step, strict=True)) for step in steps], "reasoning": "as good as any"}


def asked(played: Played) -> list[str]:
    return [request.agent for request in played.provider.requests]


def test_designed_workflow_is_carried_out_and_counted(table: Table) -> None:
    played = table.play(ARM)
    assert list(played.stories) == [ARM, f"{ARM}.plan"]
    assert played.story.all_lines == [
        *passed("ap_classify", ("classification",)),
        *passed(DESIGN, ("workflow_schema",)),
    ]
    assert played.stories[f"{ARM}.plan"].all_lines == [
        *passed("look", ("analysis",)),
        *passed("show", ("test_syntax", "test_red")),
        *passed("mend", ("patch", "lint", "test_green")),
    ]
    assert asked(played) == ["ap_classify", DESIGN, "look", "show", "mend"]
    assert played.solution.per_step_tokens == tokens(played)
    assert (played.solution.failed_step, played.solution.retry_count) == ("", 0)
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_steps_of_a_design_see_the_answers_they_build_on_and_no_others(table: Table) -> None:
    played = table.play(ARM)
    look, show, mend = (played.provider.asked_by(step)[0].messages[0].content for step in ("look", "show", "mend"))
    assert "strip_comment does not know quotes" not in look
    assert "<analysis>" in show
    assert "<test>" not in show
    assert "strip_comment does not know quotes" in mend
    assert "def test_hash_between_quotes_is_kept():" in mend
    assert "<classification>" not in mend


def test_design_that_cannot_be_run_is_refused_with_what_is_wrong(table: Table) -> None:
    circle = plan(("a", "analysis", ["b"], ["analysis"], 1), ("b", "patch", ["a"], ["patch"], 1))
    unknown = plan(("a", "analysis", [], ["analyses"], 1), ("b", "patch", ["gone"], ["patch"], 1))
    played = table.play(ARM, {DESIGN: [circle, unknown]})
    start, *rest = passed(DESIGN, ("workflow_schema",))
    refusal = refused(DESIGN, ("workflow_schema",), "workflow_schema")
    assert played.story.all_lines[5 - 1 :] == [start, *refusal, *refusal, *rest]
    told = [message.content for message in played.provider.asked_by(DESIGN)[2].messages if message.role == "user"]
    assert "circle" in told[1]
    assert "'gone'" in told[2]
    assert played.solution.retry_count == 2
    assert played.solution.per_step_tokens[DESIGN] == 3 * ANSWER_TOKENS
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_design_may_not_ask_for_hidden_tests(table: Table) -> None:
    peeking = plan(("b", "patch", [], ["patch", "full_eval"], 1))
    played = table.play(ARM, {DESIGN: [peeking]})
    assert "sees hidden tests" in played.provider.asked_by(DESIGN)[1].messages[-1].content
    assert played.arm.oracle is False


def test_designs_refused_to_the_end_are_gone_back_from_once(table: Table) -> None:
    empty = plan()
    played = table.play(ARM, {DESIGN: [empty] * 3})
    (escalated,) = played.story.of(EventType.ESCALATE)
    assert escalated.escalation is not None
    assert (escalated.escalation.targets, escalated.escalation.trigger) == (("ap_classify",), "RMAX_EXHAUSTED")
    assert played.story.statuses("ap_classify") == ["superseded", "accepted"]
    assert played.solution.retry_count == 3
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_stuck_step_of_a_design_goes_back_to_what_it_builds_on(table: Table) -> None:
    played = table.play(ARM, {"mend": [BAD["patch"]] * 2})
    story = played.stories[f"{ARM}.plan"]
    (escalated,) = story.of(EventType.ESCALATE)
    assert escalated.escalation is not None
    assert escalated.escalation.targets == ("look", "show")
    assert escalated.escalation.invalidated == ("look", "show", "mend")
    assert story.statuses("look") == ["superseded", "accepted"]
    assert played.solution.retry_count == 2
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_design_that_leads_nowhere_is_followed_by_another(table: Table) -> None:
    simple = plan(("mend_at_once", "patch", [], ["patch"], 2))
    played = table.play(ARM, {DESIGN: [simple], "mend_at_once": [BAD["patch"]] * 3})
    assert list(played.stories) == [ARM, f"{ARM}.plan", f"{ARM}.2", f"{ARM}.plan.2"]
    (escalated,) = played.story.of(EventType.ESCALATE)
    assert escalated.escalation is not None
    assert escalated.escalation.invalidated == ("ap_classify", DESIGN)
    assert escalated.escalation.trigger == "RMAX_EXHAUSTED"
    assert [event.step for event in played.story.of(EventType.CASCADE_INVALIDATE)] == ["ap_classify", DESIGN]
    assert [played.story.statuses(step) for step in ("ap_classify", DESIGN)] == [["superseded"]] * 2
    assert "mend_at_once: patch: rejected 3 times" in escalated.escalation.failure_summary
    assert asked(played) == [
        "ap_classify",
        DESIGN,
        *["mend_at_once"] * 3,
        "ap_classify",
        DESIGN,
        "look",
        "show",
        "mend",
    ]
    again = played.provider.asked_by(DESIGN)[1].messages[0].content
    assert "mend_at_once: patch: rejected 3 times" in again
    assert played.solution.per_step_tokens == tokens(played)
    assert played.solution.retry_count == 3
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_two_designs_that_lead_nowhere_are_the_end(table: Table) -> None:
    simple = plan(("mend_at_once", "patch", [], ["patch"], 0))
    played = table.play(ARM, {DESIGN: [simple] * 2, "mend_at_once": [BAD["patch"]] * 2})
    assert (played.solution.patch, played.solution.failed_step) == ("", "mend_at_once")
    assert (played.solution.failed_guard, played.solution.retry_count) == ("patch", 2)
    assert len(asked(played)) == 6


def test_fatal_result_of_designing_is_the_end(table: Table) -> None:
    played = table.play(ARM, {"ap_classify": [ContextOverflow("too long")]})
    assert (played.solution.failed_step, played.solution.failed_guard) == ("ap_classify", "GeneratorValidation")
    assert played.solution.notes.startswith("only a person could help: ap_classify: ")
    assert asked(played) == ["ap_classify"]


def test_fatal_result_of_a_designed_step_leads_to_another_design(table: Table) -> None:
    simple = plan(("mend_at_once", "patch", [], ["patch"], 2))
    played = table.play(ARM, {DESIGN: [simple], "mend_at_once": [ContextOverflow("too long")]})
    (escalated,) = played.story.of(EventType.ESCALATE)
    assert escalated.escalation is not None
    assert escalated.escalation.trigger == "FATAL"
    assert table.evaluate(played.solution.patch).verdict.resolved


def test_limit_in_the_second_design_leaves_the_patch_of_the_first(table: Table) -> None:
    first = plan(("mend", "patch", [], ["patch"], 1), ("judge", "impact", ["mend"], [], 0))
    lines = {DESIGN: [first, LimitReached(Stop.COST, "enough")], "judge": [ContextOverflow("too long")]}
    with pytest.raises(LimitReached, match="enough"):
        table.play(ARM, lines, leave=(drafts := []).append)
    assert table.evaluate(drafts[-1].patch).verdict.resolved


def test_limit_keeps_what_all_workflows_of_the_cell_did(table: Table) -> None:
    limit = LimitReached(Stop.COST, "enough")
    first = {DESIGN: [plan(("mend", "patch", [], ["patch"], 1))], "mend": [BAD["patch"], limit]}
    with pytest.raises(LimitReached, match="enough"):
        table.play(ARM, first, leave=(drafts := []).append)
    assert drafts[-1].per_step_tokens == {"ap_classify": 15, DESIGN: 15, "mend": 15}
    assert (drafts[-1].retry_count, drafts[-1].failed_step, drafts[-1].failed_guard) == (1, "mend", "patch")


FITTING = {"analysis": ["analysis"], "impact": [], "test": ["test_syntax"], "patch": ["patch", "lint", "test_green"]}


@st.composite
def plans(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw steps of which most could be run: what they require comes before, and guards fit their kinds."""
    steps: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from([*FITTING, "patch"]))
        before = [step["name"] for step in steps]
        steps.append(
            {
                "name": f"step_{number}",
                "kind": kind,
                "requires": draw(st.lists(st.sampled_from(before), max_size=3)) if before else [],
                "guards": [name for name in FITTING[kind] if name == "patch" or draw(st.booleans())],
                "rmax": draw(st.integers(0, MOST_RETRIES)),
            }
        )
    return steps


@pytest.fixture(scope="module")
def nothing(table: Table) -> Given:
    """What a guard is given that looks at nothing but the answer."""
    sandbox = table.backend.open(INSTANCE)
    tree = BaseTree(sandbox)
    return Given(
        problem=INSTANCE.problem,
        sandbox=sandbox,
        accepted={},
        change=tree.change,
        complaint=tree.complaint,
        left_s=lambda: 60.0,
    )


@given(plans())
@example(PLAN["steps"])
@example([{"name": "one", "kind": "patch", "requires": [], "guards": ["patch", "patch"], "rmax": 1}])
@example([{"name": "one", "kind": "patch", "requires": ["one"], "guards": ["patch"], "rmax": MOST_RETRIES}])
def test_whatever_the_schema_accepts_can_be_run(nothing: Given, steps: list[dict[str, Any]]) -> None:
    answer = WorkflowPlan.model_validate({"steps": steps, "reasoning": ""})
    accepted = guard("workflow_schema").check(answer, nothing).passed
    event(f"accepted: {accepted}")
    if accepted:
        assert [step.name for step in workflow_of(answer, "any").steps] == [step["name"] for step in steps]
    else:
        with pytest.raises(InputError):
            workflow_of(answer, "any")


def test_every_kind_of_step_can_be_planned() -> None:
    kinds: list[str] = list(Kind.__args__)  # type: ignore[attr-defined]
    guards = {"test": ["test_syntax"]}
    steps = [
        (f"step_{kind}", kind, [f"step_{before}"] if before else [], guards.get(kind, [kind]), 3)
        for kind, before in zip(kinds, ["", *kinds], strict=False)
    ]
    workflow = workflow_of(WorkflowPlan(**plan(*steps)), "all")
    assert len(workflow.steps) == len(kinds)
    last = workflow.steps[-1]
    assert last.prompt.placeholders == {"specification", "files", *kinds} - {"patch"}


def test_retries_of_a_design_are_bounded(nothing: Given) -> None:
    asked_for, too_many = (
        WorkflowPlan(**plan(("mend", "patch", [], ["patch"], rmax))) for rmax in (MOST_RETRIES, MOST_RETRIES + 1)
    )
    (step,) = workflow_of(asked_for, "one").steps
    assert (step.rmax, step.r_patience, step.e_max, step.back_to) == (MOST_RETRIES, 2, 0, ())
    assert guard("workflow_schema").check(too_many, nothing).feedback == "step 'mend': rmax is 7; give 0 to 6"
    assert "0 to 6" in str(schema_of(WorkflowPlan))


def test_whatever_a_plan_may_name_is_part_of_the_version() -> None:
    hasty = {**GUARDS, "test_red": lambda: Red(timeout_s=1.0)}
    versions = {version_of(designing()), version_of(designing(), hasty), version_of(designing(), shapes=SHAPES[1:])}
    assert len(versions) == 3
    assert AdaptiveBacktrack().version in versions


def test_scenario_is_refused() -> None:
    scenario = Instance(problem=Problem(instance_id="s", statement="hello"), kind=InstanceKind.SCENARIO)
    with pytest.raises(InputError, match="arm 'adaptive_backtrack': 's' is a prompt scenario"):
        ArmRegistry().make(ARM).check([scenario])


def test_estimate_goes_from_a_plan_of_one_step_to_the_longest_ones() -> None:
    expected = AdaptiveBacktrack().expected(INSTANCE.problem)
    assert expected.calls == (3, 2 * (2 * 3 + 12 * 7))
    assert 0 < expected.input_tokens[0] < expected.input_tokens[1]
