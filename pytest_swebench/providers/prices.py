"""What a call costs, from the offline price list of `genai-prices`."""

from __future__ import annotations

from pytest_swebench.providers.protocol import Usage
from pytest_swebench.providers.registry import PROVIDERS


def price(provider_name: str, model: str, usage: Usage, *, base_url: str = "") -> float | None:
    """Return the cost of `usage` in USD, or None where the price is unknown; recorded answers cost 0.

    With a `base_url` other than the provider's own, the list is asked for that address: whoever answers there does
    not charge the named provider's prices. The list may file a model under its family (gpt-5.1-codex under
    gpt-5.1). Loading it takes more than a second, once.
    """
    if provider_name == "replay":
        return 0.0
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    known = PROVIDERS.get(provider_name)
    own_address = not base_url or (known is not None and base_url.rstrip("/") == known.base_url)
    priced = PricedUsage(
        # The list counts input as all of it and takes the cached part off again.
        input_tokens=usage.input + usage.cache_read + usage.cache_write,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output,
    )
    try:
        if own_address:
            return float(calc_price(priced, model, provider_id=provider_name).total_price)
        return float(calc_price(priced, model, provider_api_url=base_url).total_price)
    except LookupError:
        return None
