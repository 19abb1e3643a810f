from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.cache import Cached
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.redact import Redactor
from tests.support.llm_server import LLMServer, ScriptedAnswer

SECRET = "sk-cache-0123456789"
QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), temperature=0.2)


class Endpoint:
    """Numbers its answers; `stop` and `says` shape them."""

    def __init__(
        self, name: str = "one", base_url: str = "http://one.invalid", stop: StopReason = StopReason.END, says: str = ""
    ) -> None:
        self.name = name
        self.base_url = base_url
        self.calls = 0
        self._stop = stop
        self._says = says

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.calls += 1
        calls = (ToolCall("c1", "ls", {"n": self.calls}),) if self._stop is StopReason.TOOL_USE else ()
        return Answer(
            text=f"{self.calls}{self._says}",
            model=request.model,
            stop_reason=self._stop,
            usage=Usage(5, 2),
            tool_calls=calls,
        )

    def close(self) -> None:
        """Nothing to release."""


def asked(
    folder: Path, endpoint: Endpoint, requests: Sequence[Request], redactor: Redactor | None = None
) -> list[tuple[str, str]]:
    """Ask as one cell does; return texts and where they came from."""
    provider = Cached(endpoint, folder, redactor or Redactor())
    answers = [provider.complete(request, timeout_s=1) for request in requests]
    provider.close()
    assert provider.notes == []
    return [(answer.text, answer.served) for answer in answers]


def test_same_question_is_paid_for_once(tmp_path: Path) -> None:
    endpoint = Endpoint()
    assert asked(tmp_path, endpoint, [QUESTION]) == [("1", "")]
    assert asked(tmp_path, endpoint, [QUESTION]) == [("1", "cache")]
    assert endpoint.calls == 1


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_endpoint_that_is_gone_is_not_missed(kind: str, tmp_path: Path) -> None:
    with LLMServer([ScriptedAnswer("Because — ✓.", usage={"input": 9, "output": 4, "cache_read": 2})]) as server:
        url = server.anthropic_url if kind == "anthropic" else server.openai_url
        live = make_provider(kind, base_url=url, env={"LLM_API_KEY": "test-key-1"})
        told = Cached(live, tmp_path, Redactor()).complete(QUESTION, timeout_s=30)
        live.close()
    again = make_provider(kind, base_url=url, env={"LLM_API_KEY": "test-key-2"})
    provider = Cached(again, tmp_path, Redactor())
    assert provider.complete(QUESTION, timeout_s=30) == replace(told, served="cache")
    assert (provider.name, provider.base_url) == (kind, url)
    provider.close()


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (Message("user", "Why not?"),)},
        {"model": "m-2"},
        {"temperature": 0.3},
        {"temperature": None},
        {"max_tokens": 9},
        {"system": "Be brief."},
        {"tools": (Tool("ls", "List.", {}),)},
        {"schema": {"type": "object"}},
        {"sample": 2},
    ],
)
def test_whatever_shapes_the_answer_makes_another_question(tmp_path: Path, change: dict[str, Any]) -> None:
    endpoint = Endpoint()
    asked(tmp_path, endpoint, [QUESTION])
    assert asked(tmp_path, endpoint, [replace(QUESTION, **change)]) == [("2", "")]


@pytest.mark.parametrize("other", [Endpoint(name="two"), Endpoint(base_url="http://two.invalid")])
def test_another_endpoint_is_asked(tmp_path: Path, other: Endpoint) -> None:
    asked(tmp_path, Endpoint(), [QUESTION])
    assert asked(tmp_path, other, [QUESTION]) == [("1", "")]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 2)), max_size=8))
def test_cell_that_asks_again_gets_another_answer_and_always_the_same_ones(sequence: list[tuple[str, int]]) -> None:
    requests = [replace(QUESTION, messages=(Message("user", text),), sample=sample) for text, sample in sequence]
    with tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint()
        first = asked(Path(folder), endpoint, requests)
        assert first == [(str(number), "") for number in range(1, len(requests) + 1)]
        assert asked(Path(folder), endpoint, requests) == [(text, "cache") for text, _ in first]
        assert endpoint.calls == len(requests)


