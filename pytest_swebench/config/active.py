"""The settings of a pytest run: its options and configuration, and the files of the folder it was started in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench.config.settings import Kind
from pytest_swebench.config.table import SETTINGS
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.config.resolve import Settings

# text as well: what is no number is refused in our words, and an empty value is none
_INI_TYPES: Final = {
    Kind.INTEGER: int | str,
    Kind.NUMBER: float | int | str,
    Kind.BOOLEAN: bool | str,
}

# config: every setting of this run
RESOLVED: Final[pytest.StashKey[Settings]] = pytest.StashKey()


def ini_options() -> Iterator[tuple[str, str, Any]]:
    """Yield name, help and type of each setting for `parser.addini(..., default=None)`."""
    for setting in SETTINGS.values():
        default = "" if setting.default is None else f" (default: {str(setting.default).lower()})"
        yield setting.ini, setting.help + default, _INI_TYPES.get(setting.kind, "string")


def settings_of(config: pytest.Config, env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this run, resolved on first use. Raises InputError.

    `env` takes the place of the process's environment.
    """
    if RESOLVED not in config.stash:
        from pytest_swebench.config.resolve import resolve

        config.stash[RESOLVED] = resolve(
            os.environ if env is None else env,
            config.invocation_params.dir,
            option=lambda name: config.getoption(f"swe_{name}", None),
            ini=lambda name: _ini(config, name),
        )
    return config.stash[RESOLVED]


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except pytest.UsageError as error:  # a list in TOML, say
        raise InputError(f"ini:{name}: {error}") from None
