from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.checks import Cause, Check, State
from pytest_swebench.checks.configuration import provider_checks, read_settings

CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


def of_provider(folder: Path, **env: str) -> dict[str, Check]:
    checks, settings = read_settings(env, folder)
    assert settings is not None, checks
    found = {check.name: check for check in provider_checks(settings, env)}
    assert CANARY not in repr(found)
    return found


def test_settings_are_counted(tmp_path: Path) -> None:
    ((check,), settings) = read_settings({"MODEL": "m"}, tmp_path)
    assert check.state is State.OK
    assert check.detail.startswith("1 set in ")
    assert settings is not None


def test_settings_are_those_of_a_run_here(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nswebench_provider = ollama\naddopts = --model=llama\n")
    assert of_provider(tmp_path)["provider"].detail == "ollama, from ini:swebench_provider"
    (tmp_path / "pytest.ini").write_text("[pytest]\nswebench_max_workers = many\n")
    ((check,), settings) = read_settings({}, tmp_path)
    assert settings is None
    assert "ini:swebench_max_workers: 'many' is not a whole number" in check.detail


def test_misspelt_name_is_a_warning(tmp_path: Path) -> None:
    ((check,), _) = read_settings({"SWEBENCH_MAX_COTS": "1"}, tmp_path)
    assert (check.state, check.cause) == (State.WARN, Cause.CONFIGURATION)
    assert "SWEBENCH_MAX_COST" in check.detail


@pytest.mark.parametrize(
    ("env", "yaml", "words"),
    [
        ({"SWEBENCH_MAX_WORKERS": "many"}, "", "'many'"),
        ({"SWEBENCH_DOCKER_NAMESPACE": "https://x"}, "", "'https://x'"),
        ({}, "generation: {modle: x}", "modle"),
    ],
)
def test_what_cannot_be_meant_fails(tmp_path: Path, env: dict[str, str], yaml: str, words: str) -> None:
    if yaml:
        (tmp_path / ".swebench.yaml").write_text(yaml)
    ((check,), settings) = read_settings(env, tmp_path)
    assert settings is None
    assert (check.state, check.cause) == (State.FAIL, Cause.CONFIGURATION)
    assert words in check.detail


def test_without_a_provider_there_is_a_warning_alone(tmp_path: Path) -> None:
    found = of_provider(tmp_path)
    assert {name: check.state for name, check in found.items()} == {"provider": State.WARN}


def test_provider_with_all_it_needs_is_fine(tmp_path: Path) -> None:
    found = of_provider(tmp_path, PROVIDER="openai", MODEL="gpt-5", OPENAI_API_KEY=CANARY)
    assert {check.state for check in found.values()} == {State.OK}
    assert found["key"].detail == "there, from env:OPENAI_API_KEY"


def test_missing_key_and_model_are_told_with_the_fix(tmp_path: Path) -> None:
    found = of_provider(tmp_path, PROVIDER="openai")
    assert found["model"].state is State.WARN
    assert "swebench-runner models openai" in found["model"].fix
    assert (found["key"].state, found["key"].cause) == (State.FAIL, Cause.CONFIGURATION)
    assert "OPENAI_API_KEY" in found["key"].fix


def test_server_of_ones_own_may_do_without_a_key(tmp_path: Path) -> None:
    found = of_provider(tmp_path, PROVIDER="openai", MODEL="m", BASE_URL="http://localhost:1/v1")
    assert found["key"].state is State.WARN


def test_key_in_a_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={CANARY}\n")
    found = of_provider(tmp_path, PROVIDER="openai", MODEL="m")
    assert found["key"].state is State.WARN
    assert ".env:OPENAI_API_KEY" in found["key"].detail


def test_pointer_that_leads_nowhere_fails(tmp_path: Path) -> None:
    found = of_provider(tmp_path, PROVIDER="openai", MODEL="m", OPENAI_API_KEY="keyring://elsewhere/openai")
    assert found["key"].state is State.FAIL
    assert "keyring://swebench-runner" in found["key"].detail


def test_providers_without_a_key_need_none(tmp_path: Path) -> None:
    assert of_provider(tmp_path, PROVIDER="ollama", MODEL="m")["key"].detail == "ollama needs none"
    assert "key" not in of_provider(tmp_path, PROVIDER="replay:x.jsonl", MODEL="m")
