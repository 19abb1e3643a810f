"""Which providers there are, where they listen, and where their keys are looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError, unknown
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.gate import OPEN, Gate, Gated
from pytest_swebench.providers.protocol import Provider
from pytest_swebench.providers.retry import OnWait, quiet
from pytest_swebench.secrets import GENERIC_KEY_ENV, Key
from pytest_swebench.secrets import find_key as key_in

if TYPE_CHECKING:
    from pytest_swebench.providers.http import HttpProvider

REPLAY_PREFIX: Final = "replay:"


FindKey = Callable[["ProviderSpec"], Key | None]
"""Looks for the key of a provider: the environment alone, or `secrets.Keys.find` with the keychain and `.env`."""


class KeyMissing(InputError):
    """A provider needs a key, and none was found."""


class Kind(StrEnum):
    """The wire format of an endpoint."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A known endpoint. `key_env` names the variables that may hold its key, best first."""

    name: str
    kind: Kind
    base_url: str
    key_env: tuple[str, ...] = ()
    needs_key: bool = True


PROVIDERS: Final[Mapping[str, ProviderSpec]] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ProviderSpec("anthropic", Kind.ANTHROPIC, "https://api.anthropic.com", ("ANTHROPIC_API_KEY",)),
            ProviderSpec("openai", Kind.OPENAI, "https://api.openai.com/v1", ("OPENAI_API_KEY",)),
            ProviderSpec("openrouter", Kind.OPENAI, "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)),
            ProviderSpec(
                "huggingface", Kind.OPENAI, "https://router.huggingface.co/v1", ("HUGGINGFACE_TOKEN", "HF_TOKEN")
            ),
            ProviderSpec("ollama", Kind.OPENAI, "http://localhost:11434/v1", needs_key=False),
            ProviderSpec("chutes", Kind.OPENAI, "https://llm.chutes.ai/v1", ("CHUTES_API_KEY",)),
        )
    }
)


def make_endpoint(
    name: str, *, base_url: str = "", find_key: FindKey, gate: Gate = OPEN, on_wait: OnWait = quiet
) -> HttpProvider:
    """Return the known provider `name`, not connected yet.

    Raises InputError for an unknown name, a missing or mangled key, or a bad address.
    """
    spec = PROVIDERS.get(name)
    if spec is None:
        raise InputError(unknown("provider", name, PROVIDERS))
    _check_address(name, base_url)
    return _endpoint(spec, base_url=base_url, key=find_key(spec), gate=gate, on_wait=on_wait)


def make_provider(
    spec_text: str,
    *,
    base_url: str = "",
    env: Mapping[str, str],
    find_key: FindKey | None = None,
    extra: Mapping[str, Callable[[], Provider]] = MappingProxyType({}),
    gate: Gate = OPEN,
    on_wait: OnWait = quiet,
) -> Provider:
    """Return the provider that `spec_text` names: a known one, one of `extra`, or `replay:PATH`.

    `base_url` takes the place of the endpoint's own address; the key is looked for in `env` alone unless `find_key` is
    given. Requests that may cost money pass `gate`, and `on_wait`
    hears of waits; recorded answers need neither. Nothing is imported or connected yet. Raises InputError for an
    unknown name, a missing or mangled key, a bad address or recordings that cannot be read.
    """
    if spec_text.startswith(REPLAY_PREFIX):
        return _replay(spec_text.removeprefix(REPLAY_PREFIX))
    if spec_text in extra:
        if base_url:
            raise InputError(f"provider {spec_text!r} is a plugin's own and takes no base URL, got {shown(base_url)!r}")
        return Gated(extra[spec_text](), gate)
    if spec_text not in PROVIDERS:
        raise InputError(unknown("provider", spec_text, [*PROVIDERS, *extra, "replay:PATH"]))
    find = find_key or (lambda spec: key_in(spec, env))
    return make_endpoint(spec_text, base_url=base_url, find_key=find, gate=gate, on_wait=on_wait)


def _check_address(name: str, base_url: str) -> None:
    if base_url and not base_url.startswith(("http://", "https://")):
        raise InputError(f"provider {name!r}: base URL {shown(base_url)!r} must start with http:// or https://")


def _replay(path: str) -> Provider:
    from pytest_swebench.providers.replay import ReplayProvider

    if not path:
        raise InputError("provider 'replay:' names no file; write replay:PATH, a JSONL file of recorded exchanges")
    return ReplayProvider(path)


def _endpoint(spec: ProviderSpec, *, base_url: str, key: Key | None, gate: Gate, on_wait: OnWait) -> HttpProvider:
    from pytest_swebench.providers.http import NO_KEY

    if key is None and spec.needs_key and not (base_url and spec.kind is Kind.OPENAI):
        names = " or ".join((*spec.key_env, GENERIC_KEY_ENV[0]))
        raise KeyMissing(
            f"provider {spec.name!r} needs a key and none is set; set {names} in the environment, "
            f"store one by: swebench-runner secrets set {spec.name}, "
            "or use a provider without a key: 'ollama', or 'replay:PATH' for recorded answers"
        )
    if key is not None and not _sendable(key.value):
        raise InputError(f"the {key} holds blanks or characters outside ASCII, which no key does; paste it again")
    address = (base_url or spec.base_url).rstrip("/")
    if spec.kind is Kind.ANTHROPIC:
        from pytest_swebench.providers.anthropic import anthropic_provider

        return anthropic_provider(spec.name, base_url=address, key=key or NO_KEY, gate=gate, on_wait=on_wait)
    from pytest_swebench.providers.openai import openai_provider

    own = address == PROVIDERS["openai"].base_url  # theirs alone counts tokens
    return openai_provider(spec.name, base_url=address, key=key or NO_KEY, gate=gate, on_wait=on_wait, counts=own)


def _sendable(key: str) -> bool:
    """Return whether `key` can stand in an HTTP header; what was pasted with a line break or a quote cannot."""
    return key.isascii() and key.isprintable() and " " not in key
