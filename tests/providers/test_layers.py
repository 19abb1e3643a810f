"""Cassette, earlier attempts and cache one behind the other: who serves an answer uses it up for those behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_swebench.providers.cache import Cached
from pytest_swebench.providers.cassette import Cassette, CassetteMode
from pytest_swebench.providers.earlier import Earlier, read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Usage
from pytest_swebench.redact import Redactor

Attempt = Callable[..., list[tuple[str, str]]]
QUESTION = Request(model="m-1", messages=(Message("user", "Why?"),), temperature=0.2)
OTHER = Request(model="m-1", messages=(Message("user", "How?"),), temperature=0.2)


class Endpoint:
    """Numbers its answers, over all who ask."""

    name = "one"
    base_url = "http://one.invalid"

    def __init__(self) -> None:
        self.calls = 0

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.calls += 1
        return Answer(text=str(self.calls), model=request.model, stop_reason=StopReason.END, usage=Usage(5, 2))

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """Make attempts at one cell, each with what those before it have paid for; each returns texts and sources."""
    endpoint = Endpoint()
    transcripts: list[Path] = []

    def ask(
        requests: Sequence[Request], *, cache: bool = True, mode: CassetteMode | None = None, finished: bool = True
    ) -> list[tuple[str, str]]:
        def behind() -> Provider:
            inner: Provider = Cached(endpoint, tmp_path / "cache", Redactor()) if cache else endpoint
            return Earlier(inner, *(read_exchanges(path) for path in reversed(transcripts)))

        cassette = None if mode is None else Cassette(tmp_path / "rep1.jsonl", mode, Redactor())
        provider = behind() if cassette is None else cassette.provider(behind)
        transcript = tmp_path / f"{len(transcripts)}.jsonl"
        meter = Meter(provider, price=lambda *_: 0.01, transcript_path=transcript)
        answers = [meter.complete(request, timeout_s=1) for request in requests]
        transcripts.append(transcript)
        if cassette is not None:
            cassette.close(finished=finished)
        return [(answer.text, answer.served) for answer in answers]

    return ask


def test_answer_of_an_earlier_attempt_is_not_served_by_the_cache_again(
    attempt: Attempt,
) -> None:
    assert attempt([QUESTION]) == [("1", "")]
    assert attempt([QUESTION, QUESTION]) == [("1", "earlier"), ("2", "")]
    assert attempt([QUESTION] * 3) == [("1", "earlier"), ("2", "earlier"), ("3", "")]


@pytest.mark.parametrize("cache", [False, True])
def test_answer_of_the_cassette_is_served_by_nobody_behind_it_again(attempt: Attempt, cache: bool) -> None:
    once = CassetteMode.ONCE
    assert attempt([QUESTION, OTHER, QUESTION], cache=cache, mode=once, finished=False) == [
        ("1", ""),
        ("2", ""),
        ("3", ""),
    ]
    assert attempt([QUESTION, OTHER, QUESTION, QUESTION, OTHER], cache=cache, mode=once) == [
        ("1", "cassette"),
        ("2", "cassette"),
        ("3", "cassette"),
        ("4", ""),
        ("5", ""),
    ]


def test_another_cell_gets_from_the_cache_what_this_one_got(attempt: Attempt) -> None:
    once = CassetteMode.ONCE
    attempt([QUESTION], mode=once, finished=False)
    attempt([QUESTION, QUESTION], mode=once)
    record = CassetteMode.RECORD
    assert [text for text, _ in attempt([QUESTION, QUESTION], mode=record)] == ["1", "2"]
