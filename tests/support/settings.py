"""Settings of a folder, for tests of how they are resolved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_swebench.config import Resolved, resolve
from pytest_swebench.config.files import DOTENV, YAML


def write(folder: Path, *, yaml: str = "", dotenv: str = "") -> None:
    if yaml:
        folder.joinpath(YAML).write_text(yaml, encoding="utf-8")
    if dotenv:
        folder.joinpath(DOTENV).write_text(dotenv, encoding="utf-8")


def one(name: str, folder: Path, env: dict[str, str] | None = None, **given: Any) -> Resolved:
    """Resolve with what `option` and `ini` hold by name."""
    option, ini = given.get("option", {}), given.get("ini", {})
    return resolve(env or {}, folder, option=option.get, ini=ini.get)[name]
