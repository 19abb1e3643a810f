from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
    InputError,
    LimitReached,
    ProviderError,
    ProviderRefused,
    RecordError,
    ReplayMiss,
)
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.cassette import Cassette, CassetteMode, cassette_path
from pytest_swebench.providers.earlier import Earlier, read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.providers.tape import read_tape
from pytest_swebench.records.journal import seal
from pytest_swebench.redact import REDACTED, Redactor
from tests.support.llm_server import Behaviour, LLMServer, ScriptedAnswer, prompt_text

RECORD, REPLAY, ONCE = CassetteMode.RECORD, CassetteMode.REPLAY, CassetteMode.ONCE
ROOT = Path(__file__).parents[2]
SECRET = "sk-cassette-0123456789"
QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), system="Be brief.", temperature=0.2)
LIST_FILES = Tool("list_files", "List a folder.", {"type": "object", "properties": {"path": {"type": "string"}}})


class Echo:
    """Answers with a number of its own and the last words of the question, or ends as `endings` says."""

    name = "echo"
    base_url = "http://echo.invalid"

    def __init__(self, *endings: Exception | None) -> None:
        self.asked: list[str] = []
        self._endings = list(endings)

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.asked.append(request.messages[-1].content)
        ending = self._endings.pop(0) if self._endings else None
        if ending is not None:
            raise ending
        text = f"{len(self.asked)}: {request.messages[-1].content}"
        return Answer(text=text, model=request.model, stop_reason=StopReason.END, usage=Usage(7, 3))

    def close(self) -> None:
        """Nothing to release."""


def question(text: str, **changes: Any) -> Request:
    return replace(QUESTION, messages=(Message("user", text),), **changes)


def nobody() -> Provider:
    raise AssertionError("a cassette that is replayed made a provider")


def asked(
    path: Path,
    mode: CassetteMode,
    requests: Sequence[Request],
    make: Callable[[], Provider] = nobody,
    *,
    redactor: Redactor | None = None,
    finished: bool = True,
) -> tuple[list[Answer], list[str]]:
    """Ask all `requests` through a cassette; return the answers, and the notes at its end."""
    cassette = Cassette(path, mode, redactor or Redactor())
    provider = cassette.provider(make)
    answers = [provider.complete(request, timeout_s=30) for request in requests]
    provider.close()
    return answers, cassette.close(finished=finished)


def miss(path: Path, *requests: Request, mode: CassetteMode = REPLAY, redactor: Redactor | None = None) -> str:
    with pytest.raises(ReplayMiss) as caught:
        asked(path, mode, requests, nobody if mode is REPLAY else Echo, redactor=redactor)
    return str(caught.value)


def texts(answers: Sequence[Answer]) -> list[str]:
    return [answer.text for answer in answers]


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


def test_once_records_where_there_is_nothing(path: Path) -> None:
    assert texts(asked(path, ONCE, [question("one")], Echo)[0]) == ["1: one"]
    assert texts(asked(path, REPLAY, [question("one")])[0]) == ["1: one"]


def test_recording_anew_takes_the_place_of_the_old_one_when_it_is_done(path: Path) -> None:
    asked(path, RECORD, [question("one")], Echo)
    _, notes = asked(path, RECORD, [question("two")], Echo, finished=False)
    part = path.with_name("rep1.jsonl.part")
    assert notes == [f"cassette {str(part)!r} is unfinished: --cassette once completes it"]
    assert texts(asked(path, REPLAY, [question("one")])[0]) == ["1: one"]
    asked(path, RECORD, [question("three")], Echo)
    assert texts(asked(path, REPLAY, [question("three")])[0]) == ["1: three"]
    assert not part.exists()


