"""Events on their way from the processes that run cells to the one that shows them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff, Broadcast, CellFinished, CellStarted, PhaseStarted, ProviderCalled
from pytest_swebench.records.eventlog import EventLog, EventTail
from pytest_swebench.redact import Redactor

CELL = Cell("acme__acme-1", "gold", 1)
EVENTS = [
    PhaseStarted(CELL, "solve"),
    BackedOff(CELL, 12.0, "HTTP 429"),
    ProviderCalled(CELL, "some-model", 900, 40, 0.012),
    ProviderCalled(CELL, "other-model", 900, 40, None),
]


def test_events_of_all_processes_arrive_once(tmp_path: Path) -> None:
    tail, logs = EventTail(tmp_path / "events"), [EventLog(tmp_path / "events" / f"gw{n}.jsonl") for n in range(2)]
    assert tail.read() == []
    for event in EVENTS:
        logs[0](event)
    logs[1](EVENTS[0])
    found = tail.read()
    assert sorted(map(repr, (event for _, event in found))) == sorted(map(repr, [*EVENTS, EVENTS[0]]))
    assert [at_s for at_s, _ in found] == sorted(at_s for at_s, _ in found)
    assert tail.read() == []
    logs[1](EVENTS[1])
    assert [event for _, event in tail.read()] == [EVENTS[1]]


def test_what_an_earlier_invocation_left_is_not_told_again_and_stays(tmp_path: Path) -> None:
    killed = EventLog(tmp_path / "killed.jsonl")
    killed(EVENTS[0])
    tail = EventTail(tmp_path)
    EventLog(tmp_path / "gw0.jsonl")(EVENTS[1])
    assert [event for _, event in tail.read()] == [EVENTS[1]]
    tail.close()
    assert [path.name for path in tmp_path.iterdir()] == ["killed.jsonl"]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    tail, path = EventTail(tmp_path), tmp_path / "gw0.jsonl"
    line = json.dumps({"at": 5.0, "cell": str(CELL), "phase": "grade"}) + "\n"
    path.write_text(line[:20])
    assert tail.read() == []
    with path.open("a") as file:
        file.write(line[20:])
    assert tail.read() == [(5.0, PhaseStarted(CELL, "grade"))]


@pytest.mark.parametrize("torn", ['{"at": 5.0, "cel', "[]", '{"at": 5.0, "cell": "no cell", "phase": "x"}', "\udcff"])
def test_line_that_cannot_be_read_is_passed_over(tmp_path: Path, torn: str) -> None:
    tail, path = EventTail(tmp_path), tmp_path / "gw0.jsonl"
    path.write_bytes(torn.encode(errors="surrogateescape") + b"\n")
    EventLog(path)(EVENTS[0])
    assert [event for _, event in tail.read()] == [EVENTS[0]]


def test_file_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    tail = EventTail(tmp_path)
    (tmp_path / "gw0.jsonl").symlink_to(tmp_path / "nowhere")
    EventLog(tmp_path / "gw1.jsonl")(EVENTS[0])
    assert [event for _, event in tail.read()] == [EVENTS[0]]


def test_reason_is_one_short_line_without_secrets(tmp_path: Path) -> None:
    tail = EventTail(tmp_path)
    log = EventLog(tmp_path / "gw0.jsonl", Redactor(["sk-canary-0123456789"]))
    log(BackedOff(CELL, 1.0, "401\nfor sk-canary-0123456789 " + "x" * 1000))
    ((_, event),) = tail.read()
    assert isinstance(event, BackedOff)
    assert event.reason.startswith("401 for [redacted] xxx")
    assert len(event.reason) == 300
    assert b"canary" not in (tmp_path / "gw0.jsonl").read_bytes()


def test_process_that_has_nothing_to_show_leaves_no_file(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events" / "gw0.jsonl")
    log(CellStarted(CELL, 1))
    log(CellFinished(CELL, {}))
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_removes_the_file_and_the_last_one_the_folder(tmp_path: Path) -> None:
    logs = [EventLog(tmp_path / "events" / f"gw{n}.jsonl") for n in range(2)]
    for log in logs:
        log(EVENTS[0])
    logs[0].close()
    logs[0].close()
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["gw1.jsonl"]
    logs[1].close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_full_disk_ends_the_show_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "gw0.jsonl").symlink_to("/dev/full")
    heard, messages = list[object](), list[str]()
    broadcast = Broadcast([EventLog(tmp_path / "gw0.jsonl"), heard.append], messages.append)
    for event in EVENTS:
        broadcast(event)
    assert heard == EVENTS
    assert len(messages) == 1
    assert messages[0].startswith("EventLog is switched off: OSError")
