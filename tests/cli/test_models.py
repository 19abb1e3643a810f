from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_swebench.cli.models import models
from pytest_swebench.errors import InputError, ProviderRefused
from pytest_swebench.providers.registry import PROVIDERS
from tests.support.asking import KEY
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.settings import write

LISTED = [
    {"id": "org/big", "context_length": 200_000, "pricing": {"prompt": "0.000003", "completion": "0.000015"}},
    {"id": "org/small"},
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty folder with one key in the environment, whatever else is set here."""
    monkeypatch.chdir(tmp_path)
    for spec in PROVIDERS.values():
        for name in (*spec.key_env, "API_KEY", "LLM_API_KEY", "PROVIDER", "BASE_URL"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)


def serving() -> LLMServer:
    return LLMServer([ScriptedAnswer("never asked")], key=KEY, models=LISTED)


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(models, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_table_shows_what_the_list_tells() -> None:
    with serving() as server:
        lines = printed("openrouter", "--provider-url", server.openai_url).splitlines()
    assert [line.split() for line in lines] == [
        ["model", "context", "input", "$/M", "output", "$/M"],
        ["org/big", "200,000", "3", "15"],
        ["org/small", "-", "-", "-"],
    ]


def test_json_holds_the_same() -> None:
    with serving() as server:
        found = json.loads(printed("openrouter", "--provider-url", server.openai_url, "--search", "BIG", "--json"))
    assert found == [{"id": "org/big", "context_tokens": 200_000, "input_usd": 3.0, "output_usd": 15.0}]


def test_search_without_a_match_says_so() -> None:
    with serving() as server:
        assert printed("openrouter", "--provider-url", server.openai_url, "--search", "zzz") == (
            "openrouter: no model matches 'zzz'\n"
        )


def test_endpoint_without_models_says_so() -> None:
    with LLMServer([ScriptedAnswer("")], models=[]) as server:
        assert printed("ollama", "--provider-url", server.openai_url) == "ollama offers no models\n"


def test_without_a_provider_the_known_ones_are_listed_with_their_keys_sources() -> None:
    shown = printed()
    assert [line.split()[0] for line in shown.splitlines()] == ["provider", *PROVIDERS]
    assert "none; set ANTHROPIC_API_KEY" in shown
    assert "env:OPENROUTER_API_KEY" in shown
    assert "not needed" in shown
    assert KEY not in shown
    known = {entry["provider"]: entry["key"] for entry in json.loads(printed("--json"))}
    assert (known["openrouter"], known["openai"]) == ("env:OPENROUTER_API_KEY", "")


@pytest.mark.parametrize("place", ["yaml", "ini"])
def test_provider_and_address_are_those_of_a_run_here(tmp_path: Path, place: str) -> None:
    with serving() as server:
        if place == "yaml":
            write(tmp_path, yaml=f"generation: {{provider: openrouter, base_url: '{server.openai_url}'}}")
        else:
            ini = f"[pytest]\nswebench_provider = openrouter\nswebench_provider_url = {server.openai_url}\n"
            (tmp_path / "pytest.ini").write_text(ini)
        assert printed() == printed("openrouter")
        assert "org/big" in printed()
        assert printed("all").startswith("provider ")
        with pytest.raises(InputError, match="provider 'openai' needs a key"):  # and is not asked at that address
            printed("openai")


def test_recorded_answers_are_no_provider_with_models(tmp_path: Path) -> None:
    write(tmp_path, yaml="generation: {provider: 'replay:answers.jsonl'}")
    assert printed().startswith("provider ")


@pytest.mark.parametrize(
    ("provider", "path", "advice"),
    [("openrouter", "", "should probably end in /v1"), ("anthropic", "/v1", "should probably not end in /v1")],
)
def test_address_that_answers_404_is_told_with_what_it_may_lack(
    provider: str, path: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with serving() as server, pytest.raises(ProviderRefused, match=f"HTTP 404.*; the address {advice}$"):
        printed(provider, "--provider-url", server.anthropic_url + path)


def test_refused_key_is_a_typed_error() -> None:
    with LLMServer([ScriptedAnswer("")], key="another") as server, pytest.raises(ProviderRefused, match="HTTP 401"):
        printed("openrouter", "--provider-url", server.openai_url)
