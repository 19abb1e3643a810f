"""Which models an endpoint offers right now, by its own list."""

from __future__ import annotations

import dataclasses
import difflib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.errors import InputError, ProviderError
from pytest_swebench.providers.http import HttpProvider
from pytest_swebench.providers.registry import FindKey, make_endpoint

CATALOG_TIMEOUT_S: Final = 30.0
_ROUTED: Final = frozenset({"openrouter", "huggingface"})  # `model:how` asks for a way to serve `model`
_DATE: Final = r"-(?:\d{8}|\d{4}-\d{2}-\d{2})"
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Model:
    """A model as its endpoint lists it; None is what the list does not tell. Prices are in USD a million tokens."""

    id: str
    context_tokens: int | None = None
    input_usd: float | None = None
    output_usd: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the shape that is printed."""
        return dataclasses.asdict(self)


def list_models(
    name: str,
    *,
    base_url: str = "",
    find_key: FindKey,
    search: str = "",
    timeout_s: float = CATALOG_TIMEOUT_S,
) -> list[Model]:
    """Return the models that the known provider `name` offers, sorted by id, all pages within `timeout_s` seconds.

    `search` keeps those whose ids hold all its words, in any order and case. Raises InputError for an unknown
    provider or a missing key, ProviderError and ProviderRefused (a key that is not taken) as calls do.
    """
    provider = make_endpoint(name, base_url=base_url, find_key=find_key)
    try:
        found = {model.id: model for model in _all_pages(provider, time.monotonic() + timeout_s)}
    finally:
        provider.close()
    words = search.lower().split()
    return sorted(model for model in found.values() if all(word in model.id.lower() for word in words))


def check_model(name: str, model: str, *, base_url: str = "", find_key: FindKey) -> None:
    """Raise InputError naming the nearest ids unless the provider `name` lists `model`, or an id it stands for.

    Raises what `list_models` raises.
    """
    ids = [listed.id for listed in list_models(name, base_url=base_url, find_key=find_key)]
    if any(_means(model, id, routed=name in _ROUTED) for id in ids):
        return
    typed = model.lower()
    near = [*difflib.get_close_matches(model, ids, n=3)]
    near += [id for id in ids if typed in id.lower() or id.lower() in typed]
    nearest = ", ".join(repr(id) for id in list(dict.fromkeys(near))[:3]) or "(none)"
    raise InputError(
        f"provider {name!r} lists no model {model!r} among its {len(ids)}; nearest: {nearest}; "
        f"all of them: swebench-runner models {name}"
    )


def _means(model: str, id: str, *, routed: bool) -> bool:
    """Return whether `model` asks for `id`: itself, Ollama's default tag, a dated release, or a routed one."""
    if model in (id, id.removesuffix(":latest")) or (routed and ":" in model and model.rsplit(":", 1)[0] == id):
        return True
    return re.fullmatch(re.escape(model.removesuffix("-latest")) + _DATE, id) is not None


def _all_pages(provider: HttpProvider, deadline: float) -> Iterator[Model]:
    after = ""
    while True:
        page = provider.models(after=after, timeout_s=max(0.0, deadline - time.monotonic()))
        entries = page.get("data") or []  # an Ollama without models answers null
        if not isinstance(entries, list) or "data" not in page:
            raise ProviderError(f"{provider!r}: not a list of models; the answer has the fields {sorted(page)[:10]!r}")
        yield from (_model(entry) for entry in entries if _offered(entry))
        if not page.get("has_more"):
            return
        last = page.get("last_id")
        if not last or last == after:
            raise ProviderError(f"{provider!r}: says there are more models than {after!r} and does not name them")
        after = str(last)


def _offered(entry: Any) -> bool:
    """Return whether an entry names a model that can be called; Anthropic's list keeps retired ones."""
    return isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry.get("lifecycle") != "retired"


def _model(entry: dict[str, Any]) -> Model:
    """Read what Anthropic, OpenRouter, Hugging Face's router, vLLM and Chutes add to an id, each under other names."""
    offers = [offer for offer in entry.get("providers") or () if isinstance(offer, dict)]  # Hugging Face: who serves it
    sizes = [_whole(entry.get(name)) for name in ("context_length", "max_input_tokens", "max_model_len")]
    sizes += [_whole(offer.get("context_length")) for offer in offers]
    known = [size for size in sizes if size]
    pricing = entry.get("pricing") or {}
    return Model(
        id=entry["id"],
        context_tokens=max(known) if known else None,
        input_usd=_dollars(pricing, "prompt", offers, "input"),
        output_usd=_dollars(pricing, "completion", offers, "output"),
    )


def _dollars(pricing: Any, name: str, offers: list[dict[str, Any]], offered: str) -> float | None:
    """Return USD a million tokens: OpenRouter tells them by the token, the offers of Hugging Face by the million."""
    if isinstance(pricing, dict) and (price := _number(pricing.get(name))) is not None:
        return round(price * _MILLION, 6)
    prices = [_number((offer.get("pricing") or {}).get(offered)) for offer in offers]
    return min((price for price in prices if price is not None), default=None)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Any) -> float | None:
    """Return a price; OpenRouter writes -1 where it depends on the model it picks."""
    try:
        price = float(value)
    except (TypeError, ValueError):
        return None
    return price if price >= 0 else None
