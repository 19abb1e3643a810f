"""One value for every setting, and where it comes from.

Command line, environment, `.env`, `.swebench.yaml`, pytest's configuration, default: the first that has one decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from pytest_swebench.config.files import DOTENV, YAML, read_dotenv, read_yaml
from pytest_swebench.config.names import strange_names, unheeded_names
from pytest_swebench.config.settings import Kind, Setting, is_nothing, option_of
from pytest_swebench.config.table import SETTINGS
from pytest_swebench.errors import InputError

DEFAULT: Final = "default"


class Layer(IntEnum):
    """The places a value may stand in; the lower number wins."""

    OPTION = 1
    ENVIRONMENT = 2
    DOTENV = 3
    YAML = 4
    INI = 5
    DEFAULT = 6


@dataclass(frozen=True, slots=True)
class Resolved:
    """A value, and its source as a person would look for it: `--model`, `env:MODEL`, `.env:MODEL`, `default`."""

    value: Any
    source: str
    layer: Layer

    @property
    def is_typed(self) -> bool:
        """Whether it stands on the command line, before which even the marker of a test gives way."""
        return self.layer is Layer.OPTION

    @property
    def is_default(self) -> bool:
        return self.layer is Layer.DEFAULT


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, resolved. `dotenv` is all of `.env`, secrets included.

    `notices` name what environment and `.env` hold that looks like a setting and is none.
    """

    _found: Mapping[str, Resolved]
    dotenv: Mapping[str, str] = field(default_factory=dict, repr=False)
    notices: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Resolved:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    @property
    def profile(self) -> tuple[str, str]:
        """The profile whose keys are used, and its source; two empty texts where none is set."""
        found = self["profile"]
        return (found.value, found.source) if found.value else ("", "")

    def value(self, name: str) -> Any:
        """Return the value of a setting. Raises KeyError for a name that is none."""
        return self._found[name].value


def _nothing(name: str) -> None:
    return None


def resolve(
    env: Mapping[str, str],
    folder: Path,
    *,
    option: Callable[[str], Any] = _nothing,
    ini: Callable[[str], Any] = _nothing,
) -> Settings:
    """Resolve every setting for a run that starts in `folder`. Raises InputError for the first that cannot be meant.

    `option` and `ini` return what the command line and pytest's configuration say of a setting, None for nothing.
    """
    dotenv, yaml = read_dotenv(folder), read_yaml(folder)
    if misspelt := strange_names(dotenv, DOTENV):
        raise InputError(misspelt[0])
    found = {
        name: (
            _from_option(setting, option)
            or _from_names(setting, setting.env, env, "env", Layer.ENVIRONMENT)
            or _from_names(setting, setting.dotenv, dotenv, DOTENV, Layer.DOTENV)
            or _from_yaml(setting, yaml)
            or _from_ini(setting, ini)
            or Resolved(setting.default, DEFAULT, Layer.DEFAULT)
        )
        for name, setting in SETTINGS.items()
    }
    unheeded = () if option("generate_only") else unheeded_names(dotenv, DOTENV)
    return Settings(found, dotenv, (*strange_names(env, "env"), *unheeded))


def _from_option(setting: Setting, option: Callable[[str], Any]) -> Resolved | None:
    for name in (setting.name, *setting.also) if setting.has_option else ():
        given = option(name)
        if not is_nothing(given):
            value = tuple(given) if setting.kind is Kind.TEXTS else given
            return Resolved(setting.check(value, option_of(name)), option_of(name), Layer.OPTION)
    return None


def _from_names(
    setting: Setting, names: tuple[str, ...], given: Mapping[str, str], place: str, layer: Layer
) -> Resolved | None:
    """Take the first name that is set; one that is set to nothing is not."""
    for name in names:
        if text := given.get(name, "").strip():
            source = f"{place}:{name}"
            return Resolved(setting.read(text, source), source, layer)
    return None


def _from_yaml(setting: Setting, yaml: Mapping[str, Any]) -> Resolved | None:
    if setting.path not in yaml or is_nothing(yaml[setting.path]):
        return None
    source = f"{YAML}:{setting.path}"
    return Resolved(setting.plain(yaml[setting.path], source), source, Layer.YAML)


def _from_ini(setting: Setting, ini: Callable[[str], Any]) -> Resolved | None:
    given = ini(setting.ini)
    if is_nothing(given):
        return None
    source = f"ini:{setting.ini}"
    value = setting.read(given, source) if isinstance(given, str) else setting.check(given, source)
    return Resolved(value, source, Layer.INI)
