from __future__ import annotations

import json
from pathlib import Path

from pytest_swebench.cell import Cell
from pytest_swebench.events import BackedOff, PhaseStarted
from pytest_swebench.records.eventlog import EventLog
from pytest_swebench.wizard.progress import Follower

FIRST, SECOND = Cell("a__a-1", "tdd", 1), Cell("a__a-2", "tdd", 1)


def test_run_is_followed_from_what_it_leaves(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("")
    follower = Follower(log, tmp_path, 4)
    assert follower.look() == []
    assert follower.standing.lines(0.0) == [
        "🤖 Generating patches [----------] 0/4",
        "🧪 Running harness evaluation [----------] 0/4",
    ]
    events = EventLog(tmp_path / "events" / "main.jsonl")
    for event in (
        PhaseStarted(FIRST, "grade"),
        PhaseStarted(SECOND, "solve"),
        BackedOff(SECOND, 30.0, "HTTP 429: slow"),
    ):
        events(event)
    said = "swebench: estimated cost $1\n[1/4] a__a-1/tdd/r1 resolved 3 s\npulling an/image: 4 of 8 MB\nhalf a li"
    log.write_text(said)
    assert follower.look() == ["swebench: estimated cost $1"]
    (at_s,) = {json.loads(line)["at"] for line in (tmp_path / "events" / "main.jsonl").read_text().splitlines()[-1:]}
    assert follower.standing.lines(at_s + 10) == [
        "🤖 Generating patches [##--------] 1/4",
        "⏱  backing off 20 s: HTTP 429: slow",
        "🧪 Running harness evaluation [##--------] 1/4",
        "   Pulling container image (first time can take a while)... 4 of 8 MB",
        "   solve        10 s  a__a-2/tdd/r1",
    ]
    log.write_text(said + "ne\n[ 4/4] a__a-2/tdd/r1 infra (no engine)\n[4/4] at work: nobody\n")
    assert follower.look() == []
    assert follower.standing.lines(at_s + 40) == [
        "🤖 Generating patches [##########] 4/4",
        "🧪 Running harness evaluation [##########] 4/4",
    ]
    events.close()
