from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.providers.prices import OWN, PICO, Cost, OwnPrice, Prices, as_usd, parse_price, price
from pytest_swebench.providers.protocol import Message, Request, Usage
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.providers.tokens import upper_bound

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
    assert price("ollama", "llama3", usage, base_url="http://elsewhere:11434/v1") is None


def test_models_served_on_this_machine_by_ollama_are_free() -> None:
    assert price("ollama", "llama3", Usage(input=1000)) == 0.0
    assert price("ollama", "llama3", Usage(input=1000), base_url=PROVIDERS["ollama"].base_url) == 0.0


def test_replay_is_free_whatever_the_model() -> None:
    assert price("replay", "claude-sonnet-4-5", Usage(input=1000)) == 0.0


def test_another_address_does_not_charge_the_named_providers_prices() -> None:
    usage = Usage(input=1000)
    known = price("openai", "gpt-5.1", usage)
    assert known is not None
    assert price("openai", "gpt-5.1", usage, base_url=PROVIDERS["openai"].base_url) == known
    assert price("openai", "gpt-5.1", usage, base_url="http://localhost:8000/v1") is None


@pytest.mark.parametrize(
    ("text", "model", "amounts"),
    [
        ("3,15", "", ("3", "15", "3", "3")),
        ("0", "", ("0", "0", "0", "0")),
        ("m=0", "m", ("0", "0", "0", "0")),
        ("gpt-5.1=1.25, 10,0.125", "gpt-5.1", ("1.25", "10", "0.125", "1.25")),
        ("org/model:tag=1,2,3,4", "org/model:tag", ("1", "2", "3", "4")),
        ("a=b=1,2", "a=b", ("1", "2", "1", "1")),
    ],
)
def test_a_price_of_ones_own_is_read(text: str, model: str, amounts: tuple[str, ...]) -> None:
    assert parse_price(text) == OwnPrice(model, *map(Decimal, amounts))


@pytest.mark.parametrize(
    "text", ["", "3", "m=", "=1,2", "1,2,3,4,5", "1,-2", "one,two", "1,nan", "inf,1", "1,,2", "$3,$15", "m"]
)
def test_a_price_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"--price .*expected \[MODEL=\]IN,OUT.*3,15"):
        Prices([text])


def test_two_prices_for_the_same_model_are_refused() -> None:
    with pytest.raises(InputError, match="--price 'm=3,4': there is a price for 'm' already"):
        Prices(["m=1,2", "m=3,4"])
    with pytest.raises(InputError, match="'every model' already"):
        Prices(["1,2", "0"])


