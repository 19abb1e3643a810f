"""Every way an endpoint can fail, through the real SDKs and a server that misbehaves."""

from __future__ import annotations

import socket
import threading
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import ProviderError, ProviderRefused, SwebenchError
from pytest_swebench.providers.anthropic import anthropic_provider
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.openai import openai_provider
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason
from pytest_swebench.providers.retry import Busy, RetryPolicy
from pytest_swebench.secrets import Key
from tests.support.llm_server import Behaviour, Broken, Drip, LLMServer, Received, ScriptedAnswer, Status

KEY = "sk-canary-0123456789"
QUICK = RetryPolicy(first_wait_s=0.001)
QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), temperature=0.2)
FINE = ScriptedAnswer("Because.")


def connect(kind: str, url: str, policy: RetryPolicy = QUICK) -> HttpProvider:
    """Return a provider for the server at `url`."""
    key = Key(KEY, "env:LLM_API_KEY")
    if kind == "anthropic":
        return anthropic_provider(kind, base_url=url, key=key, policy=policy)
    return openai_provider(kind, base_url=f"{url}/v1", key=key, policy=policy)


@dataclass(frozen=True)
class Asked:
    """What came of one call: an answer or an error, the requests it took, and the retries it counted."""

    outcome: Answer | SwebenchError
    requests: list[Received]
    retries: int

    @property
    def answer(self) -> Answer:
        assert isinstance(self.outcome, Answer), self.outcome
        return self.outcome


def ask(
    kind: str,
    behaviours: list[Behaviour],
    *,
    request: Request = QUESTION,
    timeout_s: float = 60.0,
    policy: RetryPolicy = QUICK,
) -> Asked:
    with LLMServer(behaviours) as server:
        provider = connect(kind, server.url, policy)
        outcome: Answer | SwebenchError
        try:
            outcome = provider.complete(request, timeout_s=timeout_s)
        except SwebenchError as error:
            outcome = error
        provider.close()
        return Asked(outcome, list(server.requests), provider.retries)


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
    "nameless tool": (ScriptedAnswer("", (("", {}),)), "without a name"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_tried_three_times_and_never_accepted(kind: str, name: str) -> None:
    behaviour, words = NO_ANSWERS[name]
    asked = ask(kind, [behaviour])
    assert isinstance(asked.outcome, ProviderError)
    assert words in str(asked.outcome)
    assert f"{kind} 'm-1' at http://127.0.0.1" in str(asked.outcome)
    assert (len(asked.requests), asked.retries) == (3, 2)


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_retry_heals_what_happens_once(kind: str, name: str) -> None:
    asked = ask(kind, [NO_ANSWERS[name][0], FINE])
    assert asked.answer.text == "Because."
    assert (len(asked.requests), asked.retries) == (2, 1)


@pytest.mark.parametrize("code", [408, 409, 429, 500, 502, 503, 529])
def test_transient_status_is_tried_three_times(kind: str, code: int) -> None:
    asked = ask(kind, [Status(code)])
    assert isinstance(asked.outcome, ProviderError)
    assert f"HTTP {code}" in str(asked.outcome)
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


def test_nobody_listening_is_a_provider_error(kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        provider = connect(kind, url)
        with pytest.raises(ProviderError, match="refused"):
            provider.complete(QUESTION, timeout_s=60)
        assert provider.retries == 2
        provider.close()


def test_wait_that_the_provider_names_is_kept() -> None:
    policy = RetryPolicy(first_wait_s=0.5)
    assert policy.wait_s(1, Busy("busy", 30)) == 30
    assert policy.wait_s(1, Busy("busy", 0.0)) >= 0.375


def test_waits_double_up_to_the_longest_and_vary() -> None:
    policy = RetryPolicy(first_wait_s=0.5, longest_wait_s=8)
    for failed, middle in ((1, 0.5), (2, 1.0), (3, 2.0), (9, 8.0)):
        waits = {policy.wait_s(failed, ProviderError("down")) for _ in range(50)}
        assert min(waits) >= 0.75 * middle
        assert max(waits) <= 1.25 * middle
        assert len(waits) > 1


@pytest.mark.parametrize("headers", [{"retry-after": "0.01"}, {"retry-after-ms": "10"}])
def test_short_wait_asked_for_is_waited(kind: str, headers: dict[str, str]) -> None:
    asked = ask(kind, [Status(429, headers=headers), FINE])
    assert asked.answer.text == "Because."
    assert len(asked.requests) == 2


@pytest.mark.parametrize(("wait", "timeout_s"), [("100000", 1e6), ("60", 30.0)])
def test_wait_beyond_the_cap_or_the_deadline_is_not_begun(kind: str, wait: str, timeout_s: float) -> None:
    asked = ask(kind, [Status(429, headers={"retry-after": wait}), FINE], timeout_s=timeout_s)
    assert isinstance(asked.outcome, ProviderError)
    assert f"asks to wait {wait} s" in str(asked.outcome)
    assert len(asked.requests) == 1


def test_wait_as_a_date_falls_back_to_the_own_back_off(kind: str) -> None:
    asked = ask(kind, [Status(503, headers={"retry-after": "Wed, 21 Oct 2065 07:28:00 GMT"}), FINE])
    assert asked.answer.text == "Because."


def test_dripping_answer_is_cut_at_the_deadline(kind: str) -> None:
    asked = ask(kind, [ScriptedAnswer("warm"), Drip()], timeout_s=30.0)
    assert asked.answer.text == "warm"  # the SDK is loaded now and takes nothing of the time below
    asked = ask(kind, [Drip()], timeout_s=0.5)
    assert isinstance(asked.outcome, ProviderError)
    assert "no complete answer within 0.5 s" in str(asked.outcome)
    assert len(asked.requests) == 1


def test_provider_works_again_after_a_deadline(kind: str) -> None:
    with LLMServer([FINE, Drip(), FINE]) as server:
        provider = connect(kind, server.url)
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        with pytest.raises(ProviderError, match="no complete answer"):
            provider.complete(QUESTION, timeout_s=0.5)
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        provider.close()
        assert len(server.requests) == 3


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


def bad_request(message: str) -> Status:
    return Status(400, {"error": {"message": message, "type": "invalid_request_error"}})


def test_temperature_the_model_refuses_is_dropped_and_recorded(kind: str) -> None:
    with LLMServer([bad_request(REFUSED_TEMPERATURE[kind]), FINE]) as server:
        provider = connect(kind, server.url)
        first = provider.complete(QUESTION, timeout_s=30)
        second = provider.complete(QUESTION, timeout_s=30)
        third = provider.complete(replace(QUESTION, temperature=None), timeout_s=30)
        other = provider.complete(replace(QUESTION, model="m-2"), timeout_s=30)
        provider.close()
    assert [answer.dropped for answer in (first, second, third, other)] == [("temperature",), ("temperature",), (), ()]
    assert [received.body.get("temperature") for received in server.requests] == [0.2, None, None, None, 0.2]
    assert provider.retries == 0


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


def test_environment_of_the_sdks_redirects_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "sk-another-key")
    asked = ask(kind, [FINE])
    assert asked.answer.text == "Because."
    assert "sk-another-key" not in str(asked.requests[0].headers)
    assert KEY in str(asked.requests[0].headers)
