"""The command run as people run it; the datasets are small git repositories that need no container."""

from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_swebench.cli.validate_env import render
from pytest_swebench.grading.selfcheck import Report, Row, State
from pytest_swebench.records.flakes import Ledger
from tests.support.calc import FIX, WRONG, write_calc
from tests.support.runs import BARE

TESTS = """\
import time
from pathlib import Path

from calc import add


def test_add():
    assert add(1, 2) == 3


def test_zero():
    assert add(1, 0) == 1


def test_turn():
    count = Path({count!r})
    count.open("a").write("x")
    assert add(1, 2) == 3 and len(count.read_text()) % 2


def test_endless():
    time.sleep(600)
"""
TASKS = {  # id -> which tests decide, and the known answer
    "acme__good-1": ("test_add", FIX),
    "acme__wrong-2": ("test_add", WRONG),
    "acme__free-3": ("test_zero", FIX),
    "acme__turns-4": ("test_turn", FIX),
    "acme__endless-5": ("test_endless", FIX),
}


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if name != "OUTPUT_DIR"}
    env["PYTEST_ADDOPTS"] = f"{BARE} -p no:cacheprovider"
    command = [sys.executable, "-m", "pytest_swebench", "validate-env", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=env, text=True, start_new_session=True, **pipes)


def validate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = started(folder, *arguments)
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Write `tasks.jsonl` beside the repository of its tasks."""
    repo = Path(write_calc(tmp_path / "calc").path)
    (repo / "test_calc.py").write_text(TESTS.format(count=str(tmp_path / "count")))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "base"]):
        subprocess.run([*git, *arguments], cwd=repo, check=True)
    rows = [
        {
            "task_id": task_id,
            "repo": "calc",
            "ref": "",
            "pytest_k": pytest_k,
            "patch_b64": base64.b64encode(patch.encode()).decode(),
            "trusted": True,
            "timeouts": {"test": 600, "clone": 60},
        }
        for task_id, (pytest_k, patch) in TASKS.items()
    ]
    file = tmp_path / "tasks.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def table(output: str) -> list[str]:
    """Return the lines of the report, which ends what is printed."""
    lines = output.splitlines()
    return lines[max(number for number, line in enumerate(lines) if line.startswith("instance ")) :]


def test_every_kind_of_unfit_instance_is_told_from_a_good_one(tasks: Path) -> None:
    done = validate(tasks.parent, "tasks.jsonl", "--self-check=2", "-n", "2", "--instances=good,wrong,free,turns")
    heading, *rows, total = table(done.stdout)
    assert heading.split() == ["instance", "gold", "null", "flaky", "tests", "network", "seconds", "verdict"]
    found = {row.split()[0]: row.split(maxsplit=6) for row in rows}
    assert {name: (row[1], row[2], row[6]) for name, row in found.items()} == {
        "acme__good-1": ("2/2", "unresolved", "ok"),
        "acme__wrong-2": ("0/2", "unresolved", "broken: gold fails always (0 of 2): test_exit_code_1"),
        "acme__free-3": ("2/2", "resolved", "broken: null resolves (1 of 1)"),
        "acme__turns-4": ("1/2", "unresolved", "flaky: gold fails sometimes (1 of 2 resolved): test_exit_code_1"),
    }, done.stdout + done.stderr
    assert total == "1 of 4 instances are ok"
    assert done.returncode == 1
    ledgers = {
        path.name.partition("@")[0]: json.loads(path.read_text())["selfcheck"]
        for path in (tasks.parent / "results" / "instances").glob("*.json")
    }
    assert {name: (one["gold"], one["gold_resolved"], one["null_resolved"]) for name, one in ledgers.items()} == {
        "acme__good-1": (2, 2, 0),
        "acme__wrong-2": (2, 0, 0),
        "acme__free-3": (2, 2, 1),
        "acme__turns-4": (2, 1, 0),
    }


def test_fit_instances_end_in_exit_code_0_and_earlier_faults_are_not_forgotten(tasks: Path) -> None:
    chosen = ("tasks.jsonl", "--output-dir", "kept", "--instances", "good,turns")
    first = validate(tasks.parent, *chosen)
    assert (first.returncode, table(first.stdout)[-1]) == (0, "2 of 2 instances are ok"), first.stdout + first.stderr
    again = validate(tasks.parent, *chosen, "--self-check=2")
    assert table(again.stdout)[-1] == "1 of 2 instances are ok"
    assert again.returncode == 1
    assert len(list((tasks.parent / "kept").glob("self-check-*/results.jsonl"))) == 2


def test_a_named_run_is_gone_on_with(tasks: Path) -> None:
    chosen = ("tasks.jsonl", "--instances", "good", "--run-id", "mine")
    first, again = validate(tasks.parent, *chosen), validate(tasks.parent, *chosen)
    assert table(first.stdout)[1:] == table(again.stdout)[1:]
    lines = (tasks.parent / "results" / "mine" / "results.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["variant"] for line in lines) == ["gold", "null"]


def test_a_check_that_is_interrupted_tells_what_it_has(tasks: Path) -> None:
    process = started(tasks.parent, "tasks.jsonl", "--instances=endless", "--run-id=mine")
    log = tasks.parent / "results" / "mine" / "cells" / "acme__endless-5" / "gold" / "rep1" / "test_output.txt.part"
    deadline = time.monotonic() + 60
    while not (log.exists() and b"Start Test Output" in log.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stdout + stderr
    assert "KeyboardInterrupt" in stdout
    assert stderr.endswith("\nto go on: the same command with --run-id=mine\n")
    (row,) = table(stdout)[1:-1]
    assert row.split()[:3] == ["acme__endless-5", "0/0", "-"]
    assert "unchecked: " in row
    assert '"null"' not in (tasks.parent / "results" / "mine" / "results.jsonl").read_text()


def test_the_commands_are_shown_and_not_run(tmp_path: Path) -> None:
    options = ("--language=python", "--max-instances=3", "-n", "2", "--run-id=mine", "--sandbox-profile=official")
    done = validate(tmp_path, "lite", "--self-check=3", "--show-command", *options)
    gold, null = (shlex.split(line) for line in done.stdout.splitlines())
    assert gold[:3] == null[:3] == ["pytest", "-m", "experiment"]
    assert {"--arms=gold", "--count=3"} <= set(gold)
    assert {"--arms=null", "--count=1"} <= set(null)
    shared = {"--dataset=lite", "--language=python", "--max-instances=3", "-n2", "--run-id=mine"}
    shared |= {"--outcome=capture", f"--output-dir={tmp_path / 'results'}", "--sandbox-profile=official"}
    assert shared <= set(gold) & set(null)
    assert not (tmp_path / "results").exists()
    assert done.returncode == 0


def test_a_dataset_that_is_none_is_told(tmp_path: Path) -> None:
    done = validate(tmp_path, "nothing.jsonl")
    assert "no such dataset file or folder" in done.stderr.splitlines()[-1]
    assert done.returncode == 1


def test_a_report_is_aligned_and_shows_what_is_not_known() -> None:
    ledger = Ledger(gold=3, gold_resolved=2, tests={"a": [2, 3], "b": [1, 3]})
    row = Row(
        instance_id="a__a-1",
        run=Ledger(),
        ledger=ledger,
        network="",
        seconds=0.0,
        state=State.UNCHECKED,
        reason="no record of gold and null",
    )
    assert render(Report([row])).splitlines() == [
        "instance  gold  null  flaky tests  network  seconds  verdict",
        "a__a-1    0/0   -     2            -        0.0      unchecked: no record of gold and null",
        "0 of 1 instances are ok",
    ]
