"""`swebench-runner show` and `validate` on runs that are whole, at work, or broken."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.manifest import resolve_once
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.results import ResultFiles
from pytest_swebench.records.settle import settle
from tests.cli.test_ending import RUN_ID, write
from tests.support.made import made_instance

PLANS = {"instances": 2, "reps": 1, "variants": {"gold": {"variant": "gold"}}, "manifest": "manifests/m.jsonl"}


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pytest_swebench", *arguments, "--output-dir", str(folder)]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def in_json(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = command(folder, *arguments, "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Results with one settled run of a resolved and an unresolved cell."""
    layout = write(tmp_path, Outcome.RESOLVED, Outcome.UNRESOLVED)
    (layout.folder / "plans" / "one.json").write_text(json.dumps(PLANS))
    resolve_once(layout.folder / "manifests", "m", lambda: [made_instance("i-0"), made_instance("i-1")])
    files = ResultFiles(layout, "")
    settle(files)
    files.close()
    return tmp_path


def test_summary_is_shown_again_and_nothing_changed(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    done = command(root, "show")
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("gold")]
    assert row[:3] == ["gold", "1/2", "50.0%"]
    assert "attempted 2 of 2 cells (100%), graded 2, total cost $0.50" in done.stdout.splitlines()
    assert "unresolved 1:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"all of it: {root / RUN_ID} (")
    assert command(root, "show", RUN_ID).stdout == done.stdout
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_json_holds_every_cell_with_its_reason(root: Path) -> None:
    code, found = in_json(root, "show", RUN_ID)
    assert (code, found["ok"], found["error"]) == (0, True, None)
    told = found["result"]
    assert (told["run_id"], told["folder"], told["running"]) == (RUN_ID, str(root / RUN_ID), 0)
    assert [(one["cell"], one["outcome"]) for one in told["records"]] == [
        ("i-0/gold/r1", "resolved"),
        ("i-1/gold/r1", "unresolved"),
    ]
    assert told["cells"]["selected"] == 2
    assert told["analysis"] == json.loads((root / RUN_ID / "summary.json").read_text())["analysis"]


def test_run_at_work_is_shown_as_far_as_it_is(root: Path) -> None:
    journal = root / RUN_ID / "journal" / "main-1.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    with (root / RUN_ID / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert "still at work: 1 cells" in command(root, "show").stdout
        at_work = command(root, "validate")
    assert at_work.returncode == 1
    assert "the run is still at work" in at_work.stdout
    assert at_work.stderr.endswith("; wait for its end\n")


def test_complete_run_is_said_to_be_one(root: Path) -> None:
    done = command(root, "validate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"run {RUN_ID} is complete: 2 cells, 6 files\n"
    code, found = in_json(root, "validate")
    assert (code, found["result"]["complete"], found["result"]["problems"]) == (0, True, [])


def test_what_a_run_lacks_is_named_and_is_exit_code_1(root: Path) -> None:
    with (root / RUN_ID / "results.jsonl").open("a") as file:
        file.write('{"torn')
    done = command(root, "validate", str(root / RUN_ID))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"torn: {root / RUN_ID / 'results.jsonl'}:3: is not a whole line of JSON",
        f"run {RUN_ID} is not complete (1 torn in files): 2 cells, 6 files",
    ]
    way = f"no cell lacks, so nothing has to be run; swebench-runner merge {root / RUN_ID} makes files anew"
    assert f"run {RUN_ID} is not complete: 1 torn in files; {way}" in done.stderr
    code, found = in_json(root, "validate")
    assert (code, found["error"]["type"]) == (1, "Incomplete")
    assert found["result"]["problems"] == [
        {"lack": "torn", "where": f"{root / RUN_ID / 'results.jsonl'}:3", "what": "is not a whole line of JSON"}
    ]


def test_cells_without_a_record_are_named_in_part_and_counted(tmp_path: Path) -> None:
    layout = write(tmp_path, Outcome.RESOLVED, selected=6)
    plans = PLANS | {"instances": 6}
    (layout.folder / "plans" / "one.json").write_text(json.dumps(plans))
    names = [f"i-{number}" for number in range(6)]
    resolve_once(layout.folder / "manifests", "m", lambda: [made_instance(name) for name in names])
    lines = [line for line in command(tmp_path, "validate").stdout.splitlines() if line.startswith("missing: ")]
    assert [line for line in lines if line.endswith(" no record")] == [
        *(f"missing: i-{number}/gold/r1: has no record" for number in (1, 2, 3)),
        "missing: gold: 2 more of its cells have no record",
    ]


def test_of_a_killed_run_only_what_is_there_is_named_and_cells_apart_from_files(tmp_path: Path) -> None:
    layout = write(tmp_path, Outcome.RESOLVED, selected=2)
    (layout.folder / "plans" / "one.json").write_text(json.dumps(PLANS))
    resolve_once(layout.folder / "manifests", "m", lambda: [made_instance("i-0"), made_instance("i-1")])
    for name in ("results.jsonl", "summary.csv"):
        (layout.folder / name).unlink(missing_ok=True)
    (layout.folder / "cells").mkdir(exist_ok=True)
    assert command(tmp_path, "show").stdout.splitlines()[-2:] == [
        f"swebench-runner merge {layout.folder} makes results.jsonl, summary.csv, predictions/",
        f"all of it: {layout.folder} (cells/)",
    ]
    assert "is not complete: 1 cell missing, 2 missing in files; " in command(tmp_path, "validate").stderr
    merge = [sys.executable, "-m", "pytest_swebench", "merge", str(layout.folder)]
    assert subprocess.run(merge, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == 0
    (line,) = command(tmp_path, "show").stdout.splitlines()[-1:]
    assert line.endswith(" (results.jsonl, summary.csv, predictions/, cells/)")


@pytest.mark.parametrize("verb", ["show", "validate"])
def test_run_that_is_not_there_is_told_with_the_nearest(root: Path, verb: str) -> None:
    code, found = in_json(root, verb, "run-2")
    assert (code, found["result"], found["error"]["type"]) == (1, None, "InputError")
    assert "unknown run 'run-2'; did you mean 'run-1'?" in found["error"]["message"]
