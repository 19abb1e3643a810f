from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from pytest_swebench.arms.local.onepatch import TURNS, OnePatchAgent
from pytest_swebench.arms.simple import Null
from pytest_swebench.cell import Variant
from pytest_swebench.errors import InfraError, InputError, LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Request
from tests.arms.local.conftest import Place
from tests.support.local_tasks import fix_of
from tests.support.made import made_instance

Open = Callable[..., Place]
PYTEST: Any = [("swe_pytest", {})]


def patching(task_id: str) -> Any:
    return [("swe_apply_patch_text", {"patch": fix_of(task_id)})]


def said(request: Request) -> list[str]:
    """Return the results of tools that a request tells the model, in order."""
    return [message.content for message in request.messages if message.role == "tool"]


def bare(diff: str) -> str:
    """Return a diff without what git alone adds: ids, and the function a hunk begins in."""
    return re.sub(r"^index .*\n|(?<= @@) .*", "", diff, flags=re.MULTILINE)


def test_test_patch_test_ends_with_pytests_own_tail(open_task: Open) -> None:
    place = open_task("basket-discount")
    context, model = place.with_model([("swe_clone", {})], PYTEST, patching("basket-discount"), PYTEST, "never asked")
    solution = OnePatchAgent().solve(context)
    assert len(model.requests) == 4
    result = place.result
    assert (result["status_before"], result["status"], result["patch_applied"]) == ("fail", "pass", True)
    assert solution.response_text == result["tail"]
    assert result["tail"].startswith("1 passed, 3 deselected in ")
    assert bare(solution.patch) == fix_of("basket-discount")
    assert solution.stop is Stop.SUBMITTED
    assert [call["name"] for call in solution.tool_calls] == [
        *("swe_clone", "swe_pytest", "swe_apply_patch_text", "swe_pytest")
    ]
    assert solution.per_step_tokens == {"agent_onepatch": 60}


def test_the_prompt_tells_the_task_and_nothing_hidden(open_task: Open) -> None:
    place = open_task("basket-discount", problem_statement="Discounts are wrong.")
    context, model = place.with_model(PYTEST, patching("basket-discount"), PYTEST)
    OnePatchAgent().solve(context)
    first = model.requests[0]
    text = first.messages[0].content
    assert "Discounts are wrong." in text
    assert "pytest -k discount\n" in text
    assert f"{TURNS} answers" in first.system
    assert "price * percent / 100" not in first.system + text
    assert first.temperature == 0.2


def test_tests_that_pass_at_once_end_it_without_a_patch(open_task: Open) -> None:
    place = open_task("colours-known")
    context, model = place.with_model([("swe_install", {})], PYTEST, "never asked")
    solution = OnePatchAgent().solve(context)
    assert len(model.requests) == 2
    assert place.result["status"] == "pass"
    assert place.result["status_before"] is None
    assert solution.patch == Null().solve(context).patch  # graded as it is


def test_a_second_patch_is_refused(open_task: Open) -> None:
    place = open_task("calendar-all")
    context, model = place.with_model(patching("basket-all"), patching("calendar-all"), PYTEST)
    solution = OnePatchAgent().solve(context)
    first, second = said(model.requests[-1])
    assert "does not apply, and there is no second attempt" in first
    assert second.startswith("error: the one patch was tried already")
    assert (place.result["status"], place.result["patch_applied"]) == ("fail", False)
    assert place.result["status_before"] == "fail"
    assert solution.patch == ""
    assert "2 failed, 1 passed" in solution.notes


def test_an_empty_patch_is_no_attempt_and_fences_are_taken_off(open_task: Open) -> None:
    place = open_task("calendar-all")
    fenced = f"```diff\n{fix_of('calendar-all')}\n```"
    context, model = place.with_model(
        [("swe_apply_patch_text", {"patch": " \n"})], [("swe_apply_patch_text", {"patch": fenced})], PYTEST
    )
    solution = OnePatchAgent().solve(context)
    assert said(model.requests[-1])[0] == "error: the patch is empty; give a unified diff"
    assert place.result["status"] == "pass"
    assert bare(solution.patch) == fix_of("calendar-all")


def test_a_model_that_only_talks_gets_pytests_tail_for_its_last_word(open_task: Open) -> None:
    place = open_task("basket-total")
    context, model = place.with_model("All tests pass now: 99 passed in 0.01s")
    solution = OnePatchAgent().solve(context)
    assert len(model.requests) == 4  # the first words and three reminders
    assert solution.response_text.startswith("1 failed, 3 deselected in ")
    assert place.result["status"] == "fail"
    assert solution.patch == ""


@pytest.mark.parametrize(("turns", "asked"), [(3, 3), (None, TURNS)])
def test_turns_are_bounded(open_task: Open, turns: int | None, asked: int) -> None:
    place = open_task("basket-total")
    variant = Variant("v", "v", "m", 0.2, turns)
    context, model = place.with_model([("swe_read_file", {"path": "basket.py"})], variant=variant)
    solution = OnePatchAgent().solve(context)
    assert len(model.requests) == asked
    assert solution.stop is Stop.STEPS
    assert place.result["status"] == "fail"


def test_a_limit_keeps_the_result_so_far(open_task: Open) -> None:
    place = open_task("basket-all")
    context, model = place.with_model(PYTEST, patching("basket-all"), PYTEST)

    class Poor:
        name = "poor"

        def complete(self, request: Request, *, timeout_s: float) -> Any:
            if len(model.requests) == 2:
                raise LimitReached(Stop.COST, "no money left")
            return model.complete(request, timeout_s=timeout_s)

        def close(self) -> None:
            return

    with pytest.raises(LimitReached, match="no money"):
        OnePatchAgent().solve(dataclasses.replace(context, provider=Poor()))
    assert place.result["patch_applied"] is True
    assert place.result["status"] == "fail"  # as it was last tested
    assert place.drafts[-1].patch is None  # the working copy is what stands
    assert bare(place.opened[0].diff()) == fix_of("basket-all")


def test_a_repository_that_cannot_be_had_costs_no_call(open_task: Open) -> None:
    place = open_task("basket-all", repo="http://127.0.0.1:9/none.git")
    context, model = place.with_model(PYTEST)
    with pytest.raises(InfraError):
        OnePatchAgent().solve(context)
    assert model.requests == []
    assert place.result["status"] == "fail"


def test_other_instances_are_refused() -> None:
    with pytest.raises(InputError, match="arm 'agent_onepatch': 'x' is no local task"):
        OnePatchAgent().check([made_instance("x")])


def test_it_takes_turns_and_is_no_oracle() -> None:
    arm = OnePatchAgent()
    assert (arm.paid, arm.oracle, arm.takes_turns) == (True, False, True)
