"""The server's own formats, read without any SDK; streams are read by the provider tests."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.llm_server import Drip, LLMServer, RateLimit, ScriptedAnswer, Status, refusing
from tests.support.llm_traffic import Limiter

ANSWER = ScriptedAnswer("Hello", (("ls", {"path": "a"}),), usage={"input": 4, "output": 3, "cache_read": 2})
BODY: dict[str, Any] = {"model": "m-1", "messages": [{"role": "user", "content": "Say hello."}]}


def fetch(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as response:
        return json.load(response)


def test_plain_answer_in_the_anthropic_format() -> None:
    with LLMServer(lambda body: ANSWER) as server:
        message = fetch(f"{server.anthropic_url}/v1/messages", BODY)
    assert message["content"] == [
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "toolu_1", "name": "ls", "input": {"path": "a"}},
    ]
    assert message["stop_reason"] == "tool_use"
    assert (message["usage"]["input_tokens"], message["usage"]["cache_read_input_tokens"]) == (4, 2)


def test_plain_answer_in_the_openai_format() -> None:
    with LLMServer(lambda body: ANSWER) as server:
        completion = fetch(f"{server.openai_url}/chat/completions", BODY)
    choice = completion["choices"][0]
    assert choice["message"]["content"] == "Hello"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "ls", "arguments": '{"path": "a"}'}
    assert choice["finish_reason"] == "tool_calls"
    assert completion["usage"]["prompt_tokens"] == 6


def test_models_are_listed_and_unknown_paths_refused() -> None:
    with LLMServer([ANSWER]) as server:
        assert [model["id"] for model in fetch(f"{server.openai_url}/models")["data"]] == ["scripted-model"]
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(f"{server.url}/nowhere", BODY)
        caught.value.close()
    assert caught.value.code == 404
    assert server.requests == []


def test_script_serves_answers_from_a_file(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"match": "hello", "text": "Hello."}, {"match": "bye", "text": "Bye."}]))
    command = [sys.executable, "-m", "tests.support.llm_server", "--answers", str(answers), "--requests", "2"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert fetch(f"{url}/v1/chat/completions", BODY)["choices"][0]["message"]["content"] == "Hello."
            with pytest.raises(urllib.error.HTTPError) as caught:
                fetch(f"{url}/v1/messages", {"messages": [{"role": "user", "content": "Sing."}]})
            caught.value.close()
            assert caught.value.code == 400
            assert status_of(f"{url}/v1/chat/completions", BODY) == 429
            assert fetch(f"{url}/traffic")["accepted"] == 2
        finally:
            process.kill()


def test_limit_is_enforced_over_a_sliding_window_and_announced_to_both_formats() -> None:
    limiter = Limiter(RateLimit(requests=2, tokens=100, window_s=0.4))
    waits = [limiter.take(10)[0], limiter.take(30)[0]]
    refused_s, headers = limiter.take(10)
    assert waits == [0, 0]
    assert 0 < refused_s <= 0.4
    assert float(headers["retry-after"]) == pytest.approx(refused_s, abs=0.01)
    assert headers["anthropic-ratelimit-requests-remaining"] == headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["anthropic-ratelimit-tokens-remaining"] == headers["x-ratelimit-remaining-tokens"] == "60"
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    time.sleep(refused_s + 0.05)
    assert limiter.take(10)[0] == 0
    assert Limiter(RateLimit(requests=9, tokens=100)).announced()["x-ratelimit-remaining-requests"] == "9"


def test_limit_on_tokens_turns_away_what_has_no_room() -> None:
    limiter = Limiter(RateLimit(requests=100, tokens=100, window_s=30))
    assert [limiter.take(tokens)[0] > 0 for tokens in (60, 50, 40, 1)] == [False, True, False, True]


def test_rejected_requests_are_counted_and_never_reach_the_model() -> None:
    with LLMServer([ANSWER], limit=RateLimit(requests=2, window_s=60)) as server:
        for _ in range(2):
            fetch(f"{server.openai_url}/chat/completions", BODY)
        assert status_of(f"{server.openai_url}/chat/completions", BODY) == 429
        traffic = fetch(f"{server.url}/traffic")
    assert (traffic["accepted"], traffic["rejected"], len(server.requests)) == (2, 1, 2)
    assert [sum(column) for column in zip(*traffic["per_second"].values(), strict=True)] == [2, 1]
    assert traffic["used"] == {"m-1": {"answers": 2, "input": 8, "output": 6, "cache_read": 4}}
    assert server.traffic.used("m-1")["answers"] == 2
    assert server.traffic.used("m-2") == {}


def test_storm_and_silence_can_be_ordered_over_http() -> None:
    with LLMServer([ANSWER]) as server:
        fetch(f"{server.url}/control", {"storm_s": 0.3, "retry_after": "100000"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(f"{server.openai_url}/chat/completions", BODY)
        caught.value.close()
        assert (caught.value.code, caught.value.headers["retry-after"]) == (429, "100000")
        time.sleep(0.35)
        assert fetch(f"{server.openai_url}/chat/completions", BODY)["model"] == "m-1"
        fetch(f"{server.url}/control", {"down_s": 0.5})
        assert until(lambda: reachable(server.port), False)
        assert until(lambda: reachable(server.port), True)
        assert fetch(f"{server.openai_url}/chat/completions", BODY)["model"] == "m-1"


def test_network_that_goes_down_drops_what_is_open() -> None:
    with LLMServer([Drip()]) as server:
        request = urllib.request.Request(f"{server.openai_url}/chat/completions", json.dumps(BODY).encode())
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.read(1)
            server.down(60)
            with pytest.raises(http.client.IncompleteRead):
                response.read()


def test_key_is_asked_for_in_both_formats() -> None:
    with LLMServer([ANSWER], key="right") as server:
        assert status_of(f"{server.openai_url}/chat/completions", BODY) == 401
        assert status_of(f"{server.openai_url}/models") == 401
        for header in ({"x-api-key": "right"}, {"authorization": "Bearer right"}):
            request = urllib.request.Request(f"{server.openai_url}/models", headers=header)
            with urllib.request.urlopen(request, timeout=30) as response:
                assert response.status == 200


def test_parameters_can_be_refused() -> None:
    answer = refusing(["temperature"], lambda body: ANSWER)
    assert isinstance(answer({"temperature": 0}), Status)
    assert answer({}) == ANSWER


def status_of(url: str, body: dict[str, Any] | None = None) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(url, body)
    caught.value.close()
    return caught.value.code


def reachable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def until(question: Callable[[], bool], answer: bool) -> bool:
    deadline = time.monotonic() + 30
    while question() is not answer and time.monotonic() < deadline:
        time.sleep(0.01)
    return question() is answer