def test_ones_own_price_of_the_asked_model_decides() -> None:
    usage = Usage(input=100, output=10, cache_read=1000, cache_write=10_000)
    tariff = Prices(["asked=1,2,3,4", "answered=5,5", "7,7"]).at("anthropic")
    assert tariff.cost("asked", "answered", usage) == Cost((100 + 20 + 3000 + 40_000) * PICO // MILLION, OWN)
    assert tariff.usd("dated-asked", "answered", usage) == pytest.approx(5 * 11_110 / MILLION)
    assert tariff.usd("claude-sonnet-4-5", "claude-sonnet-4-5", usage) == pytest.approx(7 * 11_110 / MILLION)


def test_the_model_that_answered_is_charged_if_the_list_knows_it() -> None:
    tariff = Prices().at("anthropic")
    million = Usage(output=MILLION)
    assert tariff.usd("claude-sonnet-4-5", "claude-haiku-4-5", million) == pytest.approx(5.0)
    assert tariff.usd("claude-sonnet-4-5", "never-heard-of", million) == pytest.approx(15.0)
    assert tariff.usd("never-heard-of", "claude-sonnet-4-5", million) == pytest.approx(15.0)
    assert tariff.usd("never-heard-of", "nor-of-this", million) is None


def test_the_id_under_which_the_list_files_a_model_shows() -> None:
    assert Prices().at("openai").matched("gpt-5.1-codex") == "gpt-5.1"
    assert Prices(["gpt-5.1-codex=1,2"]).at("openai").matched("gpt-5.1-codex") == OWN
    assert Prices().at("openai").matched("no-such-model") is None


@pytest.mark.parametrize(("provider", "model"), [("openai", "whisper-1"), ("openai", "text-embedding-3-small")])
def test_a_model_whose_text_the_list_does_not_price_is_unknown(provider: str, model: str) -> None:
    assert Prices().at(provider).matched(model) is None


def test_a_model_that_is_marked_free_is_free() -> None:
    cost = Prices().at("openrouter").cost(*["deepseek/deepseek-chat-v3-0324:free"] * 2, Usage(input=MILLION))
    assert cost == Cost(0, "deepseek/deepseek-chat-v3-0324:free")


def request(model: str, size: int = 10, max_tokens: int = 1000) -> Request:
    return Request(model=model, messages=(Message("user", "x" * size),), max_tokens=max_tokens)


def test_the_worst_case_takes_input_at_its_dearest() -> None:
    # 3.75 for input written to a cache, 15 for output
    asked = request("claude-sonnet-4-5")
    worst = Prices().at("anthropic").worst(asked)
    assert worst is not None
    assert worst.usd == pytest.approx((3.75 * upper_bound(asked) + 15 * 1000) / MILLION)


def test_the_worst_case_covers_prices_of_long_prompts() -> None:
    # beyond 200,000 tokens: 7.50 for input written to a cache, 22.50 for output
    asked = request("claude-sonnet-4-5", size=300_000)
    worst = Prices().at("anthropic").worst(asked)
    assert worst is not None
    assert worst.usd == pytest.approx((7.5 * upper_bound(asked) + 22.5 * 1000) / MILLION)


@pytest.mark.parametrize("text", ["1,2,9,3", "1,2,3,9", "9,2,1,3"])
def test_the_worst_case_by_ones_own_price_takes_the_dearest_input_too(text: str) -> None:
    asked = request("m")
    worst = Prices([text]).at("openai").worst(asked)
    assert worst is not None
    assert worst == Cost((9 * upper_bound(asked) + 2000) * PICO // MILLION, OWN)


def test_there_is_no_worst_case_without_a_price() -> None:
    assert Prices().at("openai").worst(request("no-such-model")) is None
    assert Prices().at("replay").worst(request("no-such-model")) == Cost(0, "replay")


def test_a_model_of_unknown_price_is_refused_with_three_ways_out() -> None:
    prices = Prices(["mine=0"])
    prices.check_known("openai", ["gpt-5.1", "mine"])
    prices.check_known("ollama", ["llama3"])
    prices.check_known("openai", ["gpt-5.1", "other"], max_tokens=100)
    with pytest.raises(InputError) as refused:
        prices.check_known("openai", ["gpt-5.1", "other"])
    message = str(refused.value)
    for part in ("'other'", "'https://api.openai.com/v1'", "--price=other=IN,OUT", "--price=0", "--max-tokens=N"):
        assert part in message
    with pytest.raises(InputError, match=r"'gpt-5\.1' at 'http://localhost:8000/v1'"):
        prices.check_known("openai", ["gpt-5.1"], "http://localhost:8000/v1")
    with pytest.raises(InputError, match="'m' at 'somebodys'"):
        prices.check_known("somebodys", ["m"])


def test_a_cap_on_tokens_is_no_price_where_cost_is_capped() -> None:
    prices = Prices(["mine=1,2"])
    prices.check_known("openai", ["gpt-5.1", "mine"], max_tokens=100, capped=True)
    with pytest.raises(InputError, match=r"'other' .* takes the place of a price only where cost is not capped"):
        prices.check_known("openai", ["other"], max_tokens=100, capped=True)
    with pytest.raises(InputError, match="cap the run with --max-tokens=N"):
        prices.check_known("openai", ["other"], capped=True)


def test_a_refusal_shows_no_password() -> None:
    with pytest.raises(InputError, match="'m' at 'http://localhost/v1'"):
        Prices().check_known("openai", ["m"], "http://me:secret@localhost/v1")


@pytest.mark.parametrize(
    ("usd", "text"),
    [("0", "$0.00"), ("0.0000123", "$0.000012"), ("0.0421", "$0.042"), ("0.5", "$0.50"), ("1234.567", "$1,234.57")],
)
def test_an_amount_is_told_as_a_person_reads_it(usd: str, text: str) -> None:
    assert as_usd(int(Decimal(usd) * PICO)) == text