@pytest.mark.parametrize(
    ("stop", "kept"),
    [
        (StopReason.END, True),
        (StopReason.TOOL_USE, True),
        (StopReason.MAX_TOKENS, False),
        (StopReason.REFUSAL, False),
    ],
)
def test_only_whole_answers_are_kept(tmp_path: Path, stop: StopReason, kept: bool) -> None:
    endpoint = Endpoint(stop=stop)
    asked(tmp_path, endpoint, [QUESTION])
    assert asked(tmp_path, endpoint, [QUESTION]) == ([("1", "cache")] if kept else [("2", "")])


@given(st.data())
def test_damaged_file_is_as_good_as_none_and_replaced(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint()
        asked(Path(folder), endpoint, [QUESTION])
        (path,) = Path(folder).rglob("*.json")
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 2))  # the last byte ends the line and says nothing
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content[: data.draw(st.integers(at + 1, len(content)))]))
        assert asked(Path(folder), endpoint, [QUESTION]) == [("2", "")]
        assert asked(Path(folder), endpoint, [QUESTION]) == [("2", "cache")]


def test_file_under_another_name_is_not_served(tmp_path: Path) -> None:
    endpoint = Endpoint()
    other = replace(QUESTION, sample=2)
    asked(tmp_path, endpoint, [QUESTION])
    (mine,) = tmp_path.rglob("*.json")
    asked(tmp_path, endpoint, [other])
    (theirs,) = {*tmp_path.rglob("*.json")} - {mine}
    theirs.write_bytes(mine.read_bytes())
    assert asked(tmp_path, endpoint, [other]) == [("3", "")]


def test_failure_is_not_kept(tmp_path: Path) -> None:
    class Failing(Endpoint):
        def complete(self, request: Request, *, timeout_s: float) -> Answer:
            raise ProviderError("no answer")

    with pytest.raises(ProviderError, match="no answer"):
        asked(tmp_path, Failing(), [QUESTION])
    assert list(tmp_path.iterdir()) == []


def test_file_lies_under_its_digest_and_holds_no_secret(tmp_path: Path) -> None:
    redactor = Redactor([SECRET])
    request = replace(QUESTION, messages=(Message("user", f"The key is {SECRET}."),))
    endpoint = Endpoint(base_url=f"http://me:{SECRET}@one.invalid")
    assert asked(tmp_path, endpoint, [request] * 2, redactor) == [("1", ""), ("2", "")]
    assert asked(tmp_path, endpoint, [request] * 2, redactor) == [("1", "cache"), ("2", "cache")]
    for path in tmp_path.rglob("*.json"):
        assert path.parent == tmp_path / path.stem[:2]
        stored = json.loads(path.read_text())
        assert SECRET not in path.read_text()
        assert (stored["provider"], stored["request_digest"]) == ("one", request.digest)


def test_password_of_an_address_is_not_written(tmp_path: Path) -> None:
    endpoint = Endpoint(base_url="http://me:short@one.invalid/v1")
    asked(tmp_path, endpoint, [QUESTION])
    (path,) = tmp_path.rglob("*.json")
    assert json.loads(path.read_text())["base_url"] == "http://one.invalid/v1"
    # and another one is no other endpoint
    assert asked(tmp_path, Endpoint(base_url="http://one.invalid/v1"), [QUESTION]) == [("1", "cache")]


def test_answer_that_holds_a_secret_is_not_kept(tmp_path: Path) -> None:
    endpoint = Endpoint(says=f" {SECRET}")
    redactor = Redactor([SECRET])
    assert asked(tmp_path, endpoint, [QUESTION], redactor) == [(f"1 {SECRET}", "")]
    assert asked(tmp_path, endpoint, [QUESTION], redactor) == [(f"2 {SECRET}", "")]
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.write_text("a file")
    provider = Cached(Endpoint(), folder, Redactor())
    assert [provider.complete(QUESTION, timeout_s=1).text for _ in range(2)] == ["1", "2"]
    (note,) = provider.notes
    assert note.startswith(f"answers cannot be kept in {str(folder)!r}: ")
