from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.errors import (
    BudgetExhausted,
    ContextOverflow,
    LimitReached,
    ProviderRefused,
    ReplayMiss,
)
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.cassette import Cassette, CassetteMode, cassette_path
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.redact import REDACTED, Redactor
from tests.support.llm_server import Behaviour, LLMServer, ScriptedAnswer, prompt_text
from tests.support.taping import ONCE, QUESTION, RECORD, REPLAY, Echo, asked, miss, nobody, question, texts

SECRET = "sk-cassette-0123456789"
LIST_FILES = Tool("list_files", "List a folder.", {"type": "object", "properties": {"path": {"type": "string"}}})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "a__a-1" / "one" / "rep1.jsonl"


@contextmanager
def endpoint(kind: str, answer: Callable[[dict[str, Any]], Behaviour]) -> Iterator[tuple[LLMServer, Provider]]:
    with LLMServer(answer) as server:
        url = server.anthropic_url if kind == "anthropic" else server.openai_url
        provider = make_provider(kind, base_url=url, env={"LLM_API_KEY": "test-key-1"})
        yield server, provider
        provider.close()


def test_path_names_the_cell(tmp_path: Path) -> None:
    assert cassette_path(tmp_path, Cell("a__a-1", "one+x", 2)) == tmp_path / "a__a-1" / "one+x" / "rep2.jsonl"


@pytest.mark.parametrize("kind", ["anthropic", "openai"])
def test_conversation_over_http_comes_back_with_the_endpoint_gone(kind: str, path: Path) -> None:
    def script(body: dict[str, Any]) -> Behaviour:
        if "a.py" in prompt_text(body):
            return ScriptedAnswer("It is a.py — naïve ✓.", usage={"input": 20, "output": 9, "cache_read": 4})
        return ScriptedAnswer("Let me see.", (("list_files", {"path": "ü"}),))

    def talk(provider: Provider) -> list[Answer]:
        first = provider.complete(replace(QUESTION, tools=(LIST_FILES,)), timeout_s=30)
        (call,) = first.tool_calls
        turns = (
            *QUESTION.messages,
            Message("assistant", first.text, first.tool_calls),
            Message("tool", "a.py", tool_call_id=call.id),
        )
        second = provider.complete(replace(QUESTION, messages=turns, tools=(LIST_FILES,)), timeout_s=30)
        return [first, second]

    with endpoint(kind, script) as (server, live):
        cassette = Cassette(path, RECORD, Redactor(["test-key-1"]))
        provider = cassette.provider(lambda: live)
        assert (provider.name, getattr(provider, "base_url", "")) == (kind, getattr(live, "base_url", None))
        recorded = talk(provider)
        assert (cassette.close(), len(server.requests)) == ([], 2)
    assert "test-key-1" not in path.read_text()
    again = Cassette(path, REPLAY, Redactor())
    replayed = talk(again.provider(nobody))
    assert [replace(answer, served="") for answer in replayed] == recorded
    assert [answer.served for answer in replayed] == ["cassette"] * 2
    assert again.close() == []


def test_long_conversation_is_told_once_and_comes_back(path: Path) -> None:
    said: tuple[Message, ...] = ()
    requests = []
    for turn in range(40):
        said = (*said, Message("user", f"turn {turn}: {'x' * 500}"), Message("assistant", f"answer {turn}"))
        requests.append(replace(QUESTION, messages=said[:-1]))
    answers, _ = asked(path, RECORD, requests, Echo)
    assert path.stat().st_size < 40 * 3_000  # whole requests would take 40 * 20 * 500 characters
    assert path.read_text().count("turn 0: ") == 2  # the question and Echo's answer to it
    again, notes = asked(path, REPLAY, requests)
    assert [answer.text for answer in again] == [answer.text for answer in answers]
    assert notes == []
    changed = replace(requests[30], messages=(Message("user", "otherwise"), *requests[30].messages[1:]))
    with pytest.raises(ReplayMiss, match=r"step 31 differs .*: message 1 \(user\)"):
        asked(path, REPLAY, [*requests[:30], changed])


