"""`clean` run as people run it, beside real processes and files of the dead and of the living."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.resume import RunLock
from pytest_swebench.redact import Redactor
from pytest_swebench.sandbox.reaper import MARKER, Owner
from tests.cli.conftest import Clean
from tests.support.screen import film

ASKED = [sys.executable, "-m", "pytest_swebench", "clean", "--results"]

LOCAL_RUN = """
import json, os, sys
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.sandbox.local import LocalBackend

LocalBackend().open(Instance.from_json(json.loads(sys.argv[1])))
os.kill(os.getpid(), 9)
"""


def at_a_terminal() -> dict[str, str]:
    """Return this environment as a person's terminal has it."""
    return {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm"}


def test_folders_processes_and_locks_of_the_dead_go(clean: Clean, places: Path) -> None:
    (places / "tree").mkdir()
    (places / "tree" / "a.txt").write_text("a\n")
    source = Source(path=str(places / "tree"))
    local = Instance(problem=Problem(instance_id="a__a-1", statement=""), source=source, trusted=True)
    subprocess.run([sys.executable, "-c", LOCAL_RUN, json.dumps(local.as_json())], check=False)
    (left,) = (places / "tmp").glob("swebench-*")
    mine = places / "tmp" / f"{Owner.current().prefix}x"
    mine.mkdir()
    locks = places / "tmp" / f"pytest-swebench-locks-{os.getuid()}"
    locks.mkdir()
    (locks / "pull-a.lock").touch()
    dead = Owner(socket.gethostname(), os.getpid(), "1")
    with FileLock(locks / "clean-b.lock"):
        looked = clean("--dry-run")
        assert f"would remove folder {left}\n" in looked.stdout
        assert "lock 1" in looked.stdout
        assert "pull-a.lock" not in looked.stdout
        assert left.is_dir()
        # any other run on this machine sweeps it as well
        orphan = subprocess.Popen(["sleep", "600"], env={**os.environ, MARKER: f"{dead.prefix}x"})
        done = clean()
        assert (locks / "clean-b.lock").exists()
    assert done.returncode == 0, done.stderr
    assert "containers and images are left out: no Docker engine answers" in done.stderr
    assert orphan.wait(timeout=10) == -signal.SIGKILL
    assert sorted(path.name for path in (places / "tmp").iterdir()) == sorted([mine.name, locks.name])
    assert not (locks / "pull-a.lock").exists()


def write_run(root: Path, run_id: str) -> Path:
    """Leave a run of one cell, with its log, its journal and its per-variant file."""
    folder = root / run_id
    journal = Journal(folder / "journal" / "main-999999999.jsonl", Redactor(()))
    journal.append("started", cell="a__a-1/gold/r1")
    journal.close()
    cell = folder / "cells" / "a__a-1" / "gold" / "rep1"
    cell.mkdir(parents=True)
    (cell / "test_output.txt").write_text("x" * 5000)
    (cell / "report.json").write_text("{}")
    (root / f"gold_run1_{run_id}.jsonl").write_text(json.dumps({"type": "run_metadata", "run_id": run_id}) + "\n")
    return folder


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


@pytest.fixture
def held() -> Iterator[Callable[[Path], None]]:
    """Hold a run as its processes do."""
    locks: list[RunLock] = []

    def hold(run: Path) -> None:
        locks.append(RunLock(RunLayout(run.parent, run.name, "")))
        locks[-1].join()

    yield hold
    for lock in locks:
        lock.release()


def test_results_of_a_run_at_work_stay_though_it_has_no_journal_of_its_own_yet(
    clean: Clean, places: Path, held: Callable[[Path], None]
) -> None:
    run = write_run(places / "results", "resumed")  # the process that wrote the journal is gone
    held(run)
    done = clean("--results", "--yes", "--run", "resumed")
    assert "run resumed is left out: it is at work" in done.stderr
    assert (run / "cells").is_dir()


def test_run_that_begins_while_a_person_thinks_stays(places: Path, held: Callable[[Path], None]) -> None:
    run = write_run(places / "results", "one")

    def answered(lines: list[str]) -> str | None:
        if "for good?" not in " ".join(lines):
            return None
        held(run)
        return "y\n"

    seen = film(ASKED, places, at_a_terminal(), act=answered)
    assert seen.returncode == 1
    assert "not removed: results " in " ".join(seen.screen.lines)
    assert (run / "cells").is_dir()


@pytest.mark.parametrize("run_id", ["..", "*", "a/b"])
def test_what_is_no_name_of_a_run_is_refused(clean: Clean, places: Path, run_id: str) -> None:
    write_run(places / "results", "one")
    (places / "journal").mkdir()
    done = clean("--results", "--yes", "--run", run_id)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"--run {run_id!r}: may hold letters" in done.stderr
    assert (places / "results" / "one").is_dir()


def test_logs_go_where_they_are_asked_for_and_results_stay(
    clean: Clean, places: Path, held: Callable[[Path], None]
) -> None:
    root = places / "results"
    ended, running = write_run(root, "ended"), write_run(root, "running")
    (root / "notes.jsonl").write_text("no object of ours\n")
    before = names(root)
    assert clean().stdout == "removed: nothing; freed: 0 B\n"
    held(running)
    done = clean("--all")
    assert "removed logs 1 of run ended" in done.stdout
    assert "removed: logs 1; freed: 5.0 kB" in done.stdout
    assert "run running is left out: it is at work" in done.stderr
    assert not list(ended.rglob("test_output.txt"))
    assert (ended / "cells" / "a__a-1" / "gold" / "rep1" / "report.json").exists()
    assert list(running.rglob("test_output.txt"))
    assert names(root) == before


def test_results_go_only_by_name_and_with_consent(clean: Clean, places: Path) -> None:
    root = places / "results"
    for run_id in ("one", "two"):
        write_run(root, run_id)
    (root / "notes.jsonl").write_text("no object of ours\n")
    refused = clean("--results")
    assert refused.returncode == 1
    assert "nobody is here to ask; add --yes" in refused.stderr
    looked = clean("--results", "--dry-run")
    assert "would be removed: results 2; freed: 10." in looked.stdout
    assert len(names(root)) == 5
    for run_id in ("one", "two"):
        (root / f"{run_id}.log").write_text("what pytest printed in a guided run\n")
    assert clean("--results", "--yes", "--run", "one").returncode == 0
    assert names(root) == {"two", "two.log", "gold_run1_two.jsonl", "notes.jsonl"}
    strange = clean("--results", "--yes", "--run", "three")
    assert (strange.returncode, "'three': no such run" in strange.stderr) == (1, True)


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 130, 2)])
def test_a_person_is_asked_before_results_go(places: Path, answer: str, code: int, left: int) -> None:
    write_run(places / "results", "one")
    asking = f"{answer}\n"
    seen = film(ASKED, places, at_a_terminal(), act=lambda lines: asking if "for good?" in " ".join(lines) else None)
    assert seen.returncode == code
    assert any(line.startswith("results ") for line in seen.screen.lines)
    assert len(names(places / "results")) == left


