from __future__ import annotations

import json

import pytest

from pytest_swebench.arms.workflow.guards.registry import GUARDS, guard
from pytest_swebench.arms.workflow.shapes import SHAPES, Shape
from pytest_swebench.errors import InputError

NAMES = [
    "analysis",
    "classification",
    "context",
    "edit_plan",
    "fix_approach",
    "format",
    "full_eval",
    "impact",
    "lint",
    "localised_tests",
    "localization",
    "patch",
    "review_schema",
    "root_cause",
    "structure",
    "test_green",
    "test_red",
    "test_setup_verification",
    "test_syntax",
    "workflow_schema",
]


def test_every_guard_is_known_by_its_name() -> None:
    assert sorted(GUARDS) == sorted(NAMES)
    assert [guard(name).name for name in NAMES] == NAMES


def test_only_the_full_evaluation_is_an_oracle() -> None:
    assert [name for name in NAMES if guard(name).oracle] == ["full_eval"]


def test_guards_judge_shapes_of_steps_and_tell_their_settings_as_json() -> None:
    for name in NAMES:
        made = guard(name)
        assert made.judges in {*SHAPES, Shape}
        assert set(made.takes) <= set(SHAPES)
        assert json.loads(json.dumps(made.settings())) == made.settings()


def test_unknown_guard_is_named() -> None:
    with pytest.raises(InputError, match=r"unknown guard 'test_redd'; did you mean 'test_red'\? known: analysis, "):
        guard("test_redd")


def test_shapes_have_keys_of_their_own() -> None:
    assert len({shape.key for shape in SHAPES}) == len(SHAPES)
