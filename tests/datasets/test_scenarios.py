from __future__ import annotations

import pytest

from pytest_swebench.datasets.instance import Kind
from pytest_swebench.datasets.scenarios import instance_from_scenario
from pytest_swebench.errors import DatasetError


def test_scenario_is_captured_and_not_graded() -> None:
    row = {"scenario_id": "plan-1", "prompt": "Plan my day.", "category": "planning"}

    instance = instance_from_scenario(row, where="s.jsonl:1")

    assert (instance.instance_id, instance.kind) == ("plan-1", Kind.SCENARIO)
    assert (instance.problem.statement, instance.problem.category) == ("Plan my day.", "planning")
    assert instance.missing_for_grading() == ()


def test_system_text_stands_before_the_prompt() -> None:
    row = {"scenario_id": "plan-1", "system": "Be brief.", "prompt": "Plan my day."}

    assert instance_from_scenario(row, where="s.jsonl:1").problem.statement == "Be brief.\n\nPlan my day."


@pytest.mark.parametrize("prompt", [None, "", "  \n", 3])
def test_empty_prompt_is_refused(prompt: object) -> None:
    with pytest.raises(DatasetError, match=r"s\.jsonl:1: field 'prompt': expected a string"):
        instance_from_scenario({"scenario_id": "plan-1", "prompt": prompt}, where="s.jsonl:1")
