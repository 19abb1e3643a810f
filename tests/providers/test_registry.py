from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.protocol import Provider
from pytest_swebench.providers.registry import PROVIDERS, make_provider
from pytest_swebench.providers.replay import ReplayProvider, write_recordings


def http_provider(spec_text: str, *, base_url: str = "", env: dict[str, str] | None = None) -> HttpProvider:
    provider = make_provider(spec_text, base_url=base_url, env=env or {})
    assert isinstance(provider, HttpProvider)
    return provider


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_known_provider_is_made_with_the_generic_key(name: str) -> None:
    provider = http_provider(name, env={"LLM_API_KEY": "k"})
    assert (provider.name, provider.base_url) == (name, PROVIDERS[name].base_url)


@pytest.mark.parametrize("name", [name for name, spec in PROVIDERS.items() if spec.needs_key])
def test_missing_key_names_the_variables_and_the_ways_out(name: str) -> None:
    with pytest.raises(InputError) as caught:
        make_provider(name, env={})
    for word in (*PROVIDERS[name].key_env, "LLM_API_KEY", "ollama", "replay:PATH"):
        assert word in str(caught.value)


def test_local_and_self_hosted_endpoints_need_no_key() -> None:
    assert http_provider("ollama").base_url == "http://localhost:11434/v1"
    assert http_provider("openai", base_url="http://localhost:8000/v1/").base_url == "http://localhost:8000/v1"


def test_anthropic_needs_a_key_at_any_address() -> None:
    with pytest.raises(InputError, match="ANTHROPIC_API_KEY"):
        make_provider("anthropic", base_url="http://localhost:8000", env={})


def test_unknown_provider_offers_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"unknown provider 'antropic'; did you mean 'anthropic'\?"):
        make_provider("antropic", env={})


def test_address_without_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"'localhost:8000' must start with http://"):
        make_provider("openai", base_url="localhost:8000", env={})


def test_replay_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    write_recordings(path, [])
    assert isinstance(make_provider(f"replay:{path}", env={}), ReplayProvider)
    with pytest.raises(InputError, match="names no file"):
        make_provider("replay:", env={})
    with pytest.raises(InputError, match=r"cannot read recordings from .*absent"):
        make_provider(f"replay:{tmp_path / 'absent'}", env={})


def test_provider_of_a_plugin_is_made_by_its_own_factory(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    write_recordings(path, [])

    def inhouse() -> Provider:
        return ReplayProvider(path)

    made = make_provider("inhouse", env={}, extra={"inhouse": inhouse})
    assert isinstance(made, ReplayProvider)
    assert made.path == path
    with pytest.raises(InputError, match="takes no base URL"):
        make_provider("inhouse", base_url="http://localhost", env={}, extra={"inhouse": inhouse})
    with pytest.raises(InputError, match=r"known: .*inhouse"):
        make_provider("outhouse-x", env={}, extra={"inhouse": inhouse})


def test_password_in_an_address_is_not_shown() -> None:
    provider = http_provider(
        "openai", base_url="https://alice:hunter2@models.example/v1", env={"LLM_API_KEY": "topsecret"}
    )
    assert "models.example" in repr(provider)
    assert "hunter2" not in repr(provider)
    assert "topsecret" not in repr(provider)


def test_making_providers_imports_no_sdk() -> None:
    script = (
        "import sys\n"
        "from pytest_swebench.providers.registry import PROVIDERS, make_provider\n"
        "import pytest_swebench.providers.meter\n"
        "for name in PROVIDERS: make_provider(name, env={'LLM_API_KEY': 'k'})\n"
        "heavy = {'anthropic', 'openai', 'httpx2', 'genai_prices'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
