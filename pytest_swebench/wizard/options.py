"""Options: the defaults of this folder, and the keys of every provider by profile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import SwebenchError
from pytest_swebench.wizard.profiles import profiles_page
from pytest_swebench.wizard.saving import save_defaults
from pytest_swebench.wizard.screen import Screen

_DEFAULTS: Final = (
    "provider",
    "provider_url",
    "model",
    "dataset",
    "max_instances",
    "arms",
    "max_cost",
    "max_workers",
    "output_dir",
    "docker_namespace",
)


def options_page(screen: Screen) -> None:
    """Lead to the pages of options until the person goes back."""
    while True:
        screen.page("Options")
        match screen.menu(["Defaults", "Keys and profiles", "Back"], default=3):
            case 1:
                defaults_page(screen, Path.cwd())
            case 2:
                profiles_page(screen, os.environ)
            case _:
                return


def defaults_page(screen: Screen, folder: Path) -> None:
    """Show each default and where it stands, and write another one into `.env` until the person goes back."""
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.config import SETTINGS

    while True:
        settings = settings_in(folder, os.environ)
        screen.page("Defaults of this folder")
        rows = [f"{name:<17} {_shown(settings.value(name)):<24} {settings[name].source}" for name in _DEFAULTS]
        number = screen.menu([*rows, "Back"], default=len(rows) + 1)
        if number > len(rows):
            return
        name = _DEFAULTS[number - 1]
        screen.say(f"{name}: {SETTINGS[name].help}")
        typed = screen.ask("New value (Enter leaves it)").strip()
        if not typed:
            continue
        try:
            save_defaults(folder, {name: typed})
        except SwebenchError as error:
            screen.say(str(error))
            continue
        source = settings_in(folder, os.environ)[name].source
        screen.say("Saved ✔" if source.startswith(".env:") else f"Saved in .env, but {source} comes first.")


def _shown(value: Any) -> str:
    from pytest_swebench.providers.address import shown

    return "-" if value is None else shown(value) if isinstance(value, str) and "//" in value else str(value)