def test_steps_are_readable_numbered_and_sealed(path: Path) -> None:
    asked(path, RECORD, [question("one"), question("two")], Echo)
    first, second, end = (json.loads(line) for line in path.read_text().splitlines())
    assert [(line["format"], line.get("step"), line["kind"]) for line in (first, second, end)] == [
        (1, 1, "model"),
        (1, 2, "model"),
        (1, None, "end"),
    ]
    assert (first["provider"], first["request"]["model"], first["answer"]["text"]) == ("echo", "m-1", "1: one")
    assert second["request_digest"] == question("two").digest
    assert all(len(line["crc"]) == 8 for line in (first, second, end))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"messages": (Message("user", "Why not?"),)}, "message 1 (user) at character 3: recorded '?', asked ' not?'"),
        ({"model": "m-2"}, "model: recorded 'm-1', asked 'm-2'"),
        ({"temperature": None}, "temperature: recorded 0.2, asked None"),
        ({"max_tokens": 9}, "max_tokens: recorded 4096, asked 9"),
        ({"tools": (LIST_FILES,)}, "tools: recorded (), asked (Tool(name='list_files'"),
        ({"schema": {"type": "object"}}, "schema: recorded None, asked {'type': 'object'}"),
        ({"sample": 2}, "sample: recorded 1, asked 2"),
        ({"system": ""}, "the system prompt at character 0: recorded 'Be brief.', asked ''"),
    ],
)
@pytest.mark.parametrize("mode", [REPLAY, ONCE])
def test_changed_request_is_named_and_never_served(
    path: Path, mode: CassetteMode, change: dict[str, Any], expected: str
) -> None:
    asked(path, RECORD, [question("zero"), QUESTION], Echo)
    before = path.read_bytes()
    message = miss(path, question("zero"), replace(QUESTION, **change), mode=mode)
    assert f"step 2 differs from its cassette {str(path)!r}: {expected}" in message
    assert "--cassette record" in message
    assert path.read_bytes() == before


def test_order_counts(path: Path) -> None:
    asked(path, RECORD, [question("one"), question("two")], Echo)
    assert "step 1 differs" in miss(path, question("two"))
    cassette = Cassette(path, REPLAY, Redactor())
    provider = cassette.provider(nobody)
    with pytest.raises(ReplayMiss):
        provider.complete(question("two"), timeout_s=1)
    assert provider.complete(question("one"), timeout_s=1).text == "1: one"
    assert cassette.close() == []  # a cell that went another way says so once


def test_steps_nobody_asked_for_are_told(path: Path) -> None:
    asked(path, RECORD, [question("one"), question("two"), question("three")], Echo)
    _, notes = asked(path, REPLAY, [question("one")])
    assert notes == [f"2 recorded steps not asked for, the first is step 2 of cassette {str(path)!r}"]


def test_step_beyond_the_end_is_told(path: Path) -> None:
    asked(path, RECORD, [question("one")], Echo)
    assert (
        f"step 2, a model call, is not on cassette {str(path)!r}, which ends after 1 recorded step; --cassette once"
        in miss(path, question("one"), question("two"))
    )


def test_missing_cassette_is_told(path: Path) -> None:
    message = f"step 1, a model call, was not recorded: there is no cassette {str(path)!r}; --cassette once"
    assert message in miss(path, question("one"))
    assert not path.parent.exists()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 2)), max_size=8), st.data())
def test_any_order_and_any_repeats_come_back_and_any_change_does_not(
    sequence: list[tuple[str, int]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rep1.jsonl")
        requests = [question(text, sample=sample) for text, sample in sequence]
        recorded, _ = asked(path, RECORD, requests, Echo)
        replayed, notes = asked(path, REPLAY, requests)
        assert texts(replayed) == texts(recorded) == [f"{n}: {text}" for n, (text, _) in enumerate(sequence, start=1)]
        assert notes == []
        if requests:
            changed = data.draw(st.integers(1, len(requests)))
            requests[changed - 1] = replace(requests[changed - 1], max_tokens=1)
            assert f"step {changed} differs" in miss(path, *requests)


@settings(max_examples=40)
@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=3))
def test_once_pays_for_what_is_missing_alone(before: list[str], after: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rep1.jsonl")
        asked(path, RECORD, [question(text) for text in before], Echo)
        echo = Echo()
        whole = [question(text) for text in before + after]
        answers, notes = asked(path, ONCE, whole, lambda: echo)
        assert (echo.asked, notes) == (after, [])
        assert [answer.served for answer in answers] == ["cassette"] * len(before) + [""] * len(after)
        assert texts(asked(path, REPLAY, whole)[0]) == texts(answers)
        assert not list(Path(folder).glob("*.part"))


def test_request_that_was_too_long_is_too_long_again(path: Path) -> None:
    cassette = Cassette(path, RECORD, Redactor())
    provider = cassette.provider(lambda: Echo(ContextOverflow("too long", 8192)))
    with pytest.raises(ContextOverflow):
        provider.complete(question("long"), timeout_s=1)
    provider.complete(question("short"), timeout_s=1)
    assert cassette.close() == []
    again = Cassette(path, REPLAY, Redactor())
    provider = again.provider(nobody)
    with pytest.raises(ContextOverflow, match="too long") as caught:
        provider.complete(question("long"), timeout_s=1)
    assert caught.value.limit_tokens == 8192
    assert provider.complete(question("short"), timeout_s=1).text == "2: short"
    assert again.close() == []


def test_refusal_of_any_other_kind_is_not_recorded(path: Path) -> None:
    cassette = Cassette(path, RECORD, Redactor())
    with pytest.raises(ProviderRefused):
        cassette.provider(lambda: Echo(ProviderRefused("bad key"))).complete(question("one"), timeout_s=1)
    cassette.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "limit",
    [
        BudgetExhausted("run", "the run has spent its 9 $"),
        BudgetExhausted("variant", "variant 'one' has spent its 2 $"),
        LimitReached(Stop.TIME, "300 s are over"),
    ],
)
def test_limit_is_met_again_on_replay_and_may_be_passed_by_once(path: Path, limit: LimitReached) -> None:
    cassette = Cassette(path, RECORD, Redactor())
    provider = cassette.provider(lambda: Echo(None, limit))
    provider.complete(question("one"), timeout_s=1)
    with pytest.raises(LimitReached):
        provider.complete(question("two"), timeout_s=1)
    assert cassette.close() == []
    provider = Cassette(path, REPLAY, Redactor()).provider(nobody)
    provider.complete(question("one"), timeout_s=1)
    with pytest.raises(type(limit)) as caught:
        provider.complete(question("two"), timeout_s=1)
    assert (str(caught.value), caught.value.stop) == (str(limit), limit.stop)
    # a cap ends this cell again and no other: nothing is spent now
    assert not isinstance(caught.value, BudgetExhausted) or caught.value.scope == "cell"
    answers, _ = asked(path, ONCE, [question("one"), question("two")], Echo)
    assert texts(asked(path, REPLAY, [question("one"), question("two")])[0]) == texts(answers)


