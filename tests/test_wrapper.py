"""`run_experiment.sh` on a fresh clone: from `cp .env.example .env` to its list of outputs, and going on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_swebench.config import SETTINGS
from tests.support.lacking import do_without
from tests.support.llm_server import LLMServer
from tests.support.recorded import RecordedAnswers
from tests.support.runs import BARE

ROOT = Path(__file__).parents[1]
KEY = "sk-canary-0123456789"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the script and its template, beside the packages of this environment."""
    names = {name for row in SETTINGS.values() for name in row.env} | {"EVALUATE", "LLM_API_KEY", "API_KEY"}
    for name in (*names, "OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PYTEST_ADDOPTS", BARE)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("run_experiment.sh", ".env.example"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def started(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "run_experiment.sh"), *arguments],
        cwd=folder.parent,  # wherever one stands
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def written(folder: Path, **values: str) -> None:
    """Do what a person does: copy the template and put values of one's own in."""
    text = (folder / ".env.example").read_text(encoding="utf-8")
    for name, value in values.items():
        text, count = re.subn(rf"^(?:# )?{name}=.*$", lambda _, line=f"{name}={value}": line, text, flags=re.MULTILINE)
        assert count == 1, name
    (folder / ".env").write_text(text, encoding="utf-8")


def demo_at(server: LLMServer) -> dict[str, str]:
    """Settings that let `server` answer for the demo."""
    return {
        "PROVIDER": "openai",
        "BASE_URL": server.openai_url,
        "MODEL": "demo-model",
        "LLM_API_KEY": KEY,
        "ARMS": "singleshot",
        "SWEBENCH_DATASET": "demo",
    }


def test_fresh_clone_ends_with_its_list_of_outputs_and_goes_on(clone: Path) -> None:
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        written(
            clone,
            **demo_at(server),
            MAX_INSTANCES="3",
            OUTPUT_DIR='"out put"  # a blank in a name is no trouble',
        )
        patches = started(clone, "-p", "openai", "--", "--price=0")
        assert patches.returncode == 0, patches.stdout + patches.stderr
        assert answers.asked.total() == 3
        assert f"Loading config from {clone}/.env\n" in patches.stdout
        assert "Running: swebench-runner run --dataset demo --output-dir out\\ put " in patches.stdout
        assert "Output:  out put\n---\n" in patches.stdout
        done = patches.stdout.partition("\nDone. Results in: out put/experiment/\n")[2]
        told = [line.split()[0] for line in done.splitlines() if line.startswith("  ")]
        assert told == [
            *("results.jsonl", "summary.csv", "predictions/", "cells/"),
            *("final_error_analysis_latest.md", "../experiment.log"),
        ]
        for name in told:
            assert (clone / "out put" / "experiment" / name).exists(), name
        assert "captured 3" in patches.stdout
        assert "experiment summary" in (clone / "out put" / "experiment.log").read_text(encoding="utf-8")
        graded = started(clone, "-p", "openai", "--", "--price=0", env={"EVALUATE": "true"})
        assert "Resuming: out put/experiment exists" in graded.stdout
        assert "3 selected: 3 to grade" in graded.stdout
        assert "predictions/" in graded.stdout.partition("Done. Results in:")[2]
        assert "  reports/ " in graded.stdout.partition("Done. Results in:")[2]
        assert (clone / "out put" / "experiment" / "reports" / "index.html").is_file()
        again = started(clone, "-p", "openai", "--", "--price=0", env={"EVALUATE": "true"})
        assert "3 selected: 3 done" in again.stdout
        assert answers.asked.total() == 3
    assert (again.returncode, graded.returncode) == (0, 0), again.stdout + again.stderr
    everything = "".join(one.stdout + one.stderr for one in (patches, graded, again))
    assert KEY not in everything
    holders = [
        path for path in (clone / "out put").rglob("*") if path.is_file() and KEY in path.read_text("utf-8", "replace")
    ]
    assert holders == []