def test_call_that_broke_leaves_the_recording_unfinished(path: Path) -> None:
    echo = Echo(None, ProviderError("the line is dead"))
    cassette = Cassette(path, RECORD, Redactor())
    provider = cassette.provider(lambda: echo)
    provider.complete(question("one"), timeout_s=1)
    with pytest.raises(ProviderError, match="the line is dead"):
        provider.complete(question("two"), timeout_s=1)
    assert "is unfinished" in cassette.close()[0]
    assert not path.exists()
    message = miss(path, question("one"))
    assert f"was not recorded: cassette {str(path) + '.part'!r} is unfinished; --cassette once" in message
    answers, notes = asked(path, ONCE, [question("one"), question("two")], Echo)
    assert ([answer.served for answer in answers], notes) == (["cassette", ""], [])
    assert texts(asked(path, REPLAY, [question("one"), question("two")])[0]) == texts(answers)


def test_call_that_worked_at_the_second_try_makes_a_whole_recording(path: Path) -> None:
    echo = Echo(ProviderError("once"))
    cassette = Cassette(path, RECORD, Redactor())
    provider = cassette.provider(lambda: echo)
    with pytest.raises(ProviderError):
        provider.complete(question("one"), timeout_s=1)
    provider.complete(question("one"), timeout_s=1)
    assert cassette.close() == []
    assert texts(asked(path, REPLAY, [question("one")])[0]) == ["2: one"]


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
    "limit", [BudgetExhausted("variant", "variant 'one' has spent its 2 $"), LimitReached(Stop.TIME, "300 s are over")]
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
    assert getattr(caught.value, "scope", "") == getattr(limit, "scope", "")
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


def test_torn_tape_is_used_up_to_the_tear_and_said_to_be_torn(path: Path) -> None:
    whole = [question(text) for text in ("one", "two", "three")]
    asked(path, RECORD, whole, Echo)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:-20])
    message = miss(path, *whole)
    assert "step 3, a model call, is not on cassette" in message
    assert "which ends after 2 recorded steps, where the recording was cut short" in message
    cassette = Cassette(path, REPLAY, Redactor())
    assert cassette.notes == [f"cassette {str(path)!r} is damaged on line 3: 2 recorded steps before it can be used"]
    echo = Echo()
    assert [answer.served for answer in asked(path, ONCE, whole, lambda: echo)[0]] == ["cassette", "cassette", ""]
    assert echo.asked == ["three"]
    assert read_tape(path).complete
    assert texts(asked(path, REPLAY, whole)[0]) == ["1: one", "2: two", "1: three"]


@given(st.data())
def test_no_damage_gives_another_answer(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rep1.jsonl")
        requests = [question("one"), question("two")]
        recorded, _ = asked(path, RECORD, requests, Echo)
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content))
        provider = Cassette(path, REPLAY, Redactor()).provider(nobody)
        served = []
        for request in requests:
            try:
                served.append(provider.complete(request, timeout_s=1).text)
            except ReplayMiss:
                break
        assert served == texts(recorded)[: len(served)]


def test_step_that_is_missing_ends_the_tape(path: Path) -> None:
    asked(path, RECORD, [question("one"), question("two"), question("three")], Echo)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[3]]))
    tape = read_tape(path)
    assert (tape.steps, tape.complete, tape.damaged_line, tape.size_bytes) == (1, False, 2, len(lines[0]))


def test_once_marks_a_tape_whole_that_lacks_nothing_but_its_end(path: Path) -> None:
    asked(path, RECORD, [question("one")], Echo)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert not read_tape(path).complete
    asked(path, ONCE, [question("one")], Echo)
    assert read_tape(path).complete


