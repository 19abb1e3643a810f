from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.cli.config import results_folder
from pytest_swebench.config import SETTINGS
from tests.support.runs import BARE
from tests.support.settings import write

Show = Callable[..., subprocess.CompletedProcess[str]]
LITERAL = "sk-canary-0123456789"


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Run the command in an empty folder, where no keychain is."""
    names = {name for row in SETTINGS.values() for name in row.env} | {"LLM_API_KEY", "API_KEY", "OPENAI_API_KEY"}
    for name in (*names, "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("PYTEST_ADDOPTS", BARE)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest_swebench", "config", "show", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_every_setting_is_shown_with_its_source_and_no_key_with_its_value(
    show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, yaml="generation: {provider: openrouter}", dotenv=f"MODEL=m-1\nOPENAI_API_KEY={LITERAL}\n")
    monkeypatch.setenv("BASE_URL", "https://me:secret@word@proxy/v1?api_key=secret-query&part=1")
    monkeypatch.setenv("SWEBENCH_MODLE", "m-2")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-environment")
    tmp_path.joinpath("pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --split=dev\nswebench_rpm = 30\n"
    )
    done = show("--json", "--temperatures=0.5")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)["result"]
    assert set(shown["settings"]) == set(SETTINGS)
    assert {name: tuple(row.values()) for name, row in shown["settings"].items() if row["source"] != "default"} == {
        "provider": ("openrouter", ".swebench.yaml:generation.provider"),
        "model": ("m-1", ".env:MODEL"),
        "provider_url": ("https://proxy/v1?api_key=...&part=1", "env:BASE_URL"),
        "split": ("dev", "--split"),
        "rpm": (30, "ini:swebench_rpm"),
        "temperatures": ("0.5", "--temperatures"),
    }
    assert shown["keys"]["openai"] == {"set": True, "source": ".env:OPENAI_API_KEY"}
    assert shown["keys"]["anthropic"] == {"set": True, "source": "env:ANTHROPIC_API_KEY"}
    assert shown["keys"]["openrouter"] == {"set": False, "source": "there is no keychain here"}
    assert "ollama" not in shown["keys"]
    table = show()
    assert table.returncode == 0, table.stderr
    lines = {line.partition("  ")[0].strip(): line.split() for line in table.stdout.splitlines()}
    assert lines["model"] == ["model", "m-1", ".env:MODEL"]
    assert lines["dataset"] == ["dataset", "demo", "default"]
    assert lines["max_cost"] == ["max_cost", "-", "default"]
    assert lines["key of openai"][3:] == ["set", ".env:OPENAI_API_KEY"]
    assert done.stderr.startswith("note: env: 'SWEBENCH_MODLE' is no setting; did you mean 'SWEBENCH_MODEL'?")
    for text in (done.stdout, table.stdout, done.stderr, table.stderr):
        assert not [secret for secret in (LITERAL, "word", "secret-query", "sk-of-environment") if secret in text]


def test_pointer_that_leads_nowhere_is_shown_as_such(show: Show, tmp_path: Path) -> None:
    write(tmp_path, dotenv="OPENAI_API_KEY=keyring://swebench-runner/work\n")
    shown = json.loads(show("--json").stdout)["result"]["keys"]["openai"]
    assert shown["set"] is False
    assert shown["source"].endswith("points to 'keyring://swebench-runner/work': there is no keychain here")


def test_what_would_stop_a_run_is_told_in_one_line(show: Show, tmp_path: Path) -> None:
    done = show("--modle=x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "swebench-runner: pytest does not start here: unrecognized arguments: --modle=x\n"
    done = show("--max-cost=abc")
    wrong = "argument --max-cost: invalid float value: 'abc'"
    assert done.stderr == f"swebench-runner: pytest does not start here: {wrong}\n"
    done = show("-o", "swebench_rpm=fast")
    assert done.stderr == "swebench-runner: ini:swebench_rpm: 'fast' is not a whole number of 1 or more\n"
    write(tmp_path, yaml="generation: {modle: x}")
    done = show()
    assert (done.returncode, done.stdout) == (1, "")
    line = "swebench-runner: .swebench.yaml: generation: unknown key 'modle'; did you mean 'model'? known: "
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_values_are_shown_as_they_would_be_typed(show: Show) -> None:
    done = show("--models=a,b", "--price=1,2", "--price=m=3,4", "--cache")
    lines = {line.partition("  ")[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert [" ".join(lines[name].split()) for name in ("model", "price", "cache", "max_cost")] == [
        "a,b --models",
        "1,2 m=3,4 --price",
        "true --cache",
        "- default",
    ]


def test_folder_of_results_is_the_given_one_else_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    assert results_folder("") == tmp_path / "results"
    write(tmp_path, yaml="experiment: {output_dir: kept}")
    assert results_folder("") == tmp_path / "kept"
    monkeypatch.setenv("OUTPUT_DIR", "/elsewhere")
    assert results_folder("") == Path("/elsewhere")
    assert results_folder("given") == tmp_path / "given"
