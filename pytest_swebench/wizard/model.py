"""Which model: from the provider's live list, by number, by part of a name, or typed and then looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError, ProviderError, ProviderRefused
from pytest_swebench.providers.address import shown
from pytest_swebench.secrets import Key
from pytest_swebench.wizard.choices import ChosenKey, Source
from pytest_swebench.wizard.ollama import local_models, pull, root_of
from pytest_swebench.wizard.screen import NUMBER, Screen

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.providers.catalog import Model

_SHOWN: Final = 9
_MB: Final = 1e6


def model_page(screen: Screen, source: Source, key: ChosenKey, settings: Settings) -> tuple[str, str]:
    """Return the model, and the `--price` it needs where nobody knows what it costs."""
    kept = settings.value("model") or "" if settings.value("provider") == source.provider else ""
    if source.provider == "ollama":
        model, offered = _of_ollama(screen, source, kept), None
    else:
        model, offered = _of_catalog(screen, source, key, kept)
    return model, _price(screen, source, model, offered, settings)


def _of_catalog(screen: Screen, source: Source, key: ChosenKey, kept: str) -> tuple[str, Model | None]:
    models = _listed(screen, source, key)
    if models is None:
        screen.say("This server lists no models, so what you type is not looked up.")
        while not (typed := screen.ask("Model id", kept, shown=bool(kept)).strip()):
            screen.say("A run needs a model.")
        return typed, None
    by_id = {model.id: model for model in models}
    ids = sorted(by_id, key=lambda id: id != kept)  # what was used last comes first
    screen.say("", "Available models:")
    listed = _shown(screen, ids)
    while True:
        typed = screen.ask(f"{NUMBER} [1] or type a model id, or part of one", "1").strip()
        if (number := screen.number(typed, len(listed))) is not None:
            return listed[number - 1], by_id[listed[number - 1]]
        if typed in by_id:
            return typed, by_id[typed]
        words = typed.lower().split()
        found = [id for id in ids if all(word in id.lower() for word in words)]
        if found:
            listed = _shown(screen, found)
            continue
        try:
            with screen.trying(f"Looking up {typed!r}"):
                _check(source, key, typed)
        except (InputError, ProviderError, ProviderRefused) as error:
            screen.say(str(error))
        else:
            return typed, None


def _listed(screen: Screen, source: Source, key: ChosenKey) -> list[Model] | None:
    """Return what the provider offers, None where it has no such list."""
    from pytest_swebench.providers.catalog import list_models

    while True:
        try:
            with screen.trying("Fetching the list of models"):
                found = list_models(source.provider, base_url=source.address, find_key=lambda spec: _as_key(key))
        except ProviderRefused as error:
            screen.say(str(error))
            return None
        except ProviderError as error:
            screen.say(str(error))
            screen.enter("Press Enter to try again, or Ctrl+C to leave.")
        else:
            return found or None


def _check(source: Source, key: ChosenKey, model: str) -> None:
    from pytest_swebench.providers.catalog import check_model

    check_model(source.provider, model, base_url=source.address, find_key=lambda spec: _as_key(key))


def _as_key(key: ChosenKey) -> Key | None:
    return Key(key.value, key.source or "what was typed") if key.value else None


def _shown(screen: Screen, ids: Sequence[str]) -> list[str]:
    """Print the first of them with numbers, and return those."""
    screen.entries(ids[:_SHOWN])
    if len(ids) > _SHOWN:
        screen.say(f"  ... and {len(ids) - _SHOWN} more: type part of a name")
    return list(ids[:_SHOWN])


def _of_ollama(screen: Screen, source: Source, kept: str) -> str:
    root = root_of(source)
    screen.page("🔧 Local (Ollama)")
    while (names := local_models(root)) is None:
        screen.say(
            f"  • No Ollama answers at {shown(root)}",
            "  • Start it: ollama serve   (to install it: https://ollama.com)",
        )
        screen.enter("Press Enter to look again, or Ctrl+C to leave.")
    screen.say(f"  • Ollama detected at {shown(root)}")
    names.sort(key=lambda name: name != kept)
    if names:
        screen.say("  • Available models:")
        screen.entries(names, indent=6)
    else:
        screen.say("  • It has no models yet.")
    words = f"{NUMBER} [1] or type a model name to pull" if names else "Type a model name to pull, such as llama3.2:1b"
    while True:
        typed = screen.ask(words, "1" if names else "").strip()
        if (number := screen.number(typed, len(names))) is not None:
            return names[number - 1]
        for name in (typed, f"{typed}:latest"):
            if name in names:
                return name
        if typed and _pulled(screen, root, typed):
            return typed


def _pulled(screen: Screen, root: str, name: str) -> bool:
    """Pull a model, telling how far it is in one line; say why where it does not come."""
    width = 0
    try:
        for step in pull(root, name):
            size = f" {step.done_bytes / _MB:.0f} of {step.total_bytes / _MB:.0f} MB" if step.total_bytes else ""
            line = f"Pulling {name}: {step.status}{size}"
            screen.part(f"\r{line:<{width}}")
            width = len(line)
    except (ProviderError, ProviderRefused) as error:
        screen.say("" if not width else "\n", str(error))
        return False
    screen.say(" ✔")
    return True


def _price(screen: Screen, source: Source, model: str, offered: Model | None, settings: Settings) -> str:
    """Return a `--price` for a model of which nobody knows what it costs, "" for any other.

    No call is made for an unknown price: no cap would hold.
    """
    from pytest_swebench.providers.prices import Prices, parse_price

    tariff = Prices(settings.value("price") or ()).at(source.provider, source.url)
    if settings.value("max_tokens") is not None or tariff.matched(model) is not None:
        return ""
    if source.provider == "ollama":  # at another address than its own, which alone is known to cost nothing
        return f"{model}=0"
    default = ""
    if offered is not None and offered.input_usd is not None and offered.output_usd is not None:
        default = f"{offered.input_usd:g},{offered.output_usd:g}"
    screen.say(
        "", f"What does {model} cost? Nothing here knows, and without it no cap on cost could hold.",
        "  • 0 if the server is your own",
        "  • IN,OUT: US dollars for a million tokens in, and out",
    )  # fmt: skip
    while True:
        typed = screen.ask("Price", default, shown=bool(default)).replace(" ", "")
        try:
            parse_price(f"{model}={typed}")
        except InputError as error:
            screen.say(str(error))
        else:
            return f"{model}={typed}"