def test_answers_of_an_earlier_attempt_go_on_the_cassette(path: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    Meter(Echo(), transcript_path=transcript).complete(question("one"), timeout_s=1)
    echo = Echo()
    whole = [question("one"), question("two")]
    answers, _ = asked(path, RECORD, whole, lambda: Earlier(echo, read_exchanges(transcript)))
    assert ([answer.served for answer in answers], echo.asked) == (["earlier", ""], ["two"])
    assert texts(asked(path, REPLAY, whole)[0]) == texts(answers)


RECORDING = """
import sys
from pathlib import Path
from pytest_swebench.providers.cassette import Cassette, CassetteMode
from pytest_swebench.providers.protocol import Message, Request
from pytest_swebench.providers.registry import make_provider
from pytest_swebench.redact import Redactor

path, mode, url = sys.argv[1:]
cassette = Cassette(Path(path), CassetteMode(mode), Redactor())
live = lambda: make_provider("openai", base_url=url, env={"LLM_API_KEY": "test-key-1"})
provider = cassette.provider(live)
for number in range(1, 5):
    request = Request(model="m-1", messages=(Message("user", f"question {number}"),))
    print(provider.complete(request, timeout_s=60).text, flush=True)
print(cassette.close(), flush=True)
"""


@pytest.mark.parametrize("mode", ["record", "once"])
def test_killed_recording_is_completed_without_paying_twice(path: Path, mode: str) -> None:
    """The process dies while it waits for its third answer; two are on disk."""
    fatal: list[int] = []

    def script(body: dict[str, Any]) -> Behaviour:
        if "question 3" in prompt_text(body) and fatal:
            os.kill(fatal.pop(), signal.SIGKILL)
        return ScriptedAnswer(f"answer to {prompt_text(body)}")

    with LLMServer(script) as server:
        command = [sys.executable, "-c", RECORDING, str(path), mode, server.openai_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            fatal.append(process.pid)
            told, _ = process.communicate(timeout=60)
        assert (process.returncode, told) == (-signal.SIGKILL, "answer to question 1\nanswer to question 2\n")
        assert not path.exists()
        command[4] = "once"
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT, timeout=60)
        assert done.stdout.splitlines() == [*(f"answer to question {number}" for number in range(1, 5)), "[]"]
        prompts = [prompt_text(received.body) for received in server.requests]
    assert prompts == [f"question {number}" for number in (1, 2, 3, 3, 4)]
    replayed = subprocess.run(
        [*command[:4], "replay", "http://127.0.0.1:1/v1"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    assert replayed.stdout == done.stdout


def test_second_recorder_of_one_cassette_is_refused(path: Path) -> None:
    first, second = (Cassette(path, RECORD, Redactor()) for _ in range(2))
    first.provider(Echo).complete(question("one"), timeout_s=1)
    with pytest.raises(RecordError, match="is being recorded by another process"):
        second.provider(Echo).complete(question("two"), timeout_s=1)
    assert (first.close(), second.close()) == ([], [])
    assert texts(asked(path, REPLAY, [question("one")])[0]) == ["1: one"]


def test_folder_that_cannot_be_written_is_named(path: Path) -> None:
    path.parent.parent.parent.mkdir(parents=True)
    path.parent.parent.write_text("a file")
    with pytest.raises(RecordError, match=r"cassette '.*rep1\.jsonl\.part': .*make that folder writable"):
        asked(path, RECORD, [question("one")], Echo)


def test_step_that_the_disk_does_not_take_leaves_the_recording_unfinished(path: Path) -> None:
    cassette = Cassette(path, RECORD, Redactor())
    provider = cassette.provider(Echo)
    provider.complete(question("one"), timeout_s=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then comes back short or fails
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        with pytest.raises(RecordError, match="free space on that disk"):
            provider.complete(question("x" * 5000), timeout_s=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    assert "is unfinished" in cassette.close()[0]
    tape = read_tape(path.with_name("rep1.jsonl.part"))
    assert (tape.steps, tape.damaged_line) == (1, 0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"format": 99, "kind": "end", "limit": None}, "format 99, this version reads 1"),
        ({"format": 1, "kind": "song"}, "unknown kind 'song'"),
        ({"format": 1, "kind": "model", "step": 2}, "KeyError: 'answer'"),
        ({"kind": "end"}, "KeyError: 'format'"),
    ],
)
def test_line_of_another_version_is_refused(path: Path, line: dict[str, Any], expected: str) -> None:
    asked(path, RECORD, [question("one")], Echo, finished=False)
    part = path.with_name("rep1.jsonl.part")
    path.write_bytes(part.read_bytes() + seal(line))
    with pytest.raises(InputError) as caught:
        Cassette(path, REPLAY, Redactor())
    assert f"cassette {str(path)!r}, line 2" in str(caught.value)
    assert expected in str(caught.value)


def test_folder_in_the_place_of_a_cassette_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(InputError, match="cannot read cassette"):
        Cassette(path, ONCE, Redactor())


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
