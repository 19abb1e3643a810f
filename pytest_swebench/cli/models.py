"""`swebench-runner models`: what a provider offers right now, and which providers there are."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_swebench.errors import ProviderRefused

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.providers.catalog import Model
    from pytest_swebench.providers.registry import FindKey


@click.command("models")
@click.argument("provider", default="")
@click.option("--search", default="", help="Only models whose ids hold all these words.")
@click.option("--provider-url", default="", help="Address in place of the provider's own.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def models(provider: str, search: str, provider_url: str, as_json: bool) -> None:
    """List the models that PROVIDER offers right now, with context length and prices where it tells them.

    Without PROVIDER it is the one that a run in this folder would ask, at the same address. Where none is set, and with
    PROVIDER `all`, the known providers are listed, and where the key of each comes from.

    Example:  swebench-runner models openrouter --search kimi
    """
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.providers.catalog import list_models
    from pytest_swebench.secrets import Keys

    settings = settings_in(Path.cwd(), os.environ)
    keys = Keys(
        os.environ,
        settings.dotenv,
        configured=settings.profile,
        tell=lambda notice: click.echo(notice, err=True),
    )
    provider, url = _asked(provider, provider_url, settings)
    if provider in {"", "all"}:
        click.echo(render_providers(keys.find, as_json=as_json))
        return
    try:
        found = list_models(provider, base_url=url, find_key=keys.find, search=search)
    except ProviderRefused as error:
        raise ProviderRefused(f"{error}{_address_advice(provider, url, str(error))}") from None
    if as_json:
        click.echo(json.dumps([model.as_json() for model in found], indent=2))
    elif found:
        click.echo(render(found))
    else:
        click.echo(f"{provider}: no model matches {search!r}" if search else f"{provider} offers no models")


def _asked(provider: str, url: str, settings: Settings) -> tuple[str, str]:
    """Return who is asked, "" for nobody, and at which address: given, else as settings have it.

    An address that is set for one provider is not taken for another: that one would get a key which is not its own.
    """
    from pytest_swebench.providers.registry import PROVIDERS

    of_settings = settings.value("provider") or ""
    if not provider and of_settings in PROVIDERS:  # recorded answers have no models to list
        provider = of_settings
    if not url and provider and of_settings in {"", provider}:
        url = settings.value("provider_url") or ""
    return provider, url


def _address_advice(provider: str, url: str, error: str) -> str:
    """Say how an address that answers 404 may be wrong: OpenAI's format wants its /v1, Anthropic's brings it along."""
    from pytest_swebench.providers.registry import PROVIDERS, Kind

    if not url or "HTTP 404" not in error:
        return ""
    ends_so = url.rstrip("/").endswith("/v1")
    if PROVIDERS[provider].kind is Kind.OPENAI:
        return "" if ends_so else "; the address should probably end in /v1"
    return "; the address should probably not end in /v1" if ends_so else ""


def render(found: Sequence[Model]) -> str:
    """Return a table of models; prices are in USD a million tokens, `-` stands for what the list does not tell."""
    rows = [("model", "context", "input $/M", "output $/M")]
    rows += [
        (model.id, _shown(model.context_tokens, ",d"), _shown(model.input_usd, "g"), _shown(model.output_usd, "g"))
        for model in found
    ]
    return _table(rows)


def render_providers(find_key: FindKey, *, as_json: bool) -> str:
    """Return the known providers with their addresses and their keys' sources, as a table or as JSON."""
    from pytest_swebench.providers.registry import PROVIDERS

    known = []
    for name, spec in PROVIDERS.items():
        key = find_key(spec)
        known.append({"provider": name, "base_url": spec.base_url, "key": key.source if key else ""})
    if as_json:
        return json.dumps(known, indent=2)
    rows = [("provider", "address", "key")]
    for entry in known:
        spec = PROVIDERS[entry["provider"]]
        missing = f"none; set {spec.key_env[0]}" if spec.needs_key else "not needed"
        rows.append((spec.name, spec.base_url, entry["key"] or missing))
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
