"""Recordings that were cut short, torn, damaged or refused, and how `once` completes them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import (
    InputError,
    ProviderError,
    RecordError,
    ReplayMiss,
)
from pytest_swebench.providers.cassette import Cassette
from pytest_swebench.providers.earlier import Earlier, read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.tape import read_tape
from pytest_swebench.records.journal import seal
from pytest_swebench.redact import Redactor
from tests.support.llm_server import Behaviour, LLMServer, ScriptedAnswer, prompt_text
from tests.support.taping import ONCE, RECORD, REPLAY, Echo, asked, miss, nobody, question, texts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "a__a-1" / "one" / "rep1.jsonl"


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
