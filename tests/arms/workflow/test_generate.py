from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from pytest_swebench.arms.workflow.generate import (
    HISTORY_CHARS,
    Turn,
    WrongShape,
    constraints_text,
    conversation,
    read_answer,
    schema_of,
    system_text,
)
from pytest_swebench.arms.workflow.prompt import Prompt
from pytest_swebench.arms.workflow.shapes import SHAPES, FixApproach, Shape
from pytest_swebench.providers.protocol import Answer, Message, StopReason, Usage
from pytest_swebench.providers.structured import check_schema, strict


class Bounded(Shape):
    """Numbers that no endpoint guarantees."""

    key = "bounded"
    title: Annotated[str, Field(min_length=2)] = "none"
    numbers: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]


def answered(text: str, *, stop: StopReason = StopReason.END, data: dict[str, Any] | None = None) -> Answer:
    return Answer(text=text, model="m", stop_reason=stop, usage=Usage(output=7), data=data)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.key)
def test_every_shape_has_a_schema_that_endpoints_guarantee(shape: type[Shape]) -> None:
    schema = schema_of(shape)
    check_schema(schema)
    assert strict(schema)
    assert schema["properties"].keys() == shape.model_fields.keys()


def test_what_no_endpoint_guarantees_is_left_to_the_check_of_the_answer() -> None:
    schema = schema_of(Bounded)
    assert schema["properties"] == {
        "title": {"type": "string"},
        "numbers": {"type": "array", "items": {"type": "integer"}},
    }
    assert schema["required"] == ["title", "numbers"]
    with pytest.raises(WrongShape, match=r"- title: .* at least 2 characters\n- numbers: .* at least 1 item"):
        read_answer(answered("", data={"title": "x", "numbers": []}), Bounded)


def test_an_answer_is_read_from_data_or_from_text() -> None:
    data = {"title": "ab", "numbers": [3]}
    assert read_answer(answered("", data=data), Bounded) == read_answer(answered(json.dumps(data)), Bounded)
    raw = '{"steps": [], "files": [], "reasoning": "two\nlines"}'
    assert read_answer(answered(raw), FixApproach).reasoning == "two\nlines"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answered("[1, 2]"), "the whole: Input should be"),
        (answered('{"title": '), "no JSON object"),
        (answered('{"a":' * 100_000 + "}" * 100_000), "no JSON object"),
        (answered(json.dumps({"numbers": [0] * 20})), "- and 12 more"),
        (answered('{"title": "\\ud800", "numbers": [1]}'), "- title: "),
        (answered(" \n"), "There was no answer"),
        (answered("{}", stop=StopReason.MAX_TOKENS), "cut off after 7 tokens"),
        (answered("", stop=StopReason.REFUSAL), "a refusal"),
    ],
)
def test_an_answer_of_another_shape_says_what_is_wrong(answer: Answer, told: str) -> None:
    with pytest.raises(WrongShape) as caught:
        read_answer(answer, Bounded)
    assert told in str(caught.value)


def test_turns_follow_the_task_in_order() -> None:
    assert conversation("do", [Turn("", "no"), Turn("b", "nor that")]) == (
        Message("user", "do"),
        Message("assistant", "(no answer)"),
        Message("user", "no"),
        Message("assistant", "b"),
        Message("user", "nor that"),
    )


def test_of_many_long_turns_the_latest_are_kept_and_the_others_told_in_a_line() -> None:
    turns = [Turn(f"{at}" + "x" * 30_000, f"rejected\nfor reason {at}") for at in range(15)]
    messages = conversation("do", turns)
    assert sum(len(message.content) for message in messages) < HISTORY_CHARS + 3_000
    assert messages[-1].content == "rejected\nfor reason 14"
    assert messages[-2].content.endswith("[... 10002 more characters ...]")
    assert messages[0].content.startswith("do\n\n13 earlier answers are left out here.")
    assert messages[0].content.endswith("- rejected for reason 12")
    assert "reason 2\n" not in messages[0].content


def test_one_turn_is_kept_however_long() -> None:
    messages = conversation("do", [Turn("x" * 99_999, "y" * 99_999)])
    assert [message.role for message in messages] == ["user", "assistant", "user"]


def test_constraints_may_be_missing_and_a_warning_is_one_of_them() -> None:
    bare = Prompt(role="You.", task="t")
    assert system_text(bare, {}, warned=False) == "You."
    assert constraints_text(bare, {}, warned=True).startswith("STAGNATION WARNING")
    whole = constraints_text(Prompt(role="", task="t", constraints="Be $how."), {"how": "brief"}, warned=True)
    assert whole.startswith("Constraints:\nBe brief.\n\nSTAGNATION WARNING")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(WrongShape, match=r"The answer holds \\ud800, half a character"):
        read_answer(answered('{"steps": ["a\\ud800"], "files": [], "reasoning": ""}'), FixApproach)
