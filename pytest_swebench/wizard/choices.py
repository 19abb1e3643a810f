"""What a person has chosen on the pages before, as plain data, and the run that it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench.providers.registry import PROVIDERS

if TYPE_CHECKING:
    from pytest_swebench.cli.line import Request

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ollama": "Ollama",
        "huggingface": "Hugging Face",
        "anthropic": "Anthropic",
        "openai": "OpenAI",
        "openrouter": "OpenRouter",
        "chutes": "Chutes",
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """Who computes: a known provider, and the address to ask it at, "" for its own.

    `other` says that it is no more than a server which speaks the provider's format.
    """

    provider: str
    url: str = ""
    other: bool = False

    @property
    def title(self) -> str:
        """Its name for a person; at another address than its own, also where that is."""
        from pytest_swebench.providers.address import shown

        name = TITLES.get(self.provider, self.provider)
        at_home = not self.url or self.url == PROVIDERS[self.provider].base_url
        return name if at_home else f"{name} at {shown(self.url)}"

    @property
    def address(self) -> str:
        """The address that is asked."""
        return (self.url or PROVIDERS[self.provider].base_url).rstrip("/")

    @property
    def written(self) -> str:
        """The address where others may read it; "" for one with a password, which a run finds where it is set."""
        from pytest_swebench.providers.address import shown

        return self.url if shown(self.url) == self.url else ""


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """The key that a run will use, "" for none, and where it is from.

    `variable` names the one in the environment that a run must be given it in; "" where the run finds it by itself.
    `account` is where in the keychain it is to be kept, "" for nowhere.
    """

    value: str = field(default="", repr=False)
    source: str = ""
    variable: str = ""
    typed: bool = False
    account: str = ""

    @property
    def words(self) -> str:
        """Where it is from, for a person; "" where there is none."""
        if self.account and not self.source:
            return f"keychain:{self.account}"
        return "for this run only" if self.environment else self.source

    @property
    def environment(self) -> dict[str, str]:
        """What a run needs in its environment to use this key."""
        return {self.variable: self.value} if self.variable and self.value else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """All answers. `count` is 0 for all of the dataset; `price` is a `--price`, "" where the price is known.

    `extra` goes to pytest as it is.
    """

    source: Source
    key: ChosenKey
    model: str
    price: str
    dataset: str
    count: int
    extra: tuple[str, ...] = ()

    @property
    def request(self) -> Request:
        """The run that was chosen."""
        from pytest_swebench.cli.line import Request

        return Request(
            dataset=self.dataset,
            provider=self.source.provider,
            base_url=self.source.written,
            model=self.model,
            count=self.count,
            extra=(*((f"--price={self.price}",) if self.price else ()), *self.extra),
        )

    @property
    def settings(self) -> dict[str, str]:
        """What the next run finds in `.env`: setting -> text."""
        found = {
            "provider": self.source.provider,
            "provider_url": self.source.written,
            "model": self.model,
            "dataset": self.dataset,
            "max_instances": str(self.count),
        }
        return {name: text for name, text in found.items() if text}
