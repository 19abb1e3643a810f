from __future__ import annotations

import pytest

from pytest_swebench.providers.prices import price
from pytest_swebench.providers.protocol import Usage
from pytest_swebench.providers.registry import PROVIDERS

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("usage", "expected_usd"),
    [
        (Usage(input=1000), 3.0 * 1000 / MILLION),
        (Usage(output=1000), 15.0 * 1000 / MILLION),
        (Usage(cache_read=1000), 0.3 * 1000 / MILLION),
        (Usage(cache_write=1000), 3.75 * 1000 / MILLION),
        (Usage(input=1000, output=1000, cache_read=1000, cache_write=1000), 22.05 * 1000 / MILLION),
    ],
)
def test_each_kind_of_token_has_its_own_price(usage: Usage, expected_usd: float) -> None:
    # List prices of the vendor for this model: 3, 15, 0.30 and 3.75 USD a million tokens.
    assert price("anthropic", "claude-sonnet-4-5", usage) == pytest.approx(expected_usd)


def test_unknown_model_or_provider_has_no_price() -> None:
    usage = Usage(input=1000, output=1000)
    assert price("openai", "no-such-model", usage) is None
    assert price("chutes", "no-such-model", usage) is None
    assert price("ollama", "llama3", usage) is None


def test_replay_is_free_whatever_the_model() -> None:
    assert price("replay", "claude-sonnet-4-5", Usage(input=1000)) == 0.0


def test_another_address_does_not_charge_the_named_providers_prices() -> None:
    usage = Usage(input=1000)
    known = price("openai", "gpt-5.1", usage)
    assert known is not None
    assert price("openai", "gpt-5.1", usage, base_url=PROVIDERS["openai"].base_url) == known
    assert price("openai", "gpt-5.1", usage, base_url="http://localhost:8000/v1") is None
