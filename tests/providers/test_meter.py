from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_swebench.errors import LimitReached, ReplayMiss
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.deadline import Stopped
from pytest_swebench.providers.meter import Meter, conclude
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.replay import ReplayProvider, write_recordings
from pytest_swebench.records.conversation import Conversation, read_conversation
from pytest_swebench.redact import Redactor

REQUEST = Request(model="m-1", messages=(Message("user", "the key is sk-0123456789"),))
ANSWER = Answer(
    text="I saw sk-0123456789", model="m-1-dated", stop_reason=StopReason.END, usage=Usage(10, 5, cache_read=2)
)
UNKNOWN = replace(REQUEST, model="m-2")


@pytest.fixture
def replay(tmp_path: Path) -> ReplayProvider:
    path = tmp_path / "recorded.jsonl"
    write_recordings(path, [(REQUEST, ANSWER), (UNKNOWN, replace(ANSWER, model="m-2"))])
    return ReplayProvider(path)


def cent_a_call(asked: str, answered: str, usage: Usage) -> float | None:
    return 0.01 if asked == "m-1" else None


def test_calls_usage_and_cost_add_up(replay: ReplayProvider) -> None:
    meter = Meter(replay, price=cent_a_call)
    assert (meter.name, meter.calls, meter.usage, meter.cost_usd) == ("replay", 0, Usage(), 0.0)
    assert meter.complete(REQUEST, timeout_s=1) == ANSWER
    meter.complete(REQUEST, timeout_s=1)
    assert (meter.calls, meter.usage, meter.served) == (2, Usage(20, 10, cache_read=4), {})
    assert meter.cost_usd == pytest.approx(0.02)


class CutShort:
    """Has an answer, and is told to stop."""

    name = "cut short"

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        raise Stopped(ANSWER, KeyboardInterrupt("by hand"))

    def close(self) -> None:
        raise AssertionError("nobody closes it here")


def test_answer_that_came_after_ctrl_c_is_counted_and_kept_before_the_interrupt_goes_on(tmp_path: Path) -> None:
    meter = Meter(CutShort(), price=cent_a_call, transcript_path=tmp_path / "transcript.jsonl")
    with pytest.raises(KeyboardInterrupt, match="by hand") as stopped:
        meter.complete(REQUEST, timeout_s=1)
    assert type(stopped.value) is KeyboardInterrupt
    assert (meter.calls, meter.usage, meter.cost_usd) == (1, ANSWER.usage, 0.01)
    (kept,) = (tmp_path / "transcript.jsonl").read_text().splitlines()
    assert json.loads(kept)["provider"] == "cut short"


def test_one_unknown_price_makes_the_total_unknown_for_good(replay: ReplayProvider) -> None:
    meter = Meter(replay, price=cent_a_call)
    for request in (REQUEST, UNKNOWN, REQUEST):
        meter.complete(request, timeout_s=1)
    assert (meter.calls, meter.cost_usd) == (3, None)


def test_replay_costs_nothing_without_being_told(replay: ReplayProvider) -> None:
    meter = Meter(replay)
    meter.complete(UNKNOWN, timeout_s=1)
    assert meter.cost_usd == 0.0


def test_listener_hears_of_every_call_after_it_is_counted_and_written(replay: ReplayProvider, tmp_path: Path) -> None:
    heard: list[tuple[Request, Answer, float | None]] = []
    transcript = tmp_path / "cell" / "transcript.jsonl"

    def listen(request: Request, answer: Answer, cost_usd: float | None) -> None:
        heard.append((request, answer, cost_usd))
        assert len(transcript.read_text().splitlines()) == len(heard) == meter.calls
        if len(heard) == 2:
            raise LimitReached(Stop.COST, "enough")

    meter = Meter(replay, price=cent_a_call, on_call=listen, transcript_path=transcript)
    meter.complete(REQUEST, timeout_s=1)
    with pytest.raises(LimitReached, match="enough"):
        meter.complete(REQUEST, timeout_s=1)
    assert heard == [(REQUEST, ANSWER, 0.01)] * 2
    assert meter.calls == 2


def test_first_call_is_announced_once_and_before_it_is_made(replay: ReplayProvider) -> None:
    announced: list[int] = []
    meter = Meter(replay, before_first_call=lambda: announced.append(meter.calls))
    with pytest.raises(ReplayMiss):
        meter.complete(replace(REQUEST, model="m-3"), timeout_s=1)
    meter.complete(REQUEST, timeout_s=1)
    assert announced == [0]


def test_failed_announcement_keeps_the_call_from_being_made(replay: ReplayProvider, tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("disk full")

    meter = Meter(replay, before_first_call=fail, transcript_path=tmp_path / "t.jsonl")
    with pytest.raises(OSError, match="disk full"):
        meter.complete(REQUEST, timeout_s=1)
    assert meter.calls == 0
    assert not (tmp_path / "t.jsonl").exists()


def test_transcript_holds_the_exchange_without_secrets_and_replays(replay: ReplayProvider, tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    meter = Meter(replay, transcript_path=transcript, redactor=Redactor(["sk-0123456789"]))
    meter.complete(REQUEST, timeout_s=1)
    text = transcript.read_text()
    assert "0123456789" not in text
    line = json.loads(text)
    assert (line["provider"], line["cost_usd"], line["request_digest"]) == ("replay", 0.0, REQUEST.digest)
    assert ReplayProvider(transcript).complete(REQUEST, timeout_s=1).text == "I saw [redacted]"


def test_conversation_is_kept_as_calls_are_made_and_concluded(replay: ReplayProvider, tmp_path: Path) -> None:
    path = tmp_path / "cell" / "conversation.jsonl"
    heard: list[int] = []
    meter = Meter(
        replay,
        on_call=lambda *_: heard.append(len(read_conversation(path))),
        conversation=Conversation(path, {"run_id": "run-1"}, Redactor(["sk-0123456789"])),
    )
    meter.complete(REQUEST, timeout_s=1)
    last = replace(REQUEST, messages=(*REQUEST.messages, Message("assistant", ANSWER.text), Message("user", "Bye.")))
    conclude(meter, last)
    told = [(line["role"], line["content"]) for line in read_conversation(path)]
    assert told == [("user", "the key is [redacted]"), ("assistant", "I saw [redacted]"), ("user", "Bye.")]
    assert heard == [2]


def test_concluding_is_nothing_to_who_keeps_no_conversation(replay: ReplayProvider) -> None:
    meter = Meter(replay)
    for provider in (meter, replay):
        conclude(provider, REQUEST)
    assert meter.calls == 0
