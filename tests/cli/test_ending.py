"""Exit codes and reasons: what records and pytest's status come to, on real journals."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.cli.child import Told
from pytest_swebench.cli.ending import End, ended, layout_in, read_run, run_folder
from pytest_swebench.cli.outcome import ExitCode
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.records.resume import at_work
from pytest_swebench.redact import Redactor
from tests.support.made import made_record

RUN_ID = "run-1"
TOLD: dict[str, Any] = {"run_id": RUN_ID, "timestamp": "20260102_030405"}
OK, FAILED, INTERRUPTED, INTERNAL, USAGE, NOTHING, OVER_BUDGET = 0, 1, 2, 3, 4, 5, 8


def write(root: Path, *outcomes: Outcome | str, selected: int = 0, **fields: Any) -> RunLayout:
    """Leave the journal of a run of one variant: outcomes, or types of errors that made a cell infra."""
    layout = RunLayout(root, RUN_ID, "20260102_030405")
    journal = Journal(layout.journals / "main-1.jsonl", Redactor())
    for number, ended_so in enumerate(outcomes):
        is_error = not isinstance(ended_so, Outcome)
        error = {"type": str(ended_so), "message": f"message {number}; mend it"} if is_error else None
        cell = Cell(f"i-{number}", "gold", 1)
        outcome = ended_so if isinstance(ended_so, Outcome) else Outcome.INFRA
        record = made_record(cell, outcome, variant=Variant("gold", "gold"), error=error, **fields)
        journal.append("started", cell=str(cell), record=record)
        journal.append("record", cell=str(cell), record=record)
    journal.close()
    write_json(layout.folder / "plans" / "one.json", {"instances": 9, "reps": 1, "variants": {"gold": {}}})
    write_json(layout.folder / "selected.json", {"gold": selected or len(outcomes)})
    return layout


def end(root: Path, status: int, **told: Any) -> End:
    return ended(status, Told(root=str(root), **{**TOLD, **told}))


@pytest.mark.parametrize("outcome", [Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT])
def test_wrong_answers_are_answers(tmp_path: Path, outcome: Outcome) -> None:
    write(tmp_path, Outcome.RESOLVED, outcome)
    found = end(tmp_path, FAILED)
    assert (found.code, found.trouble) == (ExitCode.OK, None)
    assert found.as_json()["cells"]["resolved"] == 1


@pytest.mark.parametrize(
    ("types", "code", "told"),
    [
        (("WorkerLost",), ExitCode.GENERAL, "WorkerLost"),
        (("WorkerLost", "ProviderError"), ExitCode.NETWORK, "ProviderError"),
        (("ProviderError", "SandboxLost", "ImageMissing"), ExitCode.DOCKER, "SandboxLost"),
        (("DockerUnavailable", "BudgetExhausted", "ProviderRefused"), ExitCode.RESOURCES, "BudgetExhausted"),
        (("ImageRefused", "OutOfResources"), ExitCode.RESOURCES, "OutOfResources"),
    ],
)
@pytest.mark.parametrize("status", [OK, FAILED])
def test_worst_error_of_the_cells_decides_whatever_pytest_says(
    tmp_path: Path, types: tuple[str, ...], code: ExitCode, told: str, status: int
) -> None:
    write(tmp_path, Outcome.RESOLVED, *types)
    found = end(tmp_path, status)
    assert found.code is code
    assert found.trouble is not None
    assert found.trouble.type == told
    assert f"1 of {len(types) + 1} cells have no answer that counts" in found.trouble.message
    assert found.trouble.way_on == f"to go on: the same command with --resume={RUN_ID}"
    assert len(found.as_json()["broken"]) == len(types)


def test_fault_of_an_arm_is_told_with_its_traceback(tmp_path: Path) -> None:
    layout = write(tmp_path, Outcome.ERROR, Outcome.RESOLVED)
    log = layout.cell_folder(Cell("i-0", "gold", 1)) / "error.attempt1.txt"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(20)))
    trouble = end(tmp_path, FAILED).trouble
    assert trouble is not None
    assert (trouble.log, trouble.tail) == (str(log), tuple(f"line {number}" for number in range(10, 20)))
    assert "i-0/gold/r1: error: no reason given" in trouble.message


def test_selected_cells_that_did_not_run_are_no_success(tmp_path: Path) -> None:
    write(tmp_path, Outcome.RESOLVED, selected=3)
    found = end(tmp_path, OK)
    assert found.code is ExitCode.GENERAL
    assert found.trouble is not None
    assert (found.trouble.type, found.trouble.message) == ("NotRun", "2 of 3 selected cells were not run")


@pytest.mark.parametrize(
    ("status", "told", "code", "kind"),
    [
        (INTERRUPTED, {"interrupt": "KeyboardInterrupt"}, ExitCode.INTERRUPTED, "KeyboardInterrupt"),
        (INTERRUPTED, {"unfinished": True}, ExitCode.INTERRUPTED, "KeyboardInterrupt"),  # by a second Ctrl-C
        (INTERRUPTED, {"interrupt": "stopping after 1 failures"}, ExitCode.GENERAL, "Stopped"),
        (INTERRUPTED, {"stopped": "results cannot be stored: no room"}, ExitCode.RESOURCES, "RecordError"),
        (INTERRUPTED, {"notes": ("the run could not be completed: full",)}, ExitCode.RESOURCES, "RecordError"),
        (OVER_BUDGET, {"notes": ("paid: $1", "stopped by run's cap: $1")}, ExitCode.RESOURCES, "BudgetExhausted"),
        (OVER_BUDGET, {}, ExitCode.RESOURCES, "BudgetExhausted"),
        (FAILED, {"below": ("gold",), "rate": 0.9}, ExitCode.GENERAL, "FailUnder"),
        (FAILED, {"by_status": True, "notes": ("Generated 1/3 patches; stopped",)}, ExitCode.GENERAL, "PytestFailed"),
        (FAILED, {}, ExitCode.GENERAL, "PytestFailed"),  # every cell passed: it was another test
        (INTERNAL, {}, ExitCode.GENERAL, "PytestFailed"),
        (NOTHING, {}, ExitCode.GENERAL, "NothingSelected"),
        (-9, {}, ExitCode.GENERAL, "Killed"),
        (-2, {}, ExitCode.INTERRUPTED, "KeyboardInterrupt"),
        (-15, {}, ExitCode.INTERRUPTED, "KeyboardInterrupt"),
        (OK, {}, ExitCode.OK, None),
    ],
)
def test_what_pytest_says_counts_where_every_cell_has_an_answer(
    tmp_path: Path, status: int, told: dict[str, Any], code: ExitCode, kind: str | None
) -> None:
    write(tmp_path, Outcome.RESOLVED)
    found = end(tmp_path, status, **told)
    assert (found.code, found.trouble and found.trouble.type) == (code, kind)


def test_refusal_before_the_first_cell_has_the_code_of_its_error() -> None:
    refusal = {"type": "DatasetError", "message": "cannot reach\nthe hub; go online", "code": 3}
    found = ended(USAGE, Told(refusal=refusal))
    assert found.code is ExitCode.NETWORK
    assert found.trouble is not None
    assert (found.trouble.message, found.trouble.fix) == ("cannot reach the hub; go online", "go online")
    assert found.as_json() == {"pytest_exit_code": USAGE, "notes": []}


def test_run_that_stopped_before_its_first_cell_is_no_success(tmp_path: Path) -> None:
    found = end(tmp_path, FAILED)
    assert (found.code, found.merged, found.layout) == (ExitCode.GENERAL, None, None)
    assert found.trouble is not None
    assert "the run stopped before its first cell" in found.trouble.message


def test_reading_a_run_writes_nothing(tmp_path: Path) -> None:
    layout = write(tmp_path, Outcome.RESOLVED, "ProviderError")
    before = sorted(tmp_path.rglob("*"))
    merged = read_run(layout)
    assert [record["outcome"] for record in merged.records] == ["resolved", "infra"]
    assert sorted(tmp_path.rglob("*")) == before


def test_only_what_was_asked_last_counts_in_a_resumed_run(tmp_path: Path) -> None:
    layout = write(tmp_path, Outcome.RESOLVED, "ProviderError")
    write_json(layout.folder / "asked.json", {"i-0/gold/r1": 1, "i-1/gold/r1": 2})
    write_json(layout.folder / "selected.json", {"gold": 2})
    merged = read_run(layout)
    assert [record["outcome"] for record in merged.records] == ["resolved"]
    assert merged.not_run == 1


def test_a_run_is_at_work_while_somebody_holds_its_lock(tmp_path: Path) -> None:
    layout = write(tmp_path, Outcome.RESOLVED)
    assert not at_work(layout.folder)
    with (layout.folder / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert at_work(layout.folder)
    assert not at_work(layout.folder)


def test_a_run_is_found_by_id_by_path_and_as_the_latest(tmp_path: Path) -> None:
    folder = write(tmp_path, Outcome.RESOLVED).folder
    assert {run_folder(name, tmp_path) for name in (RUN_ID, str(folder), "latest")} == {folder}
    assert layout_in(folder).run_id == RUN_ID
    with pytest.raises(InputError, match="unknown run 'run-2'; did you mean 'run-1'"):
        run_folder("run-2", tmp_path)
    (tmp_path / "empty" / "journal").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no run: it has no journal"):
        layout_in(run_folder(str(tmp_path / "empty"), tmp_path))


@pytest.mark.parametrize(
    ("status", "exits", "told", "code", "kind"),
    [
        (10, 10, {}, 10, "Regressed"),
        (11, 11, {"interrupt": "KeyboardInterrupt"}, 11, "Inconclusive"),  # so xdist names any worker's stop
        (12, 12, {}, 12, "NotComparable"),
        (13, 13, {"notes": ("stopped by run's cap: $1",)}, 13, "BudgetEnded"),
        (OK, 0, {}, ExitCode.OK, None),  # with cells that are broken or were left out
        (FAILED, 0, {"below": ("gold",), "rate": 0.9}, ExitCode.GENERAL, "FailUnder"),
        (FAILED, 0, {}, ExitCode.GENERAL, "PytestFailed"),
    ],
)
def test_the_verdict_of_a_gate_decides(
    tmp_path: Path, status: int, exits: int, told: dict[str, Any], code: int, kind: str | None
) -> None:
    write(tmp_path, Outcome.RESOLVED, "WorkerLost", selected=5)
    gate = {"verdict": "any", "exit": exits, "words": "gate: any: a drop of 3 points is tolerated"}
    found = end(tmp_path, status, gate=gate, **told)
    assert (found.code, found.trouble and found.trouble.type) == (code, kind)
    assert found.as_json()["gate"] == gate
