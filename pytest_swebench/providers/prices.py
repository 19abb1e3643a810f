"""What calls cost: prices that a person gives, over the offline price list of `genai-prices`.

Money is counted in whole picodollars (10^-12 USD), so that sums are exact. A price that nobody knows is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Final

from pytest_swebench.errors import InputError
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.protocol import Request, Usage
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.providers.tokens import upper_bound

PICO: Final = 10**12
"""Picodollars in a dollar."""

OWN: Final = "--price"
"""What stands in place of a matched model where the person gave the price."""

_MILLION: Final = Decimal(10**6)
_AHEAD: Final = timedelta(hours=1)  # some prices change with the time of day: a call may begin cheap and end dear
_FREE_NAMES: Final = ":free"  # how OpenRouter marks what costs nothing


@dataclass(frozen=True, slots=True)
class Cost:
    """What tokens cost, and the model id in the price list (or `--price`) that says so."""

    pico: int
    matched: str

    @property
    def usd(self) -> float:
        """Return the cost in USD."""
        return self.pico / PICO


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """Prices a person gave, in USD per million tokens. `model` is "" where they hold for every model."""

    model: str
    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def of(self, usage: Usage) -> Decimal:
        """Return the cost of `usage` in USD."""
        return (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        ) / _MILLION


def parse_price(text: str) -> OwnPrice:
    """Read `[MODEL=]IN,OUT[,CACHE_READ[,CACHE_WRITE]]`, or `[MODEL=]0` for what costs nothing. Raises InputError.

    Cached tokens cost as much as other input unless the text says otherwise.
    """
    model, _, amounts = text.rpartition("=")
    try:
        numbers = [Decimal(amount.strip()) for amount in amounts.split(",")]
    except InvalidOperation:
        numbers = []
    sane = all(number.is_finite() and number >= 0 for number in numbers)
    if not sane or not (2 <= len(numbers) <= 4 or numbers == [0]) or text.startswith("="):
        raise InputError(
            f"--price {text!r}: expected [MODEL=]IN,OUT[,CACHE_READ[,CACHE_WRITE]] in USD per million tokens, such as "
            "3,15 or gpt-5.1=1.25,10,0.125; 0 alone means that nothing is charged"
        )
    read_in, written = numbers[0], numbers[1] if len(numbers) > 1 else numbers[0]
    cache_read = numbers[2] if len(numbers) > 2 else read_in
    return OwnPrice(model.strip(), read_in, written, cache_read, numbers[3] if len(numbers) > 3 else read_in)


class Prices:
    """All prices of a run. `texts` are the values of `--price`. Raises InputError for one that cannot be read."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._own: dict[str, OwnPrice] = {}
        for text in texts:
            own = parse_price(text)
            if own.model in self._own:
                raise InputError(f"--price {text!r}: there is a price for {own.model or 'every model'!r} already")
            self._own[own.model] = own

    def at(self, provider_name: str, base_url: str = "") -> Tariff:
        """Return what is charged at an address; "" is the provider's own."""
        return Tariff(self._own, provider_name, base_url)

    def check_known(
        self,
        provider_name: str,
        models: Sequence[str],
        base_url: str = "",
        *,
        max_tokens: int | None = None,
        capped: bool = False,
    ) -> None:
        """Raise InputError for a model whose price nobody knows, unless a cap on tokens alone takes the price's place.

        `capped` says that there are caps on cost, which nothing but a price makes hold.
        """
        tariff = self.at(provider_name, base_url)
        for model in models:
            if (max_tokens is None or capped) and tariff.matched(model) is None:
                instead = "a cap on tokens takes the place of a price only where cost is not capped"
                raise InputError(
                    f"the price of model {model!r} at {_address(provider_name, base_url)} is not known, so no call is "
                    f"made; give it with --price={model}=IN,OUT (USD per million tokens), say --price=0 if the server "
                    f"is your own, or {instead if max_tokens is not None else 'cap the run with --max-tokens=N'}"
                )


