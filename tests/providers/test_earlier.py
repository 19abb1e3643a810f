from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.providers.earlier import Earlier, read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Usage
from pytest_swebench.records.journal import seal
from pytest_swebench.redact import REDACTED, Redactor

SECRET = "sk-earlier-0123456789"


class Endpoint:
    """Numbers its answers, over all who ask."""

    name = "one"
    base_url = "http://one.invalid"

    def __init__(self) -> None:
        self.calls = 0
        self.closed = False

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.calls += 1
        text = f"{self.calls}: {request.messages[-1].content}"
        return Answer(text=text, model=request.model, stop_reason=StopReason.END, usage=Usage(5, 2))

    def close(self) -> None:
        self.closed = True


def question(text: str) -> Request:
    return Request(model="m-1", messages=(Message("user", text),))


def attempt(
    provider: Provider, transcript: Path, requests: Sequence[Request], redactor: Redactor | None = None
) -> list[tuple[str, str]]:
    """Ask as one attempt at a cell does; return texts and where they came from."""
    meter = Meter(provider, price=lambda *_: 0.01, transcript_path=transcript, redactor=redactor)
    answers = [meter.complete(request, timeout_s=1) for request in requests]
    return [(answer.text, answer.served) for answer in answers]


def test_what_was_paid_for_is_served_and_the_rest_is_asked(tmp_path: Path) -> None:
    endpoint, transcript = Endpoint(), tmp_path / "transcript.jsonl"
    attempt(endpoint, transcript, [question("one"), question("two")])
    earlier = Earlier(endpoint, read_exchanges(transcript))
    again = [question(text) for text in ("one", "changed", "two")]
    assert attempt(earlier, tmp_path / "second.jsonl", again) == [
        ("1: one", "earlier"),
        ("3: changed", ""),
        ("2: two", "earlier"),
    ]
    assert (earlier.name, earlier.base_url, endpoint.calls) == ("one", "http://one.invalid", 3)
    earlier.close()
    assert endpoint.closed


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from("ab"), max_size=5), min_size=1, max_size=4))
def test_no_answer_is_paid_for_twice_however_often_a_cell_is_cut_short(attempts: list[list[str]]) -> None:
    """Each attempt asks the questions of one fixed conversation, and gets as far as its list is long."""
    whole = max(attempts, key=len)
    with tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint()
        transcripts: list[Path] = []
        for number, cut in enumerate(attempts):
            transcript = Path(folder, f"{number}.jsonl")
            told = attempt(
                Earlier(endpoint, *(read_exchanges(path) for path in reversed(transcripts) if path.exists())),
                transcript,
                [question(text) for text in whole[: len(cut)]],
            )
            assert [text for text, _ in told] == [f"{n}: {text}" for n, text in enumerate(whole[: len(cut)], start=1)]
            transcripts.append(transcript)
        assert endpoint.calls == len(whole)


def test_torn_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    attempt(Endpoint(), transcript, [question("one"), question("two"), question("three")])
    first, second, third = transcript.read_bytes().splitlines(keepends=True)
    foreign = json.dumps({"format": 99}).encode()
    transcript.write_bytes(first + second[:-30] + b"\n" + foreign + b"\n\xff\n[]\n\n" + third[:-9])
    assert [exchange.request.messages[0].content for exchange in read_exchanges(transcript)] == ["one"]
    attempt(Endpoint(), transcript, [question("four")])
    assert [exchange.request.messages[0].content for exchange in read_exchanges(transcript)] == ["one", "four"]


def test_line_whose_seal_is_broken_is_left_out(tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    attempt(Endpoint(), transcript, [question("one"), question("two")])
    sealed = [seal(json.loads(line)) for line in transcript.read_bytes().splitlines()]
    transcript.write_bytes(sealed[0].replace(b"1: one", b"7: one") + sealed[1])
    assert [exchange.answer.text for exchange in read_exchanges(transcript)] == ["2: two"]


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("25 passed in 0.16s", "25 passed in 0.09s", True),
        ("1 failed in 61.20s (0:01:01)", "1 failed in 59.99s", True),
        ("Ran 3 tests in 0.001 seconds", "Ran 3 tests in 12.5 seconds", True),
        ("<Lexer object at 0x7f3a2c10d5e0>", "<Lexer object at 0x7fe01c0a33d0>", True),
        ("25 passed in 0.16s", "24 passed in 0.16s", False),
        ("version 1.2", "version 1.3", False),
        ("flags 0x1f", "flags 0x2f", False),
    ],
)
def test_tests_that_took_other_seconds_make_no_other_question(
    tmp_path: Path, before: str, now: str, same: bool
) -> None:
    endpoint, transcript = Endpoint(), tmp_path / "transcript.jsonl"
    attempt(endpoint, transcript, [question(before)])
    (told,) = attempt(Earlier(endpoint, read_exchanges(transcript)), tmp_path / "second.jsonl", [question(now)])
    assert told == ((f"1: {before}", "earlier") if same else (f"2: {now}", ""))


def test_secrets_that_were_taken_out_of_a_transcript_make_no_other_question(tmp_path: Path) -> None:
    endpoint, redactor = Endpoint(), Redactor([SECRET])

    def talk(provider: Provider, transcript: Path) -> list[tuple[str, str]]:
        (first,) = attempt(provider, transcript, [question(f"The key is {SECRET}.")], redactor)
        turns = (*question(f"The key is {SECRET}.").messages, Message("assistant", first[0]), Message("user", "So?"))
        return [first, *attempt(provider, transcript, [replace(question(""), messages=turns)], redactor)]

    transcript = tmp_path / "transcript.jsonl"
    assert talk(endpoint, transcript) == [(f"1: The key is {SECRET}.", ""), ("2: So?", "")]
    assert SECRET not in transcript.read_text()
    earlier = Earlier(endpoint, read_exchanges(transcript), redactor=redactor)
    assert talk(earlier, tmp_path / "second.jsonl") == [
        (f"1: The key is {REDACTED}.", "earlier"),
        ("2: So?", "earlier"),
    ]