@pytest.mark.parametrize("silent", [{"CI": "true"}, {"TERM": "dumb"}])
def test_nobody_is_asked_where_nobody_is_said_to_be(places: Path, silent: dict[str, str]) -> None:
    write_run(places / "results", "one")
    seen = film(ASKED, places, at_a_terminal() | silent)
    assert seen.returncode == 1
    assert "nobody is here to ask" in " ".join(seen.screen.lines)


def test_datasets_go_where_they_are_asked_for(clean: Clean, places: Path) -> None:
    (places / "cache" / "datasets").mkdir()
    file = places / "cache" / "datasets" / "lite.jsonl"
    file.write_text("x" * 1500)
    clean()
    assert file.exists()
    assert "removed: dataset 1; freed: 1.5 kB" in clean("--datasets").stdout
    assert not file.exists()


def test_what_will_not_go_is_told_and_the_rest_goes(clean: Clean, places: Path) -> None:
    folder = places / "cache" / "datasets"
    (folder / "a-folder.jsonl").mkdir(parents=True)
    (folder / "lite.jsonl").write_text("x" * 1500)
    done = clean("--datasets")
    assert done.returncode == 1
    assert f"not removed: dataset {folder / 'a-folder.jsonl'}: " in done.stderr
    assert "removed: dataset 1; freed: 1.5 kB" in done.stdout
    assert names(folder) == {"a-folder.jsonl"}