class Tariff:
    """What one address charges, by model."""

    def __init__(self, own: dict[str, OwnPrice], provider_name: str, base_url: str) -> None:
        self._own = own
        self._provider = provider_name
        self._base_url = base_url.rstrip("/")

    def cost(self, asked: str, answered: str, usage: Usage) -> Cost | None:
        """Return the cost of a call, or None where its price is unknown.

        A person's own price decides, first that of the model asked for. In the list it is the model that answered,
        or the one asked for if the former is not there.
        """
        own = self._own.get(asked) or self._own.get(answered) or self._own.get("")
        if own is not None:
            return Cost(_pico(own.of(usage)), OWN)
        answer = self._listed(answered, usage)
        return answer if answer is not None or answered == asked else self._listed(asked, usage)

    def usd(self, asked: str, answered: str, usage: Usage) -> float | None:
        """Return the cost of a call in USD, or None where its price is unknown."""
        cost = self.cost(asked, answered, usage)
        return None if cost is None else cost.usd

    def worst(self, request: Request) -> Cost | None:
        """Return the most that one attempt at `request` can cost, or None where its price is unknown.

        All of its input may be charged as plain, as read from a cache or as written to one, whatever is dearest;
        prices that rise with the length of the prompt or the hour are taken at their highest.
        """
        most = upper_bound(request)
        kinds = (Usage(input=most), Usage(cache_read=most), Usage(cache_write=most))
        usages = [kind + Usage(output=request.max_tokens) for kind in kinds]
        own = self._own.get(request.model) or self._own.get("")
        if own is not None:
            return Cost(max(_pico(own.of(usage)) for usage in usages), OWN)
        now = datetime.now(UTC)
        costs = [self._listed(request.model, usage, at) for usage in usages for at in (now, now + _AHEAD)]
        return max((cost for cost in costs if cost is not None), key=lambda cost: cost.pico, default=None)

    def matched(self, model: str) -> str | None:
        """Return the id under which the list files `model`, `--price` for a person's own price, None if unknown.

        The list may know a model by its family only (gpt-5.1-codex under gpt-5.1).
        """
        cost = self.cost(model, model, Usage(input=1, output=1))
        return None if cost is None else cost.matched

    def _listed(self, model: str, usage: Usage, at: datetime | None = None) -> Cost | None:
        known = PROVIDERS.get(self._provider)
        at_home = not self._base_url or (known is not None and self._base_url == known.base_url)
        if self._provider == "replay" or (self._provider == "ollama" and at_home):
            return Cost(0, self._provider)
        from genai_prices import Usage as PricedUsage
        from genai_prices import calc_price

        priced = PricedUsage(
            # The list counts input as all of it and takes the cached part off again.
            input_tokens=usage.input + usage.cache_read + usage.cache_write,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
            output_tokens=usage.output,
        )
        try:
            # Whoever answers at another address does not charge the named provider's prices.
            if at_home:
                found = calc_price(priced, model, provider_id=self._provider, genai_request_timestamp=at)
            else:
                found = calc_price(priced, model, provider_api_url=self._base_url, genai_request_timestamp=at)
        except LookupError:
            return None
        price = found.model_price
        # The list prices some models by the hour or not at all, and then makes their text cost 0.
        if (price.input_mtok is None or price.output_mtok is None) and not model.endswith(_FREE_NAMES):
            return None
        return Cost(_pico(found.total_price), found.model.id)


def price(provider_name: str, model: str, usage: Usage, *, base_url: str = "") -> float | None:
    """Return the cost of `usage` in USD by the list alone, or None where the price is unknown."""
    return Prices().at(provider_name, base_url).usd(model, model, usage)


def as_usd(pico: int) -> str:
    """Return an amount for a person: to the cent, below a cent to its second digit."""
    usd = Decimal(pico) / PICO
    cents = max(2, 1 - usd.adjusted()) if usd else 2
    return f"${usd:,.{cents}f}"


def usd_text(usd: float) -> str:
    """Return `as_usd` of an amount in USD."""
    return as_usd(round(usd * PICO))


def _pico(usd: Decimal) -> int:
    return int((usd * PICO).to_integral_value(rounding=ROUND_CEILING))


def _address(provider_name: str, base_url: str) -> str:
    known = PROVIDERS.get(provider_name)
    return repr(shown(base_url) or (known.base_url if known else provider_name))
