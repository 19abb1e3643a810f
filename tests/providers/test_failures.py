"""Every way an endpoint can fail, through the real SDKs and a server that misbehaves."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import ProviderError, ProviderRefused, SwebenchError
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.openai import openai_provider
from pytest_swebench.providers.protocol import StopReason
from pytest_swebench.providers.retry import RetryPolicy
from pytest_swebench.secrets import Key
from tests.support.asking import FINE, KEY, QUESTION, ask, connect
from tests.support.llm_server import Behaviour, Broken, Drip, LLMServer, ScriptedAnswer, Status, Stream, bad_request


@pytest.fixture(params=["anthropic", "openai"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


NO_ANSWERS: dict[str, tuple[Behaviour, str]] = {
    "html": (Status(200, "<html>Welcome</html>", content_type="text/html"), "'<html>Welcome</html>'"),
    "empty object": (Status(200, {}), "'application/json'"),
    "empty stream": (Broken("early", events=0), "ended early"),
    "early end": (Broken("early"), "ended early"),
    "cut stream": (Broken("cut"), "RemoteProtocolError"),
    "bad json": (Broken("garbage"), "not JSON"),
    "error event": (Broken("error"), "scripted overload"),
    "no usage": (ScriptedAnswer("text", usage=None), "usage"),
    "nothing said": (ScriptedAnswer(""), "empty answer"),
    "unknown stop": (ScriptedAnswer("text", stop="bored"), "'bored'"),
    "tool use without a tool": (ScriptedAnswer("text", stop="tool_use"), "calls none"),
    "arguments no json": (ScriptedAnswer("", (("ls", {}),), raw_arguments="{'a': 1}"), "arguments of a tool call"),
    "arguments no object": (ScriptedAnswer("", (("ls", {}),), raw_arguments="[1, 2]"), "not a JSON object"),
    "nothing but a number": (Stream(({"choices": 7, "type": "content_block_start"},)), "malformed"),
    "nameless tool": (ScriptedAnswer("", (("", {}),)), "without a name"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_tried_three_times_and_never_accepted(kind: str, name: str) -> None:
    behaviour, words = NO_ANSWERS[name]
    asked = ask(kind, [behaviour])
    assert isinstance(asked.outcome, ProviderError)
    assert words in str(asked.outcome)
    assert f"{kind} 'm-1' at http://127.0.0.1" in str(asked.outcome)
    assert (len(asked.requests), len(asked.waits)) == (3, 2)


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_retry_heals_what_happens_once(kind: str, name: str) -> None:
    asked = ask(kind, [NO_ANSWERS[name][0], FINE])
    assert asked.answer.text == "Because."
    assert (len(asked.requests), len(asked.waits)) == (2, 1)


@pytest.mark.parametrize("code", [408, 409, 425, 500, 502, 504])
def test_failure_of_the_server_is_tried_three_times(kind: str, code: int) -> None:
    asked = ask(kind, [Status(code)])
    assert isinstance(asked.outcome, ProviderError)
    assert f"HTTP {code}" in str(asked.outcome)
    assert "tried 3 times in " in str(asked.outcome)
    assert len(asked.requests) == 3


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 413, 422])
def test_refusal_is_final(kind: str, code: int) -> None:
    asked = ask(kind, [Status(code), FINE])
    assert isinstance(asked.outcome, ProviderRefused)
    assert f"HTTP {code}" in str(asked.outcome)
    assert "scripted failure" in str(asked.outcome)
    assert len(asked.requests) == 1


def test_exhausted_quota_is_final_though_it_comes_as_429() -> None:
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    asked = ask("openai", [Status(429, body), FINE])
    assert isinstance(asked.outcome, ProviderRefused)
    assert len(asked.requests) == 1


def test_dripping_answer_is_cut_in_time_for_another_attempt(kind: str) -> None:
    asked = ask(kind, [Drip(), FINE], timeout_s=3.0)
    assert asked.answer.text == "Because."
    assert "no complete answer within 1.8 s" in asked.waits[0][1]


def test_endpoint_that_only_drips_is_given_up_at_the_deadline(kind: str) -> None:
    asked = ask(kind, [Drip()], timeout_s=2.0)
    assert isinstance(asked.outcome, ProviderError)
    assert "no complete answer within" in str(asked.outcome)
    assert len(asked.requests) == 2
    assert float(str(asked.outcome).rpartition("tried 2 times in ")[2].partition(" s")[0]) < 3.0


def test_provider_works_again_after_a_deadline(kind: str) -> None:
    with LLMServer([FINE, Drip()]) as server:
        provider = connect(kind, server.url)
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        with pytest.raises(ProviderError, match="no complete answer"):
            provider.complete(QUESTION, timeout_s=1.0)
        server.behave_from_now_on([FINE])
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        provider.close()


def test_abandoned_call_hangs_up_and_ends_its_thread(kind: str) -> None:
    with LLMServer([FINE, Drip(interval_s=0.01)]) as server:
        provider = connect(kind, server.url)
        provider.complete(QUESTION, timeout_s=30)
        with pytest.raises(ProviderError, match="no complete answer"):
            provider.complete(QUESTION, timeout_s=0.5)
        assert server.hung_up.wait(timeout=20)
        left = [thread for thread in threading.enumerate() if thread.name == f"{kind} 'm-1'"]
        for thread in left:
            thread.join(timeout=20)
        assert not any(thread.is_alive() for thread in left)
        provider.close()


REFUSED_TEMPERATURE = {
    "anthropic": "`temperature` is deprecated for this model.",
    "openai": "Unsupported value: 'temperature' does not support 0.2 with this model.",
}


def test_temperature_the_model_refuses_is_dropped_and_recorded(kind: str) -> None:
    waits: list[str] = []
    with LLMServer([bad_request(REFUSED_TEMPERATURE[kind]), FINE]) as server:
        provider = connect(kind, server.url, on_wait=lambda wait_s, reason: waits.append(reason))
        first = provider.complete(QUESTION, timeout_s=30)
        second = provider.complete(QUESTION, timeout_s=30)
        third = provider.complete(replace(QUESTION, temperature=None), timeout_s=30)
        other = provider.complete(replace(QUESTION, model="m-2"), timeout_s=30)
        provider.close()
    assert [answer.dropped for answer in (first, second, third, other)] == [("temperature",), ("temperature",), (), ()]
    assert [received.body.get("temperature") for received in server.requests] == [0.2, None, None, None, 0.2]
    assert waits == []


@pytest.mark.parametrize(
    "message",
    [
        "temperature: Input should be less than or equal to 1",
        "This model's maximum context length is 8192 tokens; 'max_tokens' or 'max_completion_tokens' is too large",
        "top_k is not supported with this model",
    ],
)
def test_other_bad_requests_drop_nothing(kind: str, message: str) -> None:
    asked = ask(kind, [bad_request(message), FINE])
    assert isinstance(asked.outcome, ProviderRefused)
    assert message in str(asked.outcome)
    assert len(asked.requests) == 1


def test_model_that_keeps_refusing_a_dropped_parameter_ends_the_call(kind: str) -> None:
    asked = ask(kind, [bad_request(REFUSED_TEMPERATURE[kind])])
    assert isinstance(asked.outcome, ProviderRefused)
    assert len(asked.requests) == 2


def test_newer_name_of_the_token_limit_is_used_where_the_old_one_is_refused() -> None:
    limit = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    asked = ask("openai", [bad_request(limit), bad_request(REFUSED_TEMPERATURE["openai"]), FINE])
    assert asked.answer.dropped == ("temperature",)
    bodies = [received.body for received in asked.requests]
    assert [(body.get("max_tokens"), body.get("max_completion_tokens")) for body in bodies] == [
        (4096, None),
        (None, 4096),
        (None, 4096),
    ]


def test_tool_call_cut_by_the_token_limit_is_no_call(kind: str) -> None:
    cut = ScriptedAnswer("Let me", (("ls", {}),), stop="max_tokens", raw_arguments='{"path": "a')
    answer = ask(kind, [cut]).answer
    assert (answer.text, answer.tool_calls, answer.stop_reason) == ("Let me", (), StopReason.MAX_TOKENS)


def tool_call_chunk(**call: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}


ENDING = {
    "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}


@pytest.mark.parametrize(
    ("chunks", "ids"),
    [
        (
            [
                tool_call_chunk(index=0, id="a", function={"name": "ls", "arguments": '{"n": 1}'}),
                tool_call_chunk(index=0, id="b", function={"name": "ls", "arguments": '{"n": 2}'}),
            ],
            ["a", "b"],
        ),
        (
            [
                tool_call_chunk(id="a", function={"name": "ls", "arguments": '{"n"'}),
                tool_call_chunk(function={"arguments": ": 1}"}),
                tool_call_chunk(id="b", function={"name": "ls", "arguments": '{"n": 2}'}),
            ],
            ["a", "b"],
        ),
        (
            [
                tool_call_chunk(index=0, function={"name": "ls", "arguments": '{"n": 1}'}),
                tool_call_chunk(index=1, function={"name": "ls", "arguments": '{"n": 2}'}),
            ],
            ["call_1", "call_2"],
        ),
        (
            [
                tool_call_chunk(function={"name": "ls", "arguments": '{"n": 1}'}),
                tool_call_chunk(function={"name": "ls", "arguments": '{"n": 2}'}),
            ],
            ["call_1", "call_2"],
        ),
        (
            [
                tool_call_chunk(index=0, id="ls", function={"name": "ls", "arguments": '{"n": 1}'}),
                tool_call_chunk(index=1, id="ls", function={"name": "ls", "arguments": '{"n": 2}'}),
            ],
            ["ls", "ls_2"],
        ),
    ],
    ids=["one index", "no index", "no ids", "neither", "one id"],
)
def test_parallel_calls_of_careless_endpoints_are_told_apart(chunks: list[dict[str, Any]], ids: list[str]) -> None:
    answer = ask("openai", [Stream((*chunks, ENDING))]).answer
    assert [(call.id, call.arguments) for call in answer.tool_calls] == [(ids[0], {"n": 1}), (ids[1], {"n": 2})]


def test_tool_call_with_an_ordinary_finish_is_still_tool_use() -> None:
    answer = ask("openai", [ScriptedAnswer("", (("ls", {}),), stop="end")]).answer
    assert answer.stop_reason is StopReason.TOOL_USE


def test_answer_without_a_models_name_bears_the_one_asked_for() -> None:
    with LLMServer(lambda body: nameless(body)) as server:
        provider = connect("openai", server.url)
        assert provider.complete(QUESTION, timeout_s=30).model == "m-1"
        provider.close()


def nameless(body: dict[str, Any]) -> Behaviour:
    del body["model"]
    return FINE


@pytest.mark.parametrize(
    "failure",
    [
        Status(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
        Status(200, f"<html>{KEY}</html>", content_type="text/html"),
        Status(500, f"upstream said: {KEY}", content_type="text/plain"),
    ],
    ids=["json", "html", "text"],
)
def test_key_shows_nowhere_even_if_the_endpoint_echoes_it(kind: str, failure: Status, tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    with LLMServer([FINE, failure]) as server:
        provider = connect(kind, server.url)
        meter = Meter(provider, transcript_path=transcript)
        meter.complete(QUESTION, timeout_s=30)
        with pytest.raises(SwebenchError) as caught:
            meter.complete(QUESTION, timeout_s=30)
        meter.close()
    assert KEY in str(server.requests[0].headers)  # the server did get it
    shown = "".join(traceback.format_exception(caught.value))
    assert "[redacted]" in shown
    assert KEY not in shown + repr(provider) + repr(meter) + transcript.read_text()


def test_key_of_letters_alone_and_the_password_of_an_address_show_in_no_error() -> None:
    key, password = "abcdefghijklm", "opensesamenow"
    with LLMServer([Status(500, f"upstream said: {key} {password}", content_type="text/plain")]) as server:
        provider = openai_provider(
            "openai",
            base_url=server.openai_url.replace("//", f"//user:{password}@"),
            key=Key(key, "env:LLM_API_KEY"),
            policy=RetryPolicy(attempts=1),
        )
        with pytest.raises(ProviderError, match=r"upstream said: \[redacted\] \[redacted\]"):
            provider.complete(QUESTION, timeout_s=30)
        provider.close()


ECHOES: dict[str, Callable[[str], Behaviour]] = {
    "html": lambda text: Status(200, text, content_type="text/html"),
    "event": lambda text: Stream((text,)),  # type: ignore[arg-type]
    "chunk": lambda text: Stream(({"choices": 7, "type": "content_block_start", "said": text},)),
    "error": lambda text: Stream(({"error": {"type": "odd", "message": text}},)),
    "status": lambda text: Status(500, text, content_type="text/plain"),
}


@pytest.mark.parametrize("at", [183, 185, 227, 230, 455, 460, *range(930, 1000, 7)])
def test_no_cut_leaves_a_piece_of_a_key(at: int) -> None:
    """Messages are cut, but never within a key: what is left of one would not be known for a secret."""
    for echo in ECHOES.values():
        failure = echo("x" * at + KEY + "y" * 2000)
        outcome = ask("anthropic", [failure], policy=RetryPolicy(attempts=1)).outcome
        assert "xxx" in str(outcome)
        assert KEY[:8] not in str(outcome)
        assert len(str(outcome)) < 1200


def test_refused_key_is_named_by_its_source(kind: str) -> None:
    asked = ask(kind, [Status(401)])
    assert "it does not take the key from env:LLM_API_KEY; correct that one, or set another" in str(asked.outcome)


def test_unknown_model_names_the_command_that_lists_them(kind: str) -> None:
    asked = ask(kind, [Status(404, {"error": {"type": "not_found_error", "message": "model: m-1"}})])
    assert str(asked.outcome).endswith(f"swebench-runner models {kind}")


def test_refusal_in_a_field_of_its_own_is_a_refusal() -> None:
    delta = {"choices": [{"delta": {"refusal": "I will not."}, "finish_reason": "stop"}]}
    answer = ask("openai", [Stream((delta, {"usage": ENDING["usage"]}))]).answer
    assert (answer.text, answer.stop_reason, answer.model) == ("I will not.", StopReason.REFUSAL, "m-1")


@pytest.mark.parametrize("error", [{"type": "overloaded_error"}, {"code": 429}, {"type": ["odd"], "code": "503"}])
def test_error_event_before_any_answer_is_an_outage(kind: str, error: dict[str, Any]) -> None:
    asked = ask(kind, [Stream(({"type": "error", "error": error},))] * 4 + [FINE])
    assert asked.answer.text == "Because."
    assert len(asked.requests) == 5


def test_environment_of_the_sdks_redirects_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "sk-another-key")
    asked = ask(kind, [FINE])
    assert asked.answer.text == "Because."
    assert "sk-another-key" not in str(asked.requests[0].headers)
    assert KEY in str(asked.requests[0].headers)
