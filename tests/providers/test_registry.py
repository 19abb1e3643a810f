from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.errors import BudgetExhausted, InputError, ReplayMiss
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.protocol import Provider
from pytest_swebench.providers.registry import PROVIDERS, ProviderSpec, make_provider
from pytest_swebench.providers.replay import ReplayProvider, write_recordings
from pytest_swebench.secrets import Key
from tests.support.asking import FINE, QUESTION, NotingGate
from tests.support.llm_server import LLMServer, Status


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


def test_refused_address_shows_no_password() -> None:
    with pytest.raises(InputError, match="'ftp://host' must start with") as refused:
        make_provider("openai", base_url="ftp://me:secret@host", env={})
    assert "secret" not in str(refused.value)


def test_address_without_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"'localhost:8000' must start with http://"):
        make_provider("openai", base_url="localhost:8000", env={})


@pytest.mark.parametrize("value", ["sk-1234\nsk-5678", "“sk-1234”", "sk 1234", "sk-12\x0034"])
def test_key_that_was_pasted_badly_is_refused_by_its_source(value: str) -> None:
    with pytest.raises(InputError, match=r"the key from env:OPENAI_API_KEY holds blanks .*; paste it again") as caught:
        make_provider("openai", env={"OPENAI_API_KEY": value})
    assert "1234" not in str(caught.value)


def test_key_may_come_from_elsewhere() -> None:
    asked: list[str] = []

    def find(spec: ProviderSpec) -> Key:
        asked.append(spec.name)
        return Key("from-the-keychain", f"keychain:{spec.name}")

    with LLMServer([FINE], key="from-the-keychain") as server:
        provider = make_provider("openai", base_url=server.openai_url, env={}, find_key=find)
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        provider.close()
    assert asked == ["openai"]


def test_endpoint_passes_the_gate_and_tells_of_waits() -> None:
    gate, waits = NotingGate(), list[tuple[float, str]]()
    with LLMServer([Status(429), FINE]) as server:
        provider = make_provider(
            "openai",
            base_url=server.openai_url,
            env={},
            gate=gate,
            on_wait=lambda wait_s, reason: waits.append((wait_s, reason)),
        )
        assert provider.complete(QUESTION, timeout_s=30).text == "Because."
        provider.close()
    assert gate.notes == ["enter", "limits 429", "failed", "enter", "limits 200", "answered"]
    assert "HTTP 429" in waits[0][1]


def test_recorded_answers_need_no_gate(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    write_recordings(path, [])
    gate = NotingGate()
    with pytest.raises(ReplayMiss):
        make_provider(f"replay:{path}", env={}, gate=gate).complete(QUESTION, timeout_s=30)
    assert gate.timeouts_s == []


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

    gate = NotingGate(refusals=[BudgetExhausted("run", "cap of the run")])
    made = make_provider("inhouse", env={}, extra={"inhouse": inhouse}, gate=gate)
    assert made.name == "replay"
    with pytest.raises(BudgetExhausted):
        made.complete(QUESTION, timeout_s=30)
    with pytest.raises(ReplayMiss):
        made.complete(QUESTION, timeout_s=30)
    assert gate.notes == ["enter", "failed"]
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
        "import pytest_swebench.providers.meter, pytest_swebench.providers.catalog, pytest_swebench.cli.models\n"
        "for name in PROVIDERS: make_provider(name, env={'LLM_API_KEY': 'k'})\n"
        "heavy = {'anthropic', 'openai', 'httpx2', 'genai_prices', 'tenacity', 'jsonschema'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
