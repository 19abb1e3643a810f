"""What a run's journals tell somebody who only reads them."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.decision import keep_left
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, locked_folder, write_json
from pytest_swebench.records.resume import LeftOut, keep_earlier, keep_left_out
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.watch.following import Following, Standing
from tests.support.made import made_record

CELLS = [Cell(f"acme__acme-{number}", "gold", 1) for number in range(4)]
HERE = socket.gethostname()


def layout_in(root: Path, selected: int = 4) -> RunLayout:
    layout = RunLayout(root, "run-1", "20260102_030405")
    write_json(layout.folder / "plans" / "one.json", {"instances": 9, "reps": 1, "variants": {"gold": {}}})
    if selected:
        write_json(layout.folder / "selected.json", {"gold": selected})
    return layout


def at(seconds: int) -> str:
    return datetime.fromtimestamp(1_700_000_000 + seconds, UTC).isoformat()


def begin(layout: RunLayout, cell: Cell, second: int, *, attempt: int = 1, process: str = "gw0-1") -> None:
    opened = made_record(cell, attempt=attempt, started_at=at(second), finished_at="", host="elsewhere")
    put(layout, "started", cell, process, record=opened)


def end(
    layout: RunLayout,
    cell: Cell,
    second: int,
    outcome: Outcome = Outcome.RESOLVED,
    *,
    process: str = "gw0-1",
    **fields: Any,
) -> None:
    put(layout, "record", cell, process, record=made_record(cell, outcome, finished_at=at(second), **fields))


def put(layout: RunLayout, kind: str, cell: Cell, process: str = "gw0-1", **fields: Any) -> None:
    journal = Journal(layout.journals / f"{process}.jsonl", Redactor())
    journal.append(kind, cell=str(cell), **fields)
    journal.close()


def test_counts_phases_cost_and_times_are_those_of_the_records(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    following = Following(layout)
    begin(layout, CELLS[0], 0)
    begin(layout, CELLS[1], 2, process="gw1-2")
    following.read()
    assert following.state.workers == 2
    put(layout, "calling", CELLS[1], "gw1-2", attempt=1)
    end(layout, CELLS[0], 10, provider_retries=2)
    put(layout, "solved", CELLS[1], "gw1-2", attempt=1)
    put(layout, "dropped", CELLS[1], nodeid="x", attempt=1)
    following.read()
    state = following.state
    assert (state.selected, state.done, following.missing) == (4, 1, 3)
    assert state.working[CELLS[1]].phase == "grade"
    assert state.grading("gold") == 1
    tally = state.variants["gold"]
    assert (tally.resolved, tally.patched, tally.retries, tally.seconds) == (1, 1, 2, 10.0)
    assert (state.cost_usd, state.started_s) == (0.25, 1_700_000_000.0)
    assert following.last_s >= 1_700_000_010


def test_workers_are_as_many_as_were_seen_at_work_together_not_as_there_are_journals(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    for number, cell in enumerate(CELLS):
        begin(layout, cell, 10 * number, process=f"gw{number}-{number}")
        end(layout, cell, 10 * number + 5, process=f"gw{number}-{number}")
    following = Following(layout)
    following.read()
    assert (following.state.workers, following.state.done) == (1, 4)


def test_run_that_has_not_chosen_its_cells_yet_is_as_long_as_planned(tmp_path: Path) -> None:
    following = Following(layout_in(tmp_path, selected=0))
    following.read()
    assert following.state.selected == 9


def test_cell_that_is_tried_again_is_at_work_and_ends_once(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    begin(layout, CELLS[0], 0)
    end(layout, CELLS[0], 5, Outcome.INFRA)
    following = Following(layout)
    following.read()
    assert (following.state.done, following.state.variants["gold"].errors) == (1, 1)
    begin(layout, CELLS[0], 6, attempt=2)
    following.read()
    assert (following.state.done, list(following.state.working)) == (0, [CELLS[0]])
    end(layout, CELLS[0], 9, attempt=2, cost_usd=0.5)
    end(layout, CELLS[0], 10, Outcome.INFRA)  # of the first attempt, from a journal that was late
    following.read()
    tally = following.state.variants["gold"]
    assert (tally.done, tally.resolved, tally.errors, tally.reruns) == (1, 1, 0, 1)
    assert (tally.seconds, following.state.cost_usd) == (3.0, 0.5)


def test_resumed_run_counts_what_its_latest_invocation_does(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    for number, outcome in enumerate([Outcome.RESOLVED, Outcome.INFRA]):
        begin(layout, CELLS[number], number)
        end(layout, CELLS[number], number + 1, outcome)
    resumed = RunLayout(layout.root, layout.run_id, "20260103_030405")
    keep_earlier(resumed)
    keep_left_out(resumed, LeftOut(frozenset({str(CELLS[0])})))
    following = Following(layout)
    following.read()
    assert (following.state.selected, following.state.done, following.state.started_s) == (3, 0, 0.0)
    begin(layout, CELLS[1], 100, attempt=2)
    end(layout, CELLS[1], 103, attempt=2)
    following.read()
    tally = following.state.variants["gold"]
    assert (tally.done, tally.resolved, tally.errors, tally.reruns) == (1, 1, 0, 0)
    assert following.state.started_s == 1_700_000_100.0
    following.read_whole()
    tally = following.state.variants["gold"]
    assert (following.state.selected, tally.done, tally.resolved, tally.reruns) == (4, 2, 2, 1)
    assert following.state.started_s == 1_700_000_000.0


def test_run_that_its_gate_ended_is_over_whenever_its_files_were_written(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    write_json(layout.folder / "run.json", {})
    for number in range(2):
        begin(layout, CELLS[number], number)
        end(layout, CELLS[number], number + 1)
    os.utime(layout.folder / "run.json", (0, 0))  # as a copy of a run may have it
    following = Following(layout)
    following.read()
    assert following.standing() is Standing.DIED
    keep_left(layout, CELLS[2:])
    assert following.standing() is Standing.ENDED_BY_GATE
    keep_left(layout, CELLS[3:])  # another one is missing that the gate has not left out
    assert following.standing() is Standing.DIED
    end(layout, CELLS[2], 9, Outcome.INFRA)
    following.read()
    assert following.standing() is Standing.ENDED_BY_GATE


def dead_process() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(("host", "errors"), [(HERE, 1), ("elsewhere", 0)])
def test_cell_of_a_dead_worker_is_broken_while_the_others_go_on(tmp_path: Path, host: str, errors: int) -> None:
    layout, process = layout_in(tmp_path), f"gw0-{dead_process()}"
    opened = made_record(CELLS[0], started_at=at(0), finished_at="", host=host)
    put(layout, "started", CELLS[0], process, record=opened)
    following = Following(layout)
    following.read(alive=True)
    assert following.state.variants["gold"].errors == errors
    end(layout, CELLS[0], 9, Outcome.INFRA, process="controller")  # as the end of the run records it
    following.read(alive=True)
    tally = following.state.variants["gold"]
    assert (tally.done, tally.errors, tally.retries) == (1, 1, 0)


def test_run_whose_folder_is_gone_is_said_to_be(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    following = Following(layout)
    layout.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"run-1' is gone: it was moved or removed"):
        following.standing()


def test_standing_follows_lock_records_and_files(tmp_path: Path) -> None:
    layout = layout_in(tmp_path, selected=2)
    begin(layout, CELLS[0], 0)
    following = Following(layout)
    following.read()
    assert following.standing() is Standing.DIED
    lock = os.open(layout.folder / "run.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    assert following.standing() is Standing.RUNNING
    os.close(lock)
    with locked_folder(layout.folder):  # the files of the run are being completed
        assert following.standing() is Standing.RUNNING
    end(layout, CELLS[0], 5)
    write_json(layout.folder / "run.json", {})
    following.read()
    assert following.standing() is Standing.ENDED_EARLY
    begin(layout, CELLS[1], 6)
    end(layout, CELLS[1], 7)
    following.read()
    os.utime(layout.folder / "run.json", ns=(0, 0))
    assert following.standing() is Standing.DIED
    write_json(layout.folder / "run.json", {})
    assert following.standing() is Standing.ENDED
