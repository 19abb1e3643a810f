"""The walk of benchmarks/newcomer_walk.py at its smallest: its own column, and cells that say why they are empty."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.test_bad_input import ROW

ROOT = Path(__file__).parents[1]
IDS = ("mwaskom__seaborn-3010", "sympy__sympy-24661", "django__django-16642")


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """An environment's folder whose programs run this tree, whatever is installed beside the tests."""
    start = f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)}"
    for name, more in (("python", ""), ("swebench-runner", " -m pytest_swebench")):
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'{start}{more} "$@"\n')
        script.chmod(0o755)
    return tmp_path / "bin" / "python"


def walked(*options: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "SWEBENCH_SHARED_DATA"}
    env |= {"PYTHONPATH": str(ROOT)} | ({"SWEBENCH_SHARED_DATA": str(data)} if data else {})
    command = [sys.executable, str(ROOT / "benchmarks" / "newcomer_walk.py"), "--only", "ours", *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def cells(text: str) -> dict[str, str]:
    rows = [line.strip("| ").split(" | ", 1) for line in text.splitlines() if line.startswith("| ")]
    assert rows[0] == ["moment", "ours"]
    return {name: cell for name, cell in rows[1:]}


def test_own_column_is_filled_by_what_the_command_did(tmp_path: Path, interpreter: Path) -> None:
    (tmp_path / "pypi_rows.jsonl").write_text(
        "".join(f"{json.dumps({**ROW, 'instance_id': name, 'problem_statement': f'Mend {name}.'})}\n" for name in IDS)
    )
    options = ("--moments", "help,unknown-instance", "--keep", str(tmp_path / "kept"), "--ours", str(interpreter))
    done = walked(*options, data=tmp_path)
    assert done.returncode == 0, done.stderr
    found = cells(done.stdout)
    assert list(found) == ["help", "unknown-instance"]
    assert found["help"].startswith("first byte 0.")
    assert found["help"].endswith("rc 0")
    assert "rc 1" in found["unknown-instance"]
    assert "cause yes, fix yes" in found["unknown-instance"]
    (text,) = tmp_path.glob("kept/texts/*unknown-instance*.txt")
    assert "mwaskom__seaborn-9999" in text.read_text()


def test_cell_says_why_a_moment_was_not_walked() -> None:
    done = walked("--moments", "solve")
    assert done.returncode == 0, done.stderr
    assert "SWEBENCH_SHARED_DATA" in cells(done.stdout)["solve"]


def test_unknown_moment_is_refused_with_those_that_are_known() -> None:
    done = walked("--moments", "help,lunch")
    assert done.returncode == 2
    assert "unknown moment 'lunch'; known: help, bare," in done.stderr


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("walk_process").watch


def test_ctrl_c_reaches_what_is_watched_and_its_last_words_are_kept(tmp_path: Path, watch: Any) -> None:
    script = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n    print('up', flush=True); pathlib.Path('up').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('go on with --resume'); raise SystemExit(130)\n"
    )
    seen = watch([sys.executable, "-c", script], tmp_path, os.environ, stop_when=(tmp_path / "up").exists)
    assert seen.code == 130
    assert seen.lines == ["up", "go on with --resume"]
    assert seen.stopped_s is not None
    assert seen.first_s is not None
    assert seen.first_s < seen.seconds
    assert seen.rss_mb > 1


def test_what_never_ends_is_given_up(tmp_path: Path, watch: Any) -> None:
    seen = watch([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, os.environ, most_s=0.5)
    assert (seen.code, seen.stopped_s, seen.lines) == (None, None, [])
