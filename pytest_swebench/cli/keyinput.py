"""A key for a command: asked for without showing it, from standard input, or out of a variable; and tried."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from pytest_swebench.cli.mode import current
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.providers.keycheck import Checked

_TRIES: Final = 3
_LONGEST: Final = 65_536  # characters read from standard input; keys have some hundred
_FROM_ENV: Final = "env:"

_url_option = click.option("--provider-url", default="", metavar="URL", help="Try the key there.")
_unchecked_option = click.option("--no-validate", is_flag=True, help="Keep the key without trying it.")


def validated(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say whether and where a key is tried before it is kept."""
    return _url_option(_unchecked_option(command))


@dataclass(frozen=True, slots=True)
class KeyInput:
    """Where a key will be read, and what it is called in errors; `tries` is how often it may be refused."""

    read: Callable[[], str] = field(repr=False)
    name: str
    tries: int = 1


def key_input(provider: str, source: str) -> KeyInput:
    """Return where a key comes from: `-`, `env:NAME`, or "" to ask a person. Raises InputError for a key itself."""
    if source == "-":
        if sys.stdin.isatty():
            raise InputError("'-' reads standard input, here a terminal, which would show the key; leave '-' out")
        return KeyInput(lambda: sys.stdin.read(_LONGEST), "standard input")
    if source.startswith(_FROM_ENV):
        return KeyInput(partial(_from_environment, source.removeprefix(_FROM_ENV)), source)
    if source:
        from pytest_swebench.providers.keycheck import KEY_PLACES

        raise InputError(
            "a key is not taken from the command line: every user of this machine can see it there, and the shell "
            f"keeps it in its history. If that was a real key, replace it at {KEY_PLACES[provider].page}; give '-' "
            "for standard input, env:NAME for a variable, or nothing to be asked"
        )
    if because := current().silent_because:
        raise InputError(
            f"no key was given, and nobody can be asked ({because}); give '-' for standard input or env:NAME for a "
            "variable that holds it"
        )
    return KeyInput(partial(_asked, provider), "what was typed", _TRIES)


def obtained(provider: str, given: KeyInput, *, url: str, try_it: bool) -> tuple[str, Checked | None]:
    """Return the key, cleaned, and what its provider says to it if it is tried; a person may correct it.

    Raises InputError for what can be no key, and what `check_key` raises.
    """
    from pytest_swebench.providers.keycheck import KeyRefused, check_key, clean_key

    for left in reversed(range(given.tries)):
        try:
            key = clean_key(given.read())
            return key, check_key(provider, key, base_url=url, source=given.name) if try_it else None
        except (InputError, KeyRefused) as error:
            if not left:
                raise
            click.echo(str(error), err=True)
    raise AssertionError("the last try returns or raises")


def _from_environment(name: str) -> str:
    if not os.environ.get(name, "").strip():
        raise InputError(f"env:{name}: the variable {name!r} is not set; set it, or give '-' for standard input")
    return os.environ[name]


def _asked(provider: str) -> str:
    from pytest_swebench.providers.keycheck import how_to_get

    click.echo(how_to_get(provider), err=True)
    prompt = f"key of {provider} (not shown)"
    return str(click.prompt(prompt, default="", show_default=False, hide_input=True, err=True))


def address(provider: str, given: str, settings: Settings) -> str:
    """Return where a run here would ask `provider`, "" for its own address; another provider's is never taken."""
    if given or (settings.value("provider") or provider) != provider:
        return given
    return settings.value("provider_url") or ""
