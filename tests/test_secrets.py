from __future__ import annotations

import pytest

from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.secrets import Key, find_key


@pytest.mark.parametrize(
    ("env", "source"),
    [
        ({"LLM_API_KEY": "a", "API_KEY": "b", "HUGGINGFACE_TOKEN": "c", "HF_TOKEN": "d"}, "env:LLM_API_KEY"),
        ({"API_KEY": "b", "HUGGINGFACE_TOKEN": "c", "HF_TOKEN": "d"}, "env:API_KEY"),
        ({"HUGGINGFACE_TOKEN": "c", "HF_TOKEN": "d"}, "env:HUGGINGFACE_TOKEN"),
        ({"HUGGINGFACE_TOKEN": "  ", "HF_TOKEN": "d"}, "env:HF_TOKEN"),
    ],
)
def test_generic_key_comes_before_the_providers_own(env: dict[str, str], source: str) -> None:
    key = find_key(PROVIDERS["huggingface"], env)
    assert key is not None
    assert key.source == source
    assert key.value == env[source.removeprefix("env:")]


def test_key_of_another_provider_is_not_taken() -> None:
    assert find_key(PROVIDERS["openai"], {"OPENROUTER_API_KEY": "k", "OPENAI_API_KEY": ""}) is None


def test_surrounding_blanks_are_no_part_of_a_key() -> None:
    key = find_key(PROVIDERS["openai"], {"OPENAI_API_KEY": " k \n"})
    assert key is not None
    assert key.value == "k"


def test_key_shows_its_source_but_not_its_value() -> None:
    key = Key("sk-very-secret", "env:OPENAI_API_KEY")
    assert str(key) == "key from env:OPENAI_API_KEY"
    assert "very-secret" not in f"{key!r} {key}"
