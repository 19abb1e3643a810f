"""`swebench-runner watch` beside runs that are at work, over, cut off or not there, and `run --watch`."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.cli.command import run
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.decision import keep_decision, keep_left
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout, write_json
from pytest_swebench.redact import Redactor
from tests.cli.test_ending import RUN_ID, write
from tests.support.made import made_record
from tests.support.runs import BARE
from tests.support.terminal import Terminal

PROGRAM = [sys.executable, "-m", "pytest_swebench"]
TITLE = "Experiment Progress"
Command = Callable[..., subprocess.CompletedProcess[str]]
InJson = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def command(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `swebench-runner watch` in this process, whose output is no terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def invoke(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        words = ["watch", *arguments, "--output-dir", str(root)]
        return subprocess.CompletedProcess(words, run(words), *capfd.readouterr())

    return invoke


def environment() -> dict[str, str]:
    """Return that of a person at a terminal with colours."""
    unset = ("CI", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "OUTPUT_DIR", "PROVIDER", "MODEL")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return kept | {"TERM": "xterm", "PYTEST_ADDOPTS": BARE}


class Running:
    """A run whose process holds its lock, with one of three cells done and one at work."""

    def __init__(self, root: Path) -> None:
        self.layout = write(root, Outcome.RESOLVED, selected=3)
        self._lock = os.open(self.layout.folder / "run.lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self.put("started", 1)

    def put(self, kind: str, number: int, outcome: Outcome = Outcome.UNRESOLVED) -> None:
        cell = Cell(f"i-{number}", "gold", 1)
        journal = Journal(self.layout.journals / "main-1.jsonl", Redactor())
        journal.append(kind, cell=str(cell), record=made_record(cell, outcome))
        journal.close()

    def end(self) -> None:
        """Complete the files and let the process go."""
        write_json(self.layout.folder / "run.json", {})
        self.die()

    def die(self) -> None:
        if self._lock:
            os.close(self._lock)
            self._lock = 0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    at_work = Running(tmp_path)
    yield at_work
    at_work.die()


def ended(root: Path, *outcomes: Outcome, selected: int = 0) -> RunLayout:
    layout = write(root, *outcomes, selected=selected)
    write_json(layout.folder / "run.json", {})
    return layout


@pytest.fixture
def in_json(command: Command) -> InJson:
    """Run it with --json, and return the exit code and what it printed."""

    def invoke(root: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = command(root, *arguments, "--json")
        return done.returncode, json.loads(done.stdout)

    return invoke


def test_run_at_work_is_shown_once_where_there_is_no_terminal(
    tmp_path: Path, command: Command, running: Running
) -> None:
    done = command(tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(TITLE)
    assert next(line for line in lines if line.startswith("gold")).split()[1:5] == ["1/3", "1/0", "1", "0"]
    assert any(line.startswith("ETA: ") for line in lines)
    assert lines[-1] == f"run {RUN_ID} is at work: 1 of 3 cells are done, 1 at work"
    assert "\x1b" not in done.stdout


def test_state_is_one_object_in_json(tmp_path: Path, in_json: InJson, running: Running) -> None:
    code, found = in_json(tmp_path, str(running.layout.folder))
    result = found["result"]
    assert code == 0
    assert (result["run_id"], result["state"], result["at_work"]) == (RUN_ID, "running", ["i-1/gold/r1"])
    assert (result["selected"], result["done"], result["damaged_lines"]) == (3, 1, 0)
    assert result["eta_seconds"] >= 0
    gold = result["variants"]["gold"]
    assert (gold["resolved"], gold["patched"], gold["pending"], gold["cost_usd"]) == (1, 1, 0, 0.25)
    running.put("record", 1)
    running.end()
    code, found = in_json(tmp_path, RUN_ID)
    assert (code, found["result"]["state"], found["result"]["eta_seconds"]) == (0, "ended_early", None)
    assert found["result"]["elapsed_seconds"] == 2.0


@pytest.mark.parametrize("name", ["latest", RUN_ID, f"./{RUN_ID}"])
def test_run_that_has_no_journal_yet_is_watched_and_no_older_one(
    tmp_path: Path, in_json: InJson, running: Running, name: str
) -> None:
    older = tmp_path / "older" / "journal"
    older.mkdir(parents=True)
    (older / "main-1.jsonl").touch()
    for path in running.layout.journals.iterdir():
        path.unlink()
    running.layout.journals.rmdir()
    code, found = in_json(tmp_path, name)
    result = found["result"]
    assert (code, result["run_id"], result["state"]) == (0, RUN_ID, "running")
    assert (result["selected"], result["done"], result["elapsed_seconds"]) == (3, 0, None)


def test_run_that_is_over_says_how(tmp_path: Path, command: Command) -> None:
    ended(tmp_path, Outcome.RESOLVED, Outcome.UNRESOLVED)
    done = command(tmp_path, RUN_ID)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f"run {RUN_ID} has ended; its summary: swebench-runner show {RUN_ID}",
    )
    ended(tmp_path, selected=5)
    last = command(tmp_path, RUN_ID).stdout.splitlines()[-1]
    assert last == f"run {RUN_ID} ended early: 2 of 5 cells are done; to go on: the same command with --resume={RUN_ID}"


def test_run_that_its_gate_ended_says_so_and_is_no_failure(tmp_path: Path, command: Command, in_json: InJson) -> None:
    layout = ended(tmp_path, Outcome.RESOLVED, selected=5)
    keep_decision(layout, "gate decided: pass, after 1 of 5 instances")
    keep_left(layout, [Cell(f"i-{number}", "gold", 1) for number in range(1, 5)])
    done = command(tmp_path)
    said = "pass, after 1 of 5 instances; 4 cells left out on purpose"
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f"run {RUN_ID} was ended by its gate: {said}; its summary: swebench-runner show {RUN_ID}",
    )
    code, found = in_json(tmp_path)
    assert (code, found["result"]["state"], found["result"]["gate"]) == (0, "ended_by_gate", said)


def test_run_that_died_once_its_gate_was_decided_says_both(tmp_path: Path, command: Command, running: Running) -> None:
    keep_decision(running.layout, "gate decided: pass, after 1 of 3 instances")
    running.die()
    done = command(tmp_path)
    assert done.returncode == 1
    assert "1 was cut off; gate decided: pass, after 1 of 3 instances; go on by" in done.stderr


def test_run_whose_processes_are_gone_is_said_to_be(
    tmp_path: Path, command: Command, in_json: InJson, running: Running
) -> None:
    running.die()
    done = command(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(TITLE)
    assert done.stderr == (
        f"swebench-runner: no process of run {RUN_ID!r} is alive on this machine, and it did not come to its end: "
        f"1 of 3 cells are done, 1 was cut off; go on by the same command with --resume={RUN_ID}\n"
    )
    code, found = in_json(tmp_path)
    assert (code, found["error"]["type"], found["result"]["state"]) == (1, "RunDied", "died")


def test_damaged_lines_are_told(tmp_path: Path, command: Command) -> None:
    layout = write(tmp_path, Outcome.RESOLVED)
    (layout.journals / "gw0-2.jsonl").write_text("no entry\n")
    write_json(layout.folder / "run.json", {})
    assert "damaged lines of the journals, left out: 1" in command(tmp_path).stdout


@pytest.mark.parametrize(
    ("name", "told"), [("latest", "there is no run in"), ("nobody", "unknown run 'nobody'"), (".", "holds no run")]
)
def test_run_that_is_not_there_is_refused(tmp_path: Path, command: Command, name: str, told: str) -> None:
    done = command(tmp_path, name)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_terminal_follows_the_run_to_its_end_and_keeps_the_last_table(tmp_path: Path, running: Running) -> None:
    line = [*PROGRAM, "watch", "--output-dir", str(tmp_path)]
    with Terminal(line, tmp_path, environment()) as terminal:
        terminal.sees(TITLE, "1/3", "ETA: ", "i-1/gold/r1")
        running.put("record", 1)
        running.put("started", 2)
        terminal.sees("2/3", "i-2/gold/r1")
        running.put("record", 2)
        running.end()
        assert terminal.ends() == 0
        lines = terminal.shown.splitlines()
    assert [line.split()[0] for line in lines if line.startswith((TITLE, "gold", "TOTAL"))] == [
        "Experiment",
        "gold",
        "TOTAL",
    ]
    assert next(line for line in lines if line.startswith("gold")).split()[1] == "3/3"
    assert lines[-1] == f"run {RUN_ID} has ended; its summary: swebench-runner show {RUN_ID}"
    assert not [line for line in lines if "ETA" in line or "i-2/gold" in line]
    assert "\x1b[32m" in terminal.raw


def test_ctrl_c_leaves_the_run_alone_and_the_terminal_whole(tmp_path: Path, running: Running) -> None:
    line = [*PROGRAM, "watch", RUN_ID, "--output-dir", str(tmp_path)]
    with Terminal(line, tmp_path, environment() | {"NO_COLOR": "1"}) as terminal:
        terminal.sees(TITLE, "i-1/gold/r1").types("\x03")
        assert terminal.ends() == 130
        lines = terminal.shown.splitlines()
    assert lines[-1] == f"no longer watching; the run goes on: swebench-runner watch {RUN_ID}"
    assert len([line for line in lines if line.startswith(TITLE)]) == 1
    assert "Traceback" not in terminal.raw
    assert "\x1b[3" not in terminal.raw


def test_run_hands_watch_on_to_pytest(tmp_path: Path) -> None:
    words = ["run", "-d", "demo", "--arms", "gold", "--watch", "--show-command"]
    done = subprocess.run([*PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert "--watch" in done.stdout.split()


def test_run_draws_the_table_of_its_child(tmp_path: Path, in_json: InJson) -> None:
    words = ["run", "-d", "demo", "--arms", "gold", "--instances", "tinyconf-5", "--reps", "6", "--watch"]
    with Terminal([*PROGRAM, *words, "--no-preflight"], tmp_path, environment()) as terminal:
        terminal.sees(TITLE, "TOTAL (")
        assert terminal.ends() == 0
        assert TITLE not in terminal.shown
        assert "6 passed" in terminal.shown
    code, found = in_json(tmp_path / "results")
    gold = found["result"]["variants"]["gold"]
    assert (code, found["result"]["state"]) == (0, "ended")
    assert [gold[name] for name in ("done", "patched", "pending", "resolved", "failed", "errors")] == [6, 6, 0, 6, 0, 0]
