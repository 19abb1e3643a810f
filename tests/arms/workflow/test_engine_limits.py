from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.workflow.declaration import Workflow
from pytest_swebench.arms.workflow.engine import run_workflow
from pytest_swebench.arms.workflow.policy import Ended
from pytest_swebench.arms.workflow.shapes import Patch
from pytest_swebench.errors import (
    BudgetExhausted,
    LimitReached,
    ProviderError,
    SandboxLost,
)
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Request
from pytest_swebench.records.trace import EventType
from pytest_swebench.sandbox.protocol import Sandbox
from tests.arms.workflow.running import run, said, workflow
from tests.support.scripted import Scripted
from tests.support.workflows import MEND, Told, cell_in, step


def test_a_budget_of_tokens_ends_a_step(calc: Sandbox) -> None:
    provider = Scripted([said("x")], again=True)
    result = run(cell_in(calc, provider), step(guards=(Told(["no"] * 9),), token_budget=30), rmax=8)
    assert (result.failed_guard, result.ended, provider.calls) == ("TokenBudget", Ended.FAILED, 2)
    assert "30 tokens" in result.reason


def test_a_limit_loses_nothing_that_stands(calc: Sandbox) -> None:
    provider = Scripted([MEND, said("bad"), BudgetExhausted("cell", "0.50 $ are spent")])
    cell = cell_in(calc, provider)
    with pytest.raises(BudgetExhausted):
        run(cell, step("a", Patch), step("b", requires=("a",), guards=(Told(["no"] * 9),)))
    draft = cell.drafts[-1]
    assert draft.patch is not None
    assert "+    return a + b" in draft.patch
    assert (draft.per_step_tokens, draft.retry_count) == ({"a": 15, "b": 15}, 1)
    assert (draft.failed_step, draft.failed_guard) == ("b", "told")
    assert cell.trace().of(EventType.NOTE)[-1].summary == "0.50 $ are spent"


def test_before_anything_stands_a_limit_leaves_an_empty_patch(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([BudgetExhausted("cell", "spent")]))
    with pytest.raises(BudgetExhausted):
        run(cell, step())
    assert cell.drafts[-1].patch == ""


def test_no_call_is_made_when_time_is_up(calc: Sandbox) -> None:
    provider = Scripted([said("x")])
    with pytest.raises(LimitReached, match=r"the 0 s for solving are over") as caught:
        run(cell_in(calc, provider), step(), left_s=0.0)
    assert (caught.value.stop, provider.calls) == (Stop.TIME, 0)


def test_no_guard_is_asked_when_time_is_up_but_the_answer_counts(calc: Sandbox) -> None:
    passed_s = [0.0]
    guard = Told()

    def last_words(request: Request) -> Any:
        passed_s[0] = 201.0
        return said("late")

    cell, clock = cell_in(calc, Scripted([last_words])), Clock(200.0, now=lambda: passed_s[0])
    with pytest.raises(LimitReached):
        run_workflow(workflow(step(guards=(guard,))), cell.context, specification="", clock=clock)
    assert (guard.given, cell.drafts[-1].per_step_tokens) == ([], {"a": 15})


def test_an_answer_counts_whose_guard_meets_a_limit(calc: Sandbox) -> None:
    guard = Told(["no", LimitReached(Stop.COST, "the evaluation costs too much")])
    cell = cell_in(calc, Scripted([said("x"), said("y")]))
    with pytest.raises(LimitReached, match="too much"):
        run(cell, step(guards=(guard,)))
    left = cell.drafts[-1]
    assert (left.per_step_tokens, left.retry_count, left.failed_guard) == ({"a": 30}, 1, "told")


@pytest.mark.parametrize(("left_s", "given_s"), [(1000.0, 300.0), (42.0, 42.0)])
def test_a_call_gets_what_is_left_but_at_most_five_minutes(calc: Sandbox, left_s: float, given_s: float) -> None:
    provider = Scripted([said("x")])
    run(cell_in(calc, provider), step(), left_s=left_s)
    assert provider.timeouts_s == [given_s]


def test_a_call_that_our_clock_cut_is_a_limit_and_no_fault_of_the_endpoint(calc: Sandbox) -> None:
    passed_s = [0.0]

    def slow(request: Request) -> Any:
        passed_s[0] = 59.0
        return ProviderError("no complete answer within 60 s")

    cell, clock = cell_in(calc, Scripted([slow])), Clock(60.0, now=lambda: passed_s[0])
    with pytest.raises(LimitReached, match="no time was left"):
        run_workflow(workflow(step()), cell.context, specification="", clock=clock)


@pytest.mark.parametrize("fault", [ProviderError("503"), SandboxLost("gone")])
def test_broken_ground_is_raised(calc: Sandbox, fault: Exception) -> None:
    with pytest.raises(type(fault)):
        run(cell_in(calc, Scripted([said("x")])), step(guards=(Told([fault]),)))
    with pytest.raises(ProviderError):
        run(cell_in(calc, Scripted([ProviderError("503")])), step())


def test_what_a_workflow_before_did_is_counted_in(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([said("x"), "nonsense", MEND]))
    first = run(cell, step())
    second = run_workflow(
        Workflow(name="second", steps=(step("a", Patch),)),
        cell.context,
        specification="",
        clock=Clock(9.0),
        before=first,
    )
    assert (second.per_step_tokens, second.retry_count) == ({"a": 45}, 1)
    assert cell.traces.keys() == {"w", "second"}
    assert len({one for trace in cell.traces.values() for one in trace.artifacts}) == 3


def test_a_limit_leaves_the_patch_of_a_workflow_before(calc: Sandbox) -> None:
    cell = cell_in(calc, Scripted([MEND, BudgetExhausted("cell", "spent")]))
    first = run(cell, step("a", Patch))
    second = Workflow(name="second", steps=(step("a", Patch),))
    with pytest.raises(BudgetExhausted):
        run_workflow(second, cell.context, specification="", clock=Clock(9.0), before=first)
    assert cell.drafts[-1].patch == first.patch != ""