def test_missing_dotenv_tells_how_to_make_one(clone: Path) -> None:
    done = started(clone)
    assert done.returncode == 1
    assert f"  cp {clone}/.env.example {clone}/.env\n" in done.stdout
    assert not (clone / "output").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"PROVIDER": "   # nobody"}, "PROVIDER must be set in .env"),
        ({"LLM_API_KEY": ""}, "LLM_API_KEY must be set in .env: keyring://swebench-runner/openrouter"),
        ({"EVALUATE": "perhaps"}, "EVALUATE 'perhaps': must be true or false"),
    ],
)
def test_what_is_missing_is_named_before_anything_runs(clone: Path, values: dict[str, str], message: str) -> None:
    written(clone, **values)
    done = started(clone)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Running:" not in done.stdout


def test_nothing_in_dotenv_is_executed(clone: Path) -> None:
    written(clone, MODEL='"$(touch stolen)`touch stolen`; touch stolen"', OUTPUT_DIR="$(touch stolen)")
    done = started(clone, "--show-command")
    assert done.returncode == 0
    assert "'--output-dir=$(touch stolen)'" in done.stdout
    assert not list(clone.parent.rglob("stolen"))


def test_broken_run_keeps_its_exit_code_and_lists_nothing(clone: Path) -> None:
    written(clone, PROVIDER="openai", BASE_URL="", LLM_API_KEY=KEY, SWEBENCH_DATASET="demo")
    done = started(clone, "-p", "openai", "--arms", "no_such_arm")
    assert done.returncode == 1
    assert "unknown arm 'no_such_arm'" in done.stdout + done.stderr
    assert "Done." not in done.stdout


def test_folder_of_results_may_be_given(clone: Path) -> None:
    written(
        clone, PROVIDER="ollama", BASE_URL="", ARMS="gold", SWEBENCH_DATASET="demo", MAX_INSTANCES="1", EVALUATE="1"
    )
    done = started(clone, "--output-dir", "else where")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done. Results in: else where/experiment/" in done.stdout
    assert (clone / "else where" / "experiment.log").exists()
    again = started(clone, "--output-dir=else where")
    assert "1 selected: 1 done" in again.stdout
    assert not (clone / "output").exists()


def test_key_of_a_profile_is_a_key(clone: Path) -> None:
    written(clone, PROVIDER="openai", BASE_URL="", LLM_API_KEY="", ARMS="gold", SWEBENCH_DATASET="demo", EVALUATE="1")
    refused = started(clone)
    assert refused.returncode == 1
    assert "LLM_API_KEY must be set in .env: keyring://swebench-runner/openai if the keychain has it" in refused.stderr
    assert "No key of openai: there is no keychain here" in refused.stderr
    mine = {"SWEBENCH_PROFILE": "work", "OPENAI_API_KEY__WORK": KEY, "MAX_INSTANCES": "1"}
    done = started(clone, env=mine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr


def test_provider_of_a_plugin_is_left_to_the_runner(clone: Path) -> None:
    written(clone, PROVIDER="my.own", BASE_URL="", LLM_API_KEY="", SWEBENCH_DATASET="demo")
    done = started(clone)
    assert done.returncode == 1
    assert "Running: swebench-runner run " in done.stdout
    assert "invalid" not in done.stderr


def test_run_is_stopped_with_the_script(clone: Path) -> None:
    with LLMServer(RecordedAnswers(delay_s=1.0)) as server:
        written(clone, **demo_at(server))
        process = subprocess.Popen(
            [str(clone / "run_experiment.sh"), "-p", "openai", "--", "--price=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.requests
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stdout + stderr
    assert "the run was interrupted" in stderr


def test_another_run_may_be_named(clone: Path) -> None:
    written(
        clone, PROVIDER="ollama", BASE_URL="", ARMS="gold", SWEBENCH_DATASET="demo", MAX_INSTANCES="1", EVALUATE="1"
    )
    done = started(clone, "--run-id", "mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done. Results in: output/swe_bench_pro/mine/" in done.stdout


def test_script_is_clean() -> None:
    if shutil.which("shellcheck") is None:
        do_without("shellcheck is not installed")
    found = subprocess.run(["shellcheck", str(ROOT / "run_experiment.sh")], capture_output=True, text=True, check=False)
    assert found.stdout == ""
