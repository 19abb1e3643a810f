"""The provider's key: one that is here already, or one that is typed unseen; tried for free, kept only if wanted."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError, ProviderError, ProviderRefused
from pytest_swebench.wizard.choices import TITLES, ChosenKey, Source
from pytest_swebench.wizard.ready import can_run
from pytest_swebench.wizard.screen import Screen
from pytest_swebench.wizard.source import title_of

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.secrets import Key, Keys

_FROM_ENV: Final = "env:"
_AGAIN: Final = "Press Enter to try again, or Ctrl+C to leave."


def keys_of(screen: Screen, settings: Settings) -> Keys:
    """Return the keys that this sitting asks, and with them its one keychain."""
    from pytest_swebench.secrets import Keys

    return Keys(
        os.environ,
        settings.dotenv,
        configured=settings.profile,
        tell=lambda notice: screen.say(f"note: {notice}"),
    )


def key_page(screen: Screen, source: Source, settings: Settings, keys: Keys) -> ChosenKey:
    """Return the key to use, which the provider takes.

    None for a provider that needs none; a person may give none to OpenRouter, whose list is public, and to a server
    of their own. One that is here already goes to an address that nothing here says only after they said so.
    """
    from pytest_swebench.providers.registry import PROVIDERS

    if not PROVIDERS[source.provider].needs_key:
        return ChosenKey()
    screen.page(f"🔗 {title_of(source)}")
    optional = source.provider == "openrouter" or can_run(source.provider, source.url, has_key=False)
    found = _found(screen, source, keys)
    if found is not None:
        screen.say(f"Your key: {found.source}.")
        if not _is_known(source, settings) and not screen.agrees(
            f"Send {found.source} to {source.title}?", default=False
        ):
            screen.say(
                "Then type the key of that server, or any word if it wants none: without, a run sends yours.",
                f"Later runs here send {found.source} too, unless LLM_API_KEY in the environment is another.",
            )
            optional = False
        elif _taken(screen, source, found.value, found.source):
            return ChosenKey(found.value, found.source)
    return _typed(screen, source, keys, found, optional=optional)


def keep_page(screen: Screen, source: Source, key: ChosenKey, keys: Keys) -> ChosenKey:
    """Ask whether a typed key is to be kept; return it with the account of the keychain where `keep` will put it."""
    from pytest_swebench.keychain import account_of

    if not key.typed:
        return key
    if source.other:
        screen.page(
            f"Your key serves this run only: what is kept for {TITLES[source.provider]} is sent there too.",
            f"To keep it apart: swebench-runner secrets set {source.provider} --profile NAME, and then "
            "SWEBENCH_PROFILE=NAME where that server is used",
        )
        return key
    account = account_of(source.provider, _profile(source, keys))
    chain = keys.keychain
    kept = chain.get(account)
    if chain.trouble:
        screen.page(
            f"Your key serves this run only: {chain.trouble}.",
            f"To keep it, set {_variable(source, keys)} in your environment.",
        )
        return key
    screen.page("Save your API key securely so you won't be prompted again?")
    screen.say(
        f"  • {chain.backend()}",
        f'  • Stored as: service="swebench-runner", account="{account}"',
    )
    if kept:
        screen.say("  • In place of the one that is there")
    return replace(key, account=account) if screen.agrees("Save it?", default=not kept) else key


def keep(screen: Screen, key: ChosenKey, keys: Keys) -> None:
    """Store a key where its person wants it kept, and say what came of it."""
    if not key.account:
        return
    try:
        keys.keychain.keep(key.account, key.value)
    except InputError as error:
        screen.say(f"Your key is not kept: {error}")
        return
    screen.say(f"Your key is kept: keychain:{key.account}")
    if key.source:  # one in the environment comes before it, and was refused
        screen.say(f"Remove {key.source.removeprefix(_FROM_ENV)} from your environment: it comes first.")


def _is_known(source: Source, settings: Settings) -> bool:
    """Say whether the address is the provider's own, or the one that is set for it here."""
    from pytest_swebench.cli.keyinput import address
    from pytest_swebench.providers.registry import PROVIDERS

    known = PROVIDERS[source.provider].base_url, address(source.provider, "", settings)
    return source.address in {url.rstrip("/") for url in known}


def _found(screen: Screen, source: Source, keys: Keys) -> Key | None:
    from pytest_swebench.providers.registry import PROVIDERS

    try:
        return keys.find(PROVIDERS[source.provider])
    except InputError as error:
        screen.say(str(error))
        return None


def _typed(screen: Screen, source: Source, keys: Keys, refused: Key | None, *, optional: bool) -> ChosenKey:
    """Ask until a key is taken; `refused` is one that is here and was not."""
    from pytest_swebench.providers.keycheck import clean_key

    place = refused.source if refused is not None and refused.source.startswith(_FROM_ENV) else ""
    variable = place.removeprefix(_FROM_ENV) or _variable(source, keys)
    while True:
        typed = screen.ask_hidden(_question(source, optional=optional))
        if not typed.strip() and optional:
            return ChosenKey()
        try:
            key = clean_key(typed)
        except InputError as error:
            screen.say(f"{error}.")
            continue
        if _taken(screen, source, key, "what was typed"):
            return ChosenKey(key, place, variable, typed=True)


def _taken(screen: Screen, source: Source, key: str, whence: str) -> bool:
    """Try a key by a call that costs nothing; say why it is not taken. A network that fails may be tried again."""
    from pytest_swebench.providers.keycheck import KeyRefused, check_key

    while True:
        try:
            with screen.trying(f"Validating {_word(source)}"):
                checked = check_key(source.provider, key, base_url=source.url, source=whence)
        except (InputError, KeyRefused) as error:
            screen.say(f"{error}")
            return False
        except ProviderRefused as error:  # the list of models, which a server need not have
            screen.say(f"It could not be tried: {error}")
            return True
        except ProviderError as error:
            screen.say(f"{error}")
            screen.enter(_AGAIN)
        else:
            if not checked.proved:
                screen.say("(This server answers to any key; whether it takes yours shows at the first call.)")
            return True


def _question(source: Source, *, optional: bool) -> str:
    from pytest_swebench.providers.keycheck import KEY_PLACES

    prefix = KEY_PLACES[source.provider].prefix
    begins = f"starts with {prefix}; " if prefix and not source.url else ""
    none = "; Enter for none" if optional else ""
    return f"Enter your {TITLES[source.provider]} {_word(source)} ({begins}input hidden{none})"


def _word(source: Source) -> str:
    return "token" if source.provider == "huggingface" else "API key"


def _profile(source: Source, keys: Keys) -> str:
    from pytest_swebench.providers.registry import PROVIDERS

    try:
        return keys.profile_of(PROVIDERS[source.provider])
    except InputError:  # a profile that nobody has; told on the page before
        return ""


def _variable(source: Source, keys: Keys) -> str:
    """Return the variable that holds the key of this provider and profile, and nobody else's."""
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import own_variables

    return own_variables(PROVIDERS[source.provider], _profile(source, keys))[0]
