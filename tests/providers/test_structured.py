"""Answers of a given shape: asked for natively, by a tool, or by words, and checked in any case."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pytest_swebench.errors import ProviderError, ProviderRefused
from pytest_swebench.providers.protocol import StopReason, Tool
from pytest_swebench.providers.structured import NAME, strict
from tests.support.asking import QUESTION, NotingGate, ask
from tests.support.llm_server import AnswerFunction, Behaviour, ScriptedAnswer, bad_request, refusing

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string"}}, "sure": {"type": "boolean"}},
    "required": ["files", "sure"],
    "additionalProperties": False,
}
DATA = {"files": ["a/ü.py"], "sure": True}
FITTING = ScriptedAnswer(json.dumps(DATA))
SHAPED = replace(QUESTION, schema=SCHEMA, system="Be brief.")
LIST_FILES = Tool("list_files", "List a folder.", {"type": "object"})


@pytest.fixture(params=["anthropic", "openai"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_shape_is_asked_for_in_the_formats_own_way(kind: str) -> None:
    asked = ask(kind, [FITTING], request=SHAPED)
    assert (asked.answer.data, asked.answer.text, asked.answer.dropped) == (DATA, FITTING.text, ())
    body = asked.requests[0].body
    if kind == "anthropic":
        assert body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    else:
        shape = {"name": NAME, "schema": SCHEMA, "strict": True}
        assert body["response_format"] == {"type": "json_schema", "json_schema": shape}


def test_requests_without_a_schema_have_no_data_and_ask_for_no_shape(kind: str) -> None:
    asked = ask(kind, [FITTING])
    assert asked.answer.data is None
    assert not {"output_config", "response_format", "tool_choice"} & set(asked.requests[0].body)


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```\n", "\n {} \n"])
def test_fence_around_the_object_is_taken_off(kind: str, fence: str) -> None:
    fenced = ScriptedAnswer(fence.replace("{}", json.dumps(DATA, indent=1)))
    assert ask(kind, [fenced], request=SHAPED).answer.data == DATA


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Certainly!", "structured answer is not JSON"),
        ("[1]", "structured answer is not a JSON object"),
        ('{"files": []}', "'sure' is a required property"),
        ('{"files": [3], "sure": true}', "schema at $.files[0]: 3 is not of type 'string'"),
        ("[" * 100_000, "structured answer is not JSON"),
    ],
)
def test_answer_of_another_shape_counts_as_broken_and_is_settled(kind: str, text: str, words: str) -> None:
    gate = NotingGate()
    asked = ask(kind, [ScriptedAnswer(text)], request=SHAPED, gate=gate)
    assert isinstance(asked.outcome, ProviderError)
    assert words in str(asked.outcome)
    assert len(asked.requests) == 3
    assert [answer.text for answer in gate.answers] == [text] * 3


def test_second_try_may_fit(kind: str) -> None:
    assert ask(kind, [ScriptedAnswer("{}"), FITTING], request=SHAPED).answer.data == DATA


@pytest.mark.parametrize("stop", ["max_tokens", "refusal"])
def test_answer_that_was_cut_or_refused_has_no_data(kind: str, stop: str) -> None:
    answer = ask(kind, [ScriptedAnswer('{"fil', stop=stop)], request=SHAPED).answer
    assert (answer.data, answer.stop_reason) == (None, StopReason(stop))


def test_tools_may_be_called_before_the_answer_has_its_shape(kind: str) -> None:
    request = replace(SHAPED, tools=(LIST_FILES,))
    answer = ask(kind, [ScriptedAnswer("", (("list_files", {}),))], request=request).answer
    assert (answer.data, answer.stop_reason) == (None, StopReason.TOOL_USE)


def tool_answers(body: dict[str, Any]) -> Behaviour:
    """Answer as a model does that must call the tool which stands in for the answer."""
    assert body["tool_choice"]["type"] in {"tool", "any"}
    return ScriptedAnswer("Here:", ((NAME, DATA),))


def test_tool_stands_in_where_output_config_is_refused() -> None:
    asked = ask("anthropic", refusing(["output_config"], tool_answers), request=SHAPED)
    assert (asked.answer.data, json.loads(asked.answer.text)) == (DATA, DATA)
    assert (asked.answer.stop_reason, asked.answer.tool_calls) == (StopReason.END, ())
    assert asked.answer.dropped == ("output_config",)
    body = asked.requests[-1].body
    assert body["tool_choice"] == {"type": "tool", "name": NAME, "disable_parallel_tool_use": True}
    assert body["tools"][0]["input_schema"] == SCHEMA


def test_tool_that_stands_in_leaves_the_other_tools_to_choose() -> None:
    request = replace(SHAPED, tools=(LIST_FILES,))
    asked = ask("anthropic", refusing(["output_config"], tool_answers), request=request)
    assert asked.answer.data == DATA
    body = asked.requests[-1].body
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert [tool["name"] for tool in body["tools"]] == ["list_files", NAME]


@pytest.mark.parametrize(
    ("kind", "refused"),
    [("openai", ["response_format"]), ("anthropic", ["output_config", "tool_choice"])],
    ids=["openai", "anthropic"],
)
def test_words_ask_where_nothing_else_is_taken(kind: str, refused: list[str]) -> None:
    asked = ask(kind, refusing([*refused, "temperature"], lambda body: FITTING), request=SHAPED)
    assert asked.answer.data == DATA
    assert asked.answer.dropped == tuple(sorted([*refused, "temperature"]))
    body = asked.requests[-1].body
    system = body["system"] if kind == "anthropic" else body["messages"][0]["content"]
    assert system.startswith("Be brief.\n\n")
    assert system.endswith(json.dumps(SCHEMA))
    assert not {"response_format", "output_config", "tool_choice", "tools"} & set(body)


def test_words_ask_without_a_system_text_too() -> None:
    request = replace(SHAPED, system="")
    asked = ask("openai", refusing(["response_format"], lambda body: FITTING), request=request)
    assert asked.requests[-1].body["messages"][0]["content"].startswith("Answer with one JSON object")


INVALID_SCHEMA = {
    "openai": "Invalid schema for response_format 'structured_answer': 'minLength' is not permitted.",
    "anthropic": "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly false",
}


def test_schema_that_the_endpoint_cannot_promise_is_asked_for_another_way(kind: str) -> None:
    def picky(inner: AnswerFunction) -> AnswerFunction:
        def answer(body: dict[str, Any]) -> Behaviour:
            shaped = {"response_format", "output_config"} & set(body)
            return bad_request(INVALID_SCHEMA[kind]) if shaped else inner(body)

        return answer

    loose = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
    inner = tool_answers if kind == "anthropic" else (lambda body: FITTING)
    asked = ask(kind, picky(inner), request=replace(SHAPED, schema=loose))
    assert asked.answer.data == DATA
    assert len(asked.requests) == 2


def test_complaint_about_something_else_stays_a_refusal(kind: str) -> None:
    asked = ask(kind, [bad_request("messages: at least one message is required"), FITTING], request=SHAPED)
    assert isinstance(asked.outcome, ProviderRefused)
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (SCHEMA, True),
        ({**SCHEMA, "additionalProperties": True}, False),
        ({**SCHEMA, "required": ["files"]}, False),
        ({"type": "object"}, False),
        ({**SCHEMA, "properties": {"files": {"type": "object"}, "sure": {}}}, False),
        ({**SCHEMA, "properties": {"files": {"anyOf": [SCHEMA, {"type": "null"}]}, "sure": {}}}, True),
    ],
)
def test_only_closed_schemas_are_asked_for_strictly(schema: dict[str, Any], expected: bool) -> None:
    assert strict(schema) is expected
