"""Defaults for the next run, written into `.env` of the folder: all of them, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pytest_swebench.errors import InputError


def save_defaults(folder: Path, chosen: Mapping[str, str]) -> None:
    """Write settings (name -> text) into `.env` by one rename; everything else in it stays as it is.

    A new line gets the long name, `SWEBENCH_MODEL`. Raises InputError for a file that cannot be changed.
    """
    from pytest_swebench.config.change import change_setting
    from pytest_swebench.config.files import DOTENV

    place = (folder / DOTENV).resolve()  # of a link, what it points to
    if place.is_dir():
        raise InputError(f"{DOTENV}: is a folder, which holds no settings; put them into .swebench.yaml")
    try:
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".swebench-") as aside:
            copy = Path(aside, DOTENV)
            if place.exists():
                shutil.copy2(place, copy)
            for name, text in chosen.items():
                _make_room(copy, name)
                change_setting(Path(aside), name, text)
            os.replace(copy, place)
    except OSError as error:
        raise InputError(f"{DOTENV}: cannot be written: {error.strerror}; it is as it was") from error


def _make_room(dotenv: Path, name: str) -> None:
    """Have a line of the setting, under whichever of its names, so that it is the one that is changed."""
    from pytest_swebench.config.change import setting_named
    from pytest_swebench.config.files import read_dotenv

    setting = setting_named(name)
    if not set(setting.dotenv) & read_dotenv(dotenv.parent).keys():
        old = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
        end = "" if not old or old.endswith("\n") else "\n"
        dotenv.touch(mode=0o600)
        dotenv.write_text(f"{old}{end}{setting.env[0]}=x\n", encoding="utf-8")
