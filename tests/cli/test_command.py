"""What is the same for every command, beside its answer for a program, which is in test_json_everywhere.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest

from pytest_swebench.cli.command import cli
from tests.support.lacking import mounted
from tests.support.runs import BARE
from tests.support.screen import film

INSTANCE = "tinyconf__tinyconf-5"
PROGRAM = [sys.executable, "-m", "pytest_swebench"]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {"PYTEST_ADDOPTS": BARE, "DOCKER_HOST": f"unix://{folder}/none.sock"}
    kept = {name: value for name, value in os.environ.items() if name != "OUTPUT_DIR"}
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env={**kept, **own, "TMPDIR": str(folder), "SWEBENCH_CACHE_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def in_json(folder: Path, *arguments: str) -> dict[str, Any]:
    """Return the one object on standard output, which says what the exit code says."""
    done = command(folder, *arguments, "--no-input", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) == {"ok", "exit_code", "error", "result"}
    assert found["exit_code"] == done.returncode
    assert found["ok"] is (done.returncode == 0) is (found["error"] is None)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of one cell."""
    root = tmp_path_factory.mktemp("command")
    asked = ("run", "-d", "demo", "--arms", "gold", "--instances", INSTANCE, "--run-id", "one")
    done = command(root, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def test_list_is_the_result_as_it_is(folder: Path) -> None:
    assert {one["provider"] for one in in_json(folder, "models", "all")["result"]} > {"openai", "anthropic"}


def test_fault_of_ours_is_an_object_too_with_its_traceback_aside(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "results" / "broken" / "journal"
    journal.mkdir(parents=True)
    (journal / "main-1.jsonl").write_text("{}\n")
    (journal.parent / "plans").mkdir()
    (journal.parent / "plans" / "one.json").write_text("[]")  # nobody writes that, so nobody looks for it
    assert in_json(tmp_path, "show")["error"]["type"] == "TypeError"
    plain = command(tmp_path, "show")
    assert plain.returncode == 1
    assert plain.stderr.startswith("Traceback")
    assert plain.stderr.endswith("\nswebench-runner: list indices must be integers or slices, not str\n")


def test_unexpected_error_has_the_same_exit_code_for_people_and_its_traceback_in_the_log(
    folder: Path, tmp_path: Path
) -> None:
    asked = ("export", str(folder / "results" / "one"), "full/out", "--to", "harness", "--variant", "gold")
    with mounted(tmp_path / "full", "1m") as full:
        with (full / "x").open("wb", buffering=0) as rest, suppress(OSError):
            while rest.write(bytes(4096)):
                pass
        assert in_json(tmp_path, *asked)["exit_code"] == 4
        done = command(tmp_path, *asked, "--log-file", "x.log")
    assert done.returncode == 4
    assert "swebench-runner: [Errno 28] No space left on device" in done.stderr
    assert "Traceback (most recent call last):" in (tmp_path / "x.log").read_text()


def test_no_is_an_answer_and_nothing_is_asked_with_no_input(folder: Path) -> None:
    asked = [*PROGRAM, "clean", "--results"]
    env = {**os.environ, "TERM": "xterm", "TMPDIR": str(folder), "OUTPUT_DIR": str(folder / "results")}
    env |= {"DOCKER_HOST": f"unix://{folder}/none.sock", "SWEBENCH_CACHE_DIR": str(folder)}
    env.pop("CI", None)
    seen = film(asked, folder, env, act=lambda lines: "n\n" if "for good?" in " ".join(lines) else None)
    assert (seen.returncode, seen.screen.lines[-1]) == (130, "interrupted")
    silent = film([*asked, "--no-input"], folder, env)
    assert silent.returncode == 1
    assert "nobody is here to ask" in " ".join(silent.screen.lines)
    assert (folder / "results" / "one").is_dir()


def test_dotenv_that_cannot_be_read_keeps_no_command_from_logging(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    done = command(tmp_path, "list-instances", "demo", "--log-file", "x.log")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.log").read_text() == done.stdout


def test_page_tells_every_command_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
    rows = page.partition("| command | does |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])]
    assert sorted(named) == cli.list_commands(click.Context(cli))
