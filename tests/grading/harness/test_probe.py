"""What is installed, and what it accepts: the installed 5.0.x for real, other releases by what they say."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import swebench

from pytest_swebench.errors import InputError
from pytest_swebench.grading.harness import HarnessGrader
from pytest_swebench.grading.harness.call import run_harness
from pytest_swebench.grading.harness.probe import NEEDED, environment, flags_in, probe
from tests.grading.harness.made import fake_python


def test_the_installed_harness_is_known_by_version_and_flags() -> None:
    harness = probe(sys.executable)
    assert harness.version == swebench.__version__
    assert harness.flags >= NEEDED | {"--report_dir"}
    assert not {"--namespace", "--cache_level", "--clean", "--force_rebuild"} & harness.flags
    assert harness.images_come_from_rows


def test_4_1_accepts_what_5_dropped() -> None:
    python = os.environ.get("SWEBENCH_HARNESS_PYTHON_41", "")
    if not python:
        pytest.skip("SWEBENCH_HARNESS_PYTHON_41 names no interpreter that has swebench 4.1")
    harness = probe(python)
    assert harness.version.startswith("4.1.")
    assert harness.flags >= NEEDED | {"--namespace", "--cache_level", "--clean", "--force_rebuild"}
    assert not harness.images_come_from_rows


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_flags_are_read_at_any_width_and_not_out_of_descriptions(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    parser = argparse.ArgumentParser(prog="run_evaluation.py")
    parser.add_argument("-d", "--dataset_name", help="a name; see --nothing for more, --never to stop")
    parser.add_argument("-i", "--instance_ids", nargs="+")
    parser.add_argument("--cache_level", choices=["none", "base", "env", "instance"])
    assert flags_in(parser.format_help()) == {"--help", "--dataset_name", "--instance_ids", "--cache_level"}


@pytest.mark.parametrize(
    ("version", "options", "complaint"),
    [
        ("3.0.17", sorted(NEEDED), "is swebench '3.0.17'; accepted are 4.1.x and 5.x"),
        ("4.10.0", sorted(NEEDED), "is swebench '4.10.0'; accepted are 4.1.x and 5.x"),
        ("5.7.0", sorted(NEEDED - {"--run_id", "--timeout"}), "does not accept --run_id, --timeout"),
    ],
)
def test_a_harness_that_cannot_be_told_what_to_grade_is_refused(
    version: str, options: list[str], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="swebench") as caught:
        probe(fake_python(tmp_path, version, options))
    assert complaint in str(caught.value)


def test_an_interpreter_without_the_harness_is_named_with_the_fix(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    for python, what in ((bare / "bin" / "python", "has no working swebench"), (tmp_path / "gone", "no harness")):
        with pytest.raises(InputError, match=what) as caught:
            HarnessGrader(python=str(python)).check([])
        assert repr(str(python)) in str(caught.value)
        assert "SWEBENCH_HARNESS_PYTHON" in str(caught.value)


def test_the_interpreter_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWEBENCH_HARNESS_PYTHON", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="gone"):
        HarnessGrader().check([])
    assert HarnessGrader(python=sys.executable).harness.version == swebench.__version__


def test_an_env_file_above_a_call_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "project" / "work"
    folder.mkdir(parents=True)
    (tmp_path / "project" / ".env").write_text("SWEBENCH_DOCKER_TIMEOUT=not-a-number\n")
    help_command = [sys.executable, "-m", "swebench.harness.run_evaluation", "--help"]
    unguarded = {name: value for name, value in environment().items() if name != "PYTHON_DOTENV_DISABLED"}
    bitten = subprocess.run(help_command, env=unguarded, cwd=folder, capture_output=True, text=True)
    assert "not-a-number" in bitten.stderr
    assert run_harness(help_command, folder, tmp_path / "log", timeout_s=300).exit_code == 0
