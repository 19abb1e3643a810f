"""Which compute source: a known provider, Ollama on this machine, or any server that speaks OpenAI's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_swebench.wizard.choices import Source
from pytest_swebench.wizard.screen import Screen

if TYPE_CHECKING:
    from pytest_swebench.config import Settings

_FORMAT: Final = "openai"
_OTHER: Final = "Other compatible server"
SOURCES: Final = (
    ("ollama", "Local (Ollama)"),
    ("huggingface", "Hugging Face Inference API"),
    ("anthropic", "Anthropic API"),
    ("openai", "OpenAI API"),
    ("openrouter", "OpenRouter"),
    ("chutes", "Chutes"),
    (_FORMAT, _OTHER),
)
"""Provider and title of each entry; the last one asks for an address."""
_USUAL: Final = 2


def source_page(screen: Screen, settings: Settings) -> Source:
    """Let the person choose; by default what is set, else Hugging Face.

    An Ollama that answers is pointed out where nothing is set.
    """
    from pytest_swebench.cli.keyinput import address
    from pytest_swebench.wizard.ollama import local_models, root_of

    screen.page("Select a compute source:")
    kept = settings.value("provider") or ""
    titles = [title for _, title in SOURCES]
    local = Source("ollama", address("ollama", "", settings))
    if not kept and local_models(root_of(local)) is not None:
        titles[0] += "  ← running here"
    number = screen.menu(titles, _kept(kept, settings.value("provider_url") or ""))
    provider, title = SOURCES[number - 1]
    if title == _OTHER:
        return Source(provider, _asked(screen, settings), other=True)
    return Source(provider, _own(provider, settings))


def title_of(source: Source) -> str:
    """Return the entry of the menu that a source is; elsewhere than at its own address, where that is."""
    return source.title if source.url else dict(reversed(SOURCES))[source.provider]


def _own(provider: str, settings: Settings) -> str:
    """Return the address of a known provider, "" for its own.

    One that is set for another server must not stay in force: then the provider's own is named.
    """
    from pytest_swebench.cli.keyinput import address
    from pytest_swebench.providers.registry import PROVIDERS

    home = PROVIDERS[provider].base_url
    if settings.value("provider") == _FORMAT and provider == _FORMAT and settings.value("provider_url"):
        return home  # the address that is set is the last entry's
    url = address(provider, "", settings)
    return url or (home if settings.value("provider_url") else "")


def _kept(provider: str, url: str) -> int:
    from pytest_swebench.providers.registry import PROVIDERS

    names = [name for name, _ in SOURCES]
    if provider not in names:
        return _USUAL
    elsewhere = provider == _FORMAT and url.rstrip("/") not in ("", PROVIDERS[_FORMAT].base_url)
    return len(names) if elsewhere else names.index(provider) + 1


def _asked(screen: Screen, settings: Settings) -> str:
    from pytest_swebench.cli.keyinput import address
    from pytest_swebench.providers.address import shown
    from pytest_swebench.providers.registry import PROVIDERS

    kept = address(_FORMAT, "", settings)
    if kept.rstrip("/") == PROVIDERS[_FORMAT].base_url:
        kept = ""
    offered = f" [{shown(kept)}]" if kept else ""
    while True:
        url = screen.ask(f"Its address, such as http://localhost:8000/v1{offered}", kept).strip()
        if not url.startswith(("http://", "https://")):
            screen.say(f"{shown(url)!r}: an address begins with http:// or https://.")
        elif url != kept and shown(url) != url:  # every user of this machine reads the command line of a run
            screen.say("An address with a password in it cannot be saved: set it as SWEBENCH_PROVIDER_URL instead.")
        else:
            return url.rstrip("/") if url != kept else kept
