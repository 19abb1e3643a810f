from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, cut, object_schema
from pytest_swebench.providers.protocol import Tool


def greet(arguments: Mapping[str, Any]) -> ToolResult:
    return ToolResult(f"hello {arguments['name']}")


SCHEMA = object_schema(
    {"name": {"type": "string"}, "times": {"type": "array", "items": {"type": "integer"}}}, ("name",)
)
GREET = AgentTool(Tool("greet", "Greets.", SCHEMA), greet)


def test_right_arguments_reach_the_tool() -> None:
    assert GREET.call({"name": "you", "times": [1, 2]}) == ToolResult("hello you")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "wrong arguments for 'greet': 'name' is a required property; it takes: name, times"),
        ({"name": 3}, "wrong arguments for 'greet': 'name': 3 is not of type 'string'; it takes: name, times"),
        ({"name": "a", "times": [1, "b"]}, "wrong arguments for 'greet': 'times' 1: 'b' is not of type 'integer'"),
        ({"name": "a", "loud": True}, "Additional properties are not allowed ('loud' was unexpected)"),
        ({"name": "a\0b"}, "NUL character"),
        ({"name": "a", "times": ["\0"]}, "NUL character"),
    ],
)
def test_wrong_arguments_are_told_to_the_model(arguments: dict[str, Any], told: str) -> None:
    result = GREET.call(arguments)
    assert result.text.startswith("error: ")
    assert told in result.text
    assert not result.ends


def test_a_tool_without_arguments_takes_none() -> None:
    tool = AgentTool(Tool("end", "Ends.", object_schema({})), lambda arguments: ToolResult("", ends=True))
    assert tool.call({}).ends
    assert "it takes: none" in tool.call({"why": "x"}).text


def test_a_long_argument_is_not_repeated_whole() -> None:
    assert len(GREET.call({"name": ["x" * 100_000]}).text) < 500


def test_of_a_long_output_head_and_tail_are_kept() -> None:
    shown = cut("a" * 8_000 + "b" * 8_000)
    assert len(shown) == 10_000
    assert shown.startswith("a" * 4_900)
    assert shown.endswith("b" * 4_900)
    assert "characters left out" in shown


@given(st.text(max_size=300), st.integers(min_value=60, max_value=200))
def test_a_cut_keeps_its_limit_and_both_ends(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert (shown == text) is (len(text) <= limit)
    assert shown[:1] == text[:1]
    assert shown[-1:] == text[-1:]
