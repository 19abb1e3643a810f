"""Prompt scenarios: `{"scenario_id", "prompt"}` and optionally `category` and `system`, one JSON object a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.datasets.fields import Fields
from pytest_swebench.datasets.instance import Instance, Kind, Problem

COLUMNS: Final = frozenset({"scenario_id", "prompt", "category", "system"})
"""The columns that a scenario is made of."""


def instance_from_scenario(row: Mapping[str, Any], *, where: str) -> Instance:
    """Turn one scenario into an instance whose answer is captured and not graded. Raises DatasetError.

    `system` stands before the prompt, with an empty line between: an arm is free to have its own system prompt.
    """
    fields = Fields(row, where)
    prompt, system = fields.text("prompt", required=True), fields.text("system")
    problem = Problem(
        instance_id=fields.identifier("scenario_id"),
        statement=f"{system}\n\n{prompt}" if system else prompt,
        category=fields.text("category"),
    )
    return Instance(problem=problem, kind=Kind.SCENARIO)
