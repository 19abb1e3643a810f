from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import InputError, ReplayMiss
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.replay import (
    ReplayProvider,
    exchange_as_json,
    read_recordings,
    redacted,
    request_as_json,
    request_from_json,
    write_recordings,
)
from pytest_swebench.redact import Redactor

REQUEST = Request(
    model="m-1",
    messages=(Message("user", "Please fix the parser.\nIt fails on empty input."),),
    system="You repair code.",
    temperature=0.2,
)


def answer(text: str) -> Answer:
    return Answer(text=text, model="m-1", stop_reason=StopReason.END, usage=Usage(input=3, output=2))


def miss(path: Path, request: Request) -> str:
    with pytest.raises(ReplayMiss) as caught:
        ReplayProvider(path).complete(request, timeout_s=1)
    return str(caught.value)


def test_samples_take_turns_in_the_order_they_were_recorded_for(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_recordings(path, [(replace(REQUEST, sample=sample), answer(f"sample {sample}")) for sample in (3, 1, 2)])
    provider = ReplayProvider(path)
    texts = [provider.complete(replace(REQUEST, sample=sample), timeout_s=1).text for sample in range(1, 8)]
    assert texts == [f"sample {number}" for number in (1, 2, 3, 1, 2, 3, 1)]


def test_requests_of_different_content_keep_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    other = replace(REQUEST, temperature=0.7)
    write_recordings(path, [(REQUEST, answer("cool")), (other, answer("warm"))])
    provider = ReplayProvider(path)
    assert provider.complete(other, timeout_s=1).text == "warm"
    assert provider.complete(REQUEST, timeout_s=1).text == "cool"


def test_miss_names_file_digest_and_where_the_nearest_text_parts(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    far = replace(REQUEST, messages=(Message("user", "Tell a story about ducks."),))
    write_recordings(path, [(far, answer("x")), (REQUEST, answer("y"))])
    asked = replace(REQUEST, messages=(Message("user", "Please fix the parser.\nIt fails on long input."),))
    message = miss(path, asked)
    assert repr(str(path)) in message
    assert asked.digest in message
    assert "on line 2" in message
    assert "message 1 (user) at character 35: recorded 'empty input.', asked 'long input.'" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "m-2"}, "model: recorded 'm-1', asked 'm-2'"),
        ({"temperature": None}, "temperature: recorded 0.2, asked None"),
        ({"max_tokens": 9}, "max_tokens: recorded 4096, asked 9"),
        (
            {"system": "You write code."},
            "the system prompt at character 4: recorded 'repair code.', asked 'write code.'",
        ),
        ({"messages": (*REQUEST.messages, Message("user", "Now."))}, "the number of messages: recorded 1, asked 2"),
        ({"tools": (Tool("ls", "list", {}),)}, "tools: recorded (), asked (Tool(name='ls'"),
        ({"schema": {"type": "object"}}, "schema: recorded None, asked {'type': 'object'}"),
        (
            {"messages": (replace(REQUEST.messages[0], tool_call_id="c1"),)},
            "message 1: recorded Message(role='user', content='Please",
        ),
    ],
)
def test_miss_names_the_field_that_differs(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    path = tmp_path / "r.jsonl"
    write_recordings(path, [(REQUEST, answer("x"))])
    assert expected in miss(path, replace(REQUEST, **change))


def test_miss_of_a_digest_alone_says_so(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({**exchange_as_json(REQUEST, answer("x")), "request_digest": "of another version"}))
    assert "differs in its digest only: it was recorded from other text or by another version" in miss(path, REQUEST)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read recordings from '.*absent\.jsonl'"):
        ReplayProvider(tmp_path / "absent.jsonl")


def test_miss_in_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_recordings(path, [])
    assert "the file holds no recordings" in miss(path, REQUEST)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{torn", "not a recorded exchange"),
        ("[]", "not a recorded exchange"),
        (json.dumps({"format": 99}), "format 99, this version reads 1"),
        (json.dumps({"format": 1, "request_digest": "x", "sample": 1}), "no field 'request'"),
        (
            json.dumps(
                {**exchange_as_json(REQUEST, answer("x")), "answer": {"text": "", "model": "m", "stop_reason": "bored"}}
            ),
            "'bored' is not a valid StopReason",
        ),
    ],
)
def test_unreadable_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "r.jsonl"
    write_recordings(path, [(REQUEST, answer("x"))])
    path.write_text(path.read_text() + "\n" + line + "\n")
    with pytest.raises(InputError, match="line 3") as caught:
        ReplayProvider(path)
    assert expected in str(caught.value)


texts = st.text(max_size=40)
tool_calls = st.lists(
    st.builds(ToolCall, texts, texts, st.dictionaries(texts, st.integers() | texts, max_size=2)), max_size=2
).map(tuple)
requests = st.builds(
    Request,
    model=texts,
    messages=st.lists(
        st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), texts, tool_calls, texts), max_size=3
    ).map(tuple),
    system=texts,
    max_tokens=st.integers(1, 10_000),
    temperature=st.none() | st.floats(0, 2),
    tools=st.lists(st.builds(Tool, texts, texts, st.just({"type": "object"})), max_size=2).map(tuple),
    sample=st.integers(1, 9),
    schema=st.none() | st.just({"type": "object"}),
)
answers = st.builds(
    Answer,
    text=texts,
    model=texts,
    stop_reason=st.sampled_from(StopReason),
    usage=st.builds(Usage, *[st.integers(0, 10**9)] * 4),
    tool_calls=tool_calls,
    dropped=st.just(()) | st.just(("temperature",)),
    data=st.none() | st.dictionaries(texts, st.none() | st.integers() | texts, max_size=2),
)


def test_where_an_answer_was_served_from_is_written_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_recordings(path, [(REQUEST, replace(answer("x"), served="cache"))])
    assert json.loads(path.read_text())["answer"]["served"] == "cache"
    assert ReplayProvider(path).complete(REQUEST, timeout_s=1).served == ""


@given(requests, st.sampled_from("abc"))
def test_request_without_secrets_is_what_its_recording_shows(request: Request, secret: str) -> None:
    redactor = Redactor([secret * 8])
    hidden = replace(request, system=f"{secret * 8} {request.system}", messages=(Message("user", secret * 9),))
    shown = request_from_json(json.loads(json.dumps(redactor.data(request_as_json(hidden)))))
    assert shown == (hidden.digest, hidden.sample, replace(redacted(hidden, redactor), sample=1))
    assert secret * 8 not in str(shown)
    assert redacted(redacted(hidden, redactor), redactor) == redacted(hidden, redactor)


@given(st.lists(st.tuples(requests, answers), max_size=3))
def test_recordings_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, exchanges: list[tuple[Request, Answer]]
) -> None:
    path = tmp_path_factory.mktemp("recordings") / "r.jsonl"
    write_recordings(path, exchanges)
    recordings = read_recordings(path)
    assert [(recording.request.digest, recording.answer) for recording in recordings] == [
        (request.digest, answer) for request, answer in exchanges
    ]
    assert [(recording.request_digest, recording.sample) for recording in recordings] == [
        (request.digest, request.sample) for request, _ in exchanges
    ]
