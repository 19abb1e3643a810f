"""Where the key of a provider comes from; the source is named so that a person can find and change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_swebench.providers.registry import ProviderSpec

GENERIC_KEY_ENV: Final = ("LLM_API_KEY", "API_KEY")  # the second is an alias of the first


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its source, such as `env:OPENAI_API_KEY`; the value never shows in a repr."""

    value: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        return f"key from {self.source}"


def find_key(spec: ProviderSpec, env: Mapping[str, str]) -> Key | None:
    """Return the first key that is set: the generic variables, then the provider's own. None if there is none."""
    for name in (*GENERIC_KEY_ENV, *spec.key_env):
        value = env.get(name, "").strip()
        if value:
            return Key(value, f"env:{name}")
    return None
