from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.resume import Earlier, RunLock, earlier_cells, find_run, keep_earlier, read_earlier
from pytest_swebench.redact import Redactor
from tests.support.made import made_record


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path, "run", "20260101_000000")


def append(layout: RunLayout, name: str, *attempts: tuple[int, Outcome | None], key: str = "k") -> None:
    journal = Journal(layout.journals / "main-1.jsonl", Redactor(()))
    for attempt, outcome in attempts:
        record = made_record(Cell(name, "gold", 1), outcome or Outcome.ERROR, attempt=attempt, key=key)
        journal.append("started", cell=f"{name}/gold/r1", record=record)
        if outcome is not None:
            journal.append("record", cell=f"{name}/gold/r1", record=record)
    journal.close()


def test_only_final_records_make_a_cell_done(layout: RunLayout) -> None:
    append(layout, "done", (1, Outcome.INFRA), (2, Outcome.UNRESOLVED))
    append(layout, "broken", (1, Outcome.INFRA))
    append(layout, "killed", (1, None))
    append(layout, "broke-later", (1, Outcome.RESOLVED), (2, Outcome.INFRA))
    append(layout, "killed-later", (1, Outcome.RESOLVED), (2, None))
    assert earlier_cells(layout) == {
        "done/gold/r1": Earlier(2, "k"),
        "broken/gold/r1": Earlier(1),
        "killed/gold/r1": Earlier(1),
        "broke-later/gold/r1": Earlier(2),
        "killed-later/gold/r1": Earlier(2),
    }


def test_what_was_done_is_fixed_when_an_invocation_starts(layout: RunLayout) -> None:
    append(layout, "a", (1, Outcome.RESOLVED))
    keep_earlier(layout)
    append(layout, "b", (1, Outcome.RESOLVED))
    assert list(read_earlier(layout)) == ["a/gold/r1"]
    assert read_earlier(RunLayout(layout.root, "run", "another")) == {}


def test_processes_of_one_invocation_share_the_run_and_keep_others_out(layout: RunLayout) -> None:
    controller, worker, intruder = RunLock(layout), RunLock(layout), RunLock(layout)
    controller.take_over(wait_s=0)
    worker.join()
    controller.release()
    with pytest.raises(InputError, match="--run-id run: a process of that run is still at work"):
        intruder.take_over(wait_s=0)
    worker.release()
    intruder.take_over(wait_s=0)
    with pytest.raises(InputError, match="still at work"):
        controller.take_over(wait_s=0)
    intruder.release()


def test_of_many_runs_ten_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    for number in range(10, 22):
        (tmp_path / f"run-{number}" / "journal").mkdir(parents=True)
    with pytest.raises(InputError, match=r"known: run-12, .*, run-21 and 2 more; runs lie in "):
        find_run(tmp_path, "mine", "RUN")
