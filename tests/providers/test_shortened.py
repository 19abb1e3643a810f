from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.errors import ReplayMiss
from pytest_swebench.providers.earlier import Earlier, read_exchanges
from pytest_swebench.providers.meter import Meter
from pytest_swebench.providers.protocol import Answer, Message, Provider, Request, StopReason, Tool, ToolCall, Usage
from pytest_swebench.providers.replay import ReplayProvider, exchange_as_json, read_recordings
from pytest_swebench.providers.shortened import Restorer, Shortener
from pytest_swebench.records.journal import seal
from pytest_swebench.redact import Redactor

SECRET = "sk-shortened-0123456789"
TOOLS = (Tool("run", "Run a command.", {"type": "object", "properties": {"command": {"type": "string"}}}),)
messages = st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), st.sampled_from(["a", "b", SECRET]))
requests = st.builds(
    Request,
    model=st.sampled_from(["m-1", "m-2"]),
    messages=st.lists(messages, max_size=4).map(tuple),
    system=st.sampled_from(["", "Be brief.", SECRET]),
    temperature=st.sampled_from([None, 0.5]),
    tools=st.sampled_from([(), TOOLS]),
    sample=st.integers(1, 2),
    schema=st.sampled_from([None, {"type": "object"}]),
    binding=st.booleans(),
    agent=st.sampled_from(["", "reviewer"]),
)


class Echo:
    """Answers with the number of the call."""

    name = "echo"

    def __init__(self) -> None:
        self.calls = 0

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.calls += 1
        return Answer(text=f"answer {self.calls}", model=request.model, stop_reason=StopReason.END, usage=Usage(5, 2))

    def close(self) -> None:
        return


def asked(provider: Provider, transcript: Path, told: list[Request], redactor: Redactor | None = None) -> list[Answer]:
    meter = Meter(provider, price=lambda *_: 0.0, transcript_path=transcript, redactor=redactor)
    return [meter.complete(request, timeout_s=1) for request in told]


@settings(max_examples=60)
@given(st.lists(requests, max_size=6))
def test_shortened_lines_are_made_whole_again(told: list[Request]) -> None:
    answer = Answer(text="x", model="m", stop_reason=StopReason.END, usage=Usage())
    whole = [exchange_as_json(request, answer) for request in told]
    shortener, restorer = Shortener(), Restorer()
    stored = [json.loads(json.dumps(shortener.shorten(line))) for line in whole]
    restored = [restorer.restore(line) for line in stored]
    wanted = json.loads(json.dumps(whole))
    extra = {"follows", "kept_messages"}
    assert [{name: line[name] for name in line if name not in extra} for line in restored] == wanted


@settings(max_examples=40)
@given(st.lists(requests, min_size=1, max_size=6))
def test_transcript_serves_every_answer_again(told: list[Request]) -> None:
    redactor = Redactor([SECRET])
    with tempfile.TemporaryDirectory() as folder:
        transcript, echo = Path(folder, "transcript.jsonl"), Echo()
        answers = asked(echo, transcript, told, redactor)
        assert SECRET not in transcript.read_text()
        exchanges = read_exchanges(transcript)
        assert [exchange.request for exchange in exchanges] == [
            exchange.request for exchange in read_recordings(transcript)
        ]
        silent = Echo()
        earlier = Earlier(silent, exchanges, redactor=redactor)
        again = [earlier.complete(request, timeout_s=1) for request in told]
    assert ([answer.text for answer in again], silent.calls) == ([answer.text for answer in answers], 0)


def growing(turns: int, size: int = 2_000) -> list[Request]:
    """The requests of an agent that runs one command a turn."""
    told: list[Message] = [Message("user", "Mend it.")]
    found = []
    for turn in range(turns):
        found.append(Request(model="m-1", messages=tuple(told), system="s" * 3_000, tools=TOOLS, agent="agent"))
        call = ToolCall(f"call-{turn}", "run", {"command": f"sed -n {turn}p calc.py"})
        told += [Message("assistant", f"Turn {turn}.", (call,)), Message("tool", "o" * size, tool_call_id=call.id)]
    return found


def test_transcript_of_many_turns_grows_with_what_is_new(tmp_path: Path) -> None:
    told = growing(100)
    transcript = tmp_path / "transcript.jsonl"
    asked(Echo(), transcript, told)
    sizes = [len(line) for line in transcript.read_bytes().splitlines()]
    assert max(sizes[1:]) < 4_000
    answer = Answer(text="", model="", stop_reason=StopReason.END, usage=Usage())
    whole = sum(len(json.dumps(exchange_as_json(request, answer))) for request in told)
    assert sum(sizes) * 30 < whole
    assert [exchange.request for exchange in read_exchanges(transcript)] == told


def test_lost_line_costs_no_other_answer(tmp_path: Path) -> None:
    told, transcript = growing(5), tmp_path / "transcript.jsonl"
    asked(Echo(), transcript, told)
    lines = transcript.read_bytes().splitlines(keepends=True)
    transcript.write_bytes(lines[0] + lines[1].replace(b"Turn 0", b"Turn 9") + b"".join(lines[2:]))
    silent = Echo()
    earlier = Earlier(silent, read_exchanges(transcript))
    texts = [earlier.complete(request, timeout_s=1).text for request in told]
    assert texts == ["answer 1", "answer 1", "answer 3", "answer 4", "answer 5"]
    assert silent.calls == 1


def test_result_left_out_to_make_room_is_told_again_from_there(tmp_path: Path) -> None:
    told = growing(4)
    middle = list(told[-1].messages)
    middle[2] = dataclasses.replace(middle[2], content="[left out]")
    told.append(dataclasses.replace(told[-1], messages=tuple(middle)))
    transcript = tmp_path / "transcript.jsonl"
    asked(Echo(), transcript, told)
    last = json.loads(transcript.read_bytes().splitlines()[-1])
    assert (last["kept_messages"], len(last["request"]["messages"])) == (2, 5)
    assert [exchange.request for exchange in read_exchanges(transcript)] == told


def test_transcript_still_replays_and_names_the_difference(tmp_path: Path) -> None:
    told, transcript = growing(3), tmp_path / "transcript.jsonl"
    asked(Echo(), transcript, told)
    replay = ReplayProvider(transcript)
    assert [replay.complete(request, timeout_s=1).text for request in told] == ["answer 1", "answer 2", "answer 3"]
    changed = dataclasses.replace(told[2], messages=(*told[2].messages[:-1], Message("tool", "other", (), "call-1")))
    with pytest.raises(ReplayMiss, match=r"on line 3, differs in message 5 \(tool\)"):
        replay.complete(changed, timeout_s=1)


def test_transcript_of_whole_exchanges_is_read_as_before(tmp_path: Path) -> None:
    """Runs that began under an earlier version have them."""
    request = Request(model="m-1", messages=(Message("user", f"The key is {SECRET}."),))
    answer = Answer(text="Paid.", model="m-1", stop_reason=StopReason.END, usage=Usage(5, 2))
    line = exchange_as_json(request, answer)
    del line["request"]["agent"], line["request"]["binding"]
    transcript = tmp_path / "transcript.jsonl"
    redactor = Redactor([SECRET])
    transcript.write_bytes(seal(redactor.data(line)))
    silent = Echo()
    earlier = Earlier(silent, read_exchanges(transcript), redactor=redactor)
    assert earlier.complete(request, timeout_s=1).text == "Paid."