def test_secret_in_the_prompt_is_not_written_and_does_not_hinder_replay(path: Path) -> None:
    redactor = Redactor([SECRET])

    def talk(provider: Provider) -> list[str]:
        first = provider.complete(question(f"The key is {SECRET}."), timeout_s=1).text
        turns = (*question(f"The key is {SECRET}.").messages, Message("assistant", first), Message("user", "And now?"))
        return [first, provider.complete(replace(QUESTION, messages=turns), timeout_s=1).text]

    cassette = Cassette(path, RECORD, redactor)
    assert talk(cassette.provider(Echo)) == [f"1: The key is {SECRET}.", "2: And now?"]
    cassette.close()
    assert SECRET not in path.read_text()
    assert json.loads(path.read_text().splitlines()[0])["request_digest"] == question(f"The key is {SECRET}.").digest
    replayed = Cassette(path, REPLAY, redactor)
    assert talk(replayed.provider(nobody)) == [f"1: The key is {REDACTED}.", "2: And now?"]
    assert replayed.close() == []


def test_secret_in_the_prompt_needs_no_redactor_on_replay(path: Path) -> None:
    asked(path, RECORD, [question(f"The key is {SECRET}.")], Echo, redactor=Redactor([SECRET]))
    answers, _ = asked(path, REPLAY, [question(f"The key is {SECRET}.")])
    assert texts(answers) == [f"1: The key is {REDACTED}."]


def test_miss_shows_no_secret(path: Path) -> None:
    redactor = Redactor([SECRET])
    asked(path, RECORD, [question(f"The key is {SECRET}.")], Echo, redactor=redactor)
    message = miss(path, question(f"A key is {SECRET}."), redactor=redactor)
    assert f"at character 0: recorded 'The key is {REDACTED}.', asked 'A key is {REDACTED}.'" in message
    assert SECRET not in message


def test_repetitions_have_tapes_and_answers_of_their_own(tmp_path: Path) -> None:
    echo = Echo()
    for rep in (1, 2):
        path = cassette_path(tmp_path, Cell("a__a-1", "one", rep))
        asked(path, RECORD, [question("one", sample=rep)], lambda: echo)
    replayed = [
        asked(cassette_path(tmp_path, Cell("a__a-1", "one", rep)), REPLAY, [question("one", sample=rep)])[0][0].text
        for rep in (1, 2)
    ]
    assert replayed == ["1: one", "2: one"]
    assert "sample: recorded 2, asked 1" in miss(cassette_path(tmp_path, Cell("a__a-1", "one", 2)), question("one"))


def test_answers_come_back_whole(path: Path) -> None:
    whole = Answer(
        text="half a pair \ud83d, a byte \udc80, \r\n and \u2028",
        model="m-1-dated",
        stop_reason=StopReason.TOOL_USE,
        usage=Usage(1, 2, 3, 4),
        tool_calls=(ToolCall("c1", "list_files", {"path": ["ü", None, 1.5]}),),
        dropped=("temperature",),
        data={"a": {"b": [1, None]}},
        served="cache",
    )

    class Once(Echo):
        def complete(self, request: Request, *, timeout_s: float) -> Answer:
            return whole

    asked(path, RECORD, [QUESTION], Once)
    ((answer,), _) = asked(path, REPLAY, [QUESTION])
    assert answer == dataclasses.replace(whole, served="cassette")


def test_closing_twice_tells_the_same(path: Path) -> None:
    asked(path, RECORD, [question("one")], Echo)
    cassette = Cassette(path, REPLAY, Redactor())
    assert len(cassette.close()) == 1
    assert cassette.close() == cassette.notes
    assert len(cassette.notes) == 1
