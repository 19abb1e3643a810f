"""Is it a key, and does its provider take it? What a person typed or pasted, cleaned and tried by a call for free."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_swebench.errors import InputError, ProviderError, ProviderRefused
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.catalog import CATALOG_TIMEOUT_S, list_models
from pytest_swebench.providers.deadline import within
from pytest_swebench.providers.registry import PROVIDERS, ProviderSpec
from pytest_swebench.redact import Redactor
from pytest_swebench.secrets import Key


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a person gets a key, and how every key of this provider begins, "" where that is not known."""

    page: str
    prefix: str = ""


KEY_PLACES: Final[Mapping[str, KeyPlace]] = MappingProxyType(
    {
        "anthropic": KeyPlace("https://platform.claude.com/settings/keys", "sk-ant-"),
        "openai": KeyPlace("https://platform.openai.com/api-keys", "sk-"),
        "openrouter": KeyPlace("https://openrouter.ai/settings/keys", "sk-or-"),
        "huggingface": KeyPlace("https://huggingface.co/settings/tokens", "hf_"),
        "chutes": KeyPlace("https://chutes.ai/docs/getting-started/authentication", "cpk_"),
    }
)
_LISTS_TO_KEYS_ONLY: Final = frozenset({"anthropic", "openai"})  # at their own addresses
_WRONG_KEY: Final = "sk-swebench-runner-asks-with-a-wrong-key"
_ASSIGNED: Final = re.compile(r"(?:export\s+\w+|[A-Z][A-Z0-9]*_[A-Z0-9_]+)\s*=(?!=)\s*")
_HEADER: Final = re.compile(r"(?:(?:authorization|x-api-key)\s*:\s*)?(?:bearer\s+)?", re.IGNORECASE)
_PASTE_MARKS: Final = re.compile(r"\x1b\[20[01]~")  # a terminal may put them around what is pasted
_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019"


class KeyRefused(ProviderRefused):
    """The provider does not take the key itself (401, 403); another one may do."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the endpoint at `address` said to a key. `proved` is False if it answers to any key in the same way."""

    address: str
    proved: bool


def clean_key(text: str) -> str:
    r"""Return the key in what was pasted: without blanks, line ends, quotes, `export NAME=`, `Bearer`.

    Raises InputError, which does not show it, for what can be no key.
    """
    rest = _PASTE_MARKS.sub("", text).strip().lstrip("\ufeff")
    if len(re.findall(rf"^\s*{_ASSIGNED.pattern}", rest, re.MULTILINE)) > 1:
        raise InputError("that is more than one NAME=value; give one key alone")
    rest = _ASSIGNED.sub("", rest, count=1) if _ASSIGNED.match(rest) else rest
    rest = _HEADER.sub("", rest.strip(_QUOTES), count=1)
    key = "".join(rest.split()).strip(_QUOTES + ";,")
    if not key:
        raise InputError("no key was given")
    if key.startswith("keyring://"):
        raise InputError("that is a pointer to a key and not the key itself; pointers belong in .env")
    if not (key.isascii() and key.isprintable()):
        raise InputError("the key holds characters outside ASCII, which no key does; copy it again")
    return key


def check_key(
    provider: str, key: str, *, base_url: str = "", source: str = "input", timeout_s: float = CATALOG_TIMEOUT_S
) -> Checked:
    """Try `key` at the provider, or at `base_url` in its place; nothing that costs is asked.

    `source` names where the key comes from in errors. Raises KeyRefused, with the page where keys are had, if it is
    not taken, ProviderRefused and ProviderError as `list_models` does, and InputError for a key that begins like
    another provider's: that is not sent. Where models are listed to anybody, the provider's page about the key is
    asked, and where there is none the list is asked for once more with a wrong key, to see whether it proves anything.
    """
    spec = PROVIDERS[provider]
    address = (base_url or spec.base_url).rstrip("/")
    if address == spec.base_url:
        _refuse_anothers(provider, key)
    try:
        page = _page_about_keys(provider, address)
        if page and _taken(provider, page, key, timeout_s):
            return Checked(shown(address), proved=True)
        list_models(provider, base_url=base_url, find_key=_giving(key, source), timeout_s=timeout_s)
    except ProviderRefused as error:
        if re.search(r"HTTP 40[13]\b", str(error)) is None:
            raise
        raise KeyRefused(f"{error}; {how_to_get(provider)}") from None
    closed = provider in _LISTS_TO_KEYS_ONLY and address == spec.base_url
    return Checked(shown(address), proved=closed or not _lists_to_anybody(provider, base_url, timeout_s))


def how_to_get(provider: str) -> str:
    """Say where keys of a provider are had, and how they begin."""
    place = KEY_PLACES[provider]
    return f"keys are at {place.page}" + (f" and begin with {place.prefix}" if place.prefix else "")


def _giving(key: str, source: str) -> Callable[[ProviderSpec], Key]:
    return lambda spec: Key(key, source)


def _refuse_anothers(provider: str, key: str) -> None:
    """Raise InputError for a key that begins as another provider's do, which would be given away."""
    begins_so = [name for name, place in KEY_PLACES.items() if place.prefix and key.startswith(place.prefix)]
    whose = max(begins_so, key=lambda name: len(KEY_PLACES[name].prefix), default=provider)
    if whose != provider:
        raise InputError(
            f"the key begins with {KEY_PLACES[whose].prefix!r} as those of {whose!r} do, so it was not sent to "
            f"{provider!r}; {how_to_get(provider)}"
        )


def _page_about_keys(provider: str, address: str) -> str:
    """Return what answers to a valid key alone, "" where nothing is known.

    https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key; Hugging Face's hub has `whoami-v2`, at
    HF_ENDPOINT where its own client looks for it.
    """
    if provider == "openrouter":
        return f"{address}/key"
    if provider == "huggingface" and address == PROVIDERS[provider].base_url:
        return f"{(os.environ.get('HF_ENDPOINT') or 'https://huggingface.co').rstrip('/')}/api/whoami-v2"
    return ""


def _taken(provider: str, page: str, key: str, timeout_s: float) -> bool:
    """Ask `page` with `key`; return False if there is no such page."""
    import httpx2

    client = httpx2.Client(timeout=timeout_s, follow_redirects=False)  # the key stays with whom it was meant for
    headers = {"Authorization": f"Bearer {key}"}
    redactor = Redactor([key])
    try:
        answer = within(
            lambda tell: client.get(page, headers=headers),
            timeout_s=timeout_s,
            abandon=client.close,
            what=f"{provider} key",
        )
    except httpx2.HTTPError as error:
        raise ProviderError(
            redactor.text(f"{provider} at {shown(page)}: {type(error).__name__}: {error}; is there a network?")
        ) from None
    finally:
        client.close()
    if answer.status_code == 404:
        return False
    if answer.is_success:
        return True
    text = " ".join(redactor.text(answer.text).split())[:300]
    kind = ProviderRefused if 400 <= answer.status_code < 500 and answer.status_code != 429 else ProviderError
    raise kind(f"{provider} at {shown(page)}: HTTP {answer.status_code}: {text}")


def _lists_to_anybody(provider: str, base_url: str, timeout_s: float) -> bool:
    """Return whether the endpoint lists its models to a key that is certainly wrong; unknown counts as yes."""
    try:
        list_models(provider, base_url=base_url, find_key=_giving(_WRONG_KEY, "nowhere"), timeout_s=timeout_s)
    except ProviderRefused:
        return False
    except ProviderError:
        return True
    return True
