"""The server's own formats, read without any SDK; streams are read by the provider tests."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support import llm_server
from tests.support.llm_server import LLMServer, ScriptedAnswer

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
    command = [sys.executable, str(Path(llm_server.__file__)), "--port", "0", "--answers", str(answers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert fetch(f"{url}/v1/chat/completions", BODY)["choices"][0]["message"]["content"] == "Hello."
            with pytest.raises(urllib.error.HTTPError) as caught:
                fetch(f"{url}/v1/messages", {"messages": [{"role": "user", "content": "Sing."}]})
            caught.value.close()
            assert caught.value.code == 400
        finally:
            process.kill()
