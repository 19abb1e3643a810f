"""Keys and profiles, grouped by provider: first what to do, then with which one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import SwebenchError
from pytest_swebench.wizard.screen import Screen

if TYPE_CHECKING:
    from pytest_swebench.profiles import Profiles

_ACTIONS: Final = (
    "Make a profile active",
    "Create a profile",
    "Set the key of a profile",
    "Remove the key of a profile",
    "Rename a profile",
    "Delete a profile",
    "Back",
)


def profiles_page(screen: Screen, env: Mapping[str, str]) -> None:
    """Show the profiles of every provider, and do what the person chooses until they go back."""
    from pytest_swebench.profiles import Profiles

    does: dict[int, Callable[[Screen, Profiles], None]] = {
        1: _activate,
        2: _create,
        3: _set_key,
        4: _clear_key,
        5: _rename,
        6: _delete,
    }
    while True:
        mine = Profiles(env)
        screen.page("Keys and profiles", *_grouped(mine), "", "What would you like to do?")
        action = does.get(screen.menu(_ACTIONS, default=len(_ACTIONS)))
        if action is None:
            return
        try:
            action(screen, mine)
        except SwebenchError as error:
            screen.say(f"{error}")


def _grouped(mine: Profiles) -> list[str]:
    from pytest_swebench.wizard.choices import TITLES

    lines = []
    found = mine.all()
    for provider in _with_keys():
        lines.append(f"  {TITLES[provider]}")
        entry = found.get(provider)
        for name in entry.profiles if entry is not None else ():
            mark = "*" if entry is not None and name == entry.active else " "
            has_key = mine.has_key(provider, name)
            key = "the keychain does not answer" if has_key is None else "key kept" if has_key else "no key kept"
            lines.append(f"    {mark} {name}: {key}")
        if entry is None:
            lines.append("      no profiles")
    return lines


def _with_keys() -> list[str]:
    """Return the providers that have keys, in the order in which setup offers them."""
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.wizard.choices import TITLES

    return [name for name in TITLES if PROVIDERS[name].needs_key]


def _chosen(screen: Screen, mine: Profiles) -> tuple[str, str] | None:
    """Return provider and profile of what is chosen among all there are, None where there are none."""
    known = [(provider, name) for provider, entry in mine.all().items() for name in entry.profiles]
    if not known:
        screen.say("There are no profiles yet.")
        return None
    return known[screen.menu([f"{provider} / {name}" for provider, name in known], words="Which one") - 1]


def _activate(screen: Screen, mine: Profiles) -> None:
    if one := _chosen(screen, mine):
        mine.set_active(*one)
        screen.say(f"Runs use {one[1]!r} of {one[0]} ✔")


def _create(screen: Screen, mine: Profiles) -> None:
    from pytest_swebench.wizard.choices import TITLES

    providers = _with_keys()
    provider = providers[screen.menu([TITLES[name] for name in providers], words="Whose") - 1]
    name = screen.ask("Its name, such as work").strip()
    mine.create(provider, name, active=screen.agrees("Let runs use it?"))
    screen.say(f"{provider} has a profile {name!r} ✔")


def _set_key(screen: Screen, mine: Profiles) -> None:
    import os

    from pytest_swebench.cli.keyinput import address, key_input, obtained
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.cli.secrets import check_keychain, told_kept

    if (one := _chosen(screen, mine)) is None:
        return
    provider, name = one
    check_keychain(mine.keychain, provider, name)
    url = address(provider, "", settings_in(Path.cwd(), os.environ))
    key, checked = obtained(provider, key_input(provider, ""), url=url, try_it=True)
    mine.set_key(provider, name, key)
    told_kept(mine.keychain, provider, name, checked)


def _clear_key(screen: Screen, mine: Profiles) -> None:
    if one := _chosen(screen, mine):
        screen.say("Its key is removed ✔" if mine.clear_key(*one) else "It had no key in the keychain.")


def _rename(screen: Screen, mine: Profiles) -> None:
    if one := _chosen(screen, mine):
        new = screen.ask("Its name from now on").strip()
        mine.rename(*one, new)
        screen.say(f"{one[1]!r} is {new!r} now ✔")


def _delete(screen: Screen, mine: Profiles) -> None:
    if (one := _chosen(screen, mine)) and screen.agrees(f"Delete {one[1]!r} of {one[0]}, and its key?", default=False):
        mine.delete(*one)
        screen.say("It is gone ✔")
