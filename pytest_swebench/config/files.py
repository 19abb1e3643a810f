"""The two files in the folder one stands in: `.env` and `.swebench.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.config.settings import Kind, Setting
from pytest_swebench.config.table import SETTINGS
from pytest_swebench.errors import InputError, unknown

DOTENV: Final = ".env"
YAML: Final = ".swebench.yaml"
_SECRET_WORDS: Final = ("key", "token", "secret", "password")


def read_dotenv(folder: Path) -> dict[str, str]:
    """Return what `.env` sets to something; nothing enters the process's environment. Raises InputError."""
    path = folder / DOTENV
    if not path.exists() or path.is_dir():  # a folder of this name is a virtual environment
        return {}
    return parse_dotenv(read_text(path))


def parse_dotenv(text: str) -> dict[str, str]:
    """Return what the text of a `.env` sets to something."""
    from io import StringIO

    from dotenv import dotenv_values

    found = dotenv_values(stream=StringIO(text))
    values = {name: value.strip() for name, value in found.items() if value}
    # of `NAME=  # comment` the parser may take the comment for the value
    return {name: value for name, value in values.items() if value and not value.startswith("#")}


def read_yaml(folder: Path) -> dict[str, Any]:
    """Return the values in `.swebench.yaml` by their place, such as `generation.model`.

    Raises InputError, naming file, key and what is accepted, for a file that does not fit the schema.
    """
    path = folder / YAML
    return parse_yaml(read_text(path)) if path.exists() else {}


def parse_yaml(text: str) -> dict[str, Any]:
    """Return the values in the text of a `.swebench.yaml` by their place. Raises InputError."""
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # the second of a date that is none
        raise InputError(f"{YAML}: not YAML{_place(error)}") from None
    if data is None:
        return {}
    _check_names(data)
    _check_types(data)
    return {
        f"{section}.{key}": value
        for section, keys in data.items()
        for key, value in (keys or {}).items()
        if value is not None
    }


def _place(error: Exception) -> str:
    """Say where an error of YAML is, and not what stands there: it may be a secret."""
    mark = getattr(error, "problem_mark", None)
    return f", at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `.swebench.yaml`."""
    sections: dict[str, Any] = {}
    for section, settings in _sections().items():
        properties = {key: setting.schema for key, setting in settings.items()}
        sections[section] = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    return {"type": "object", "properties": sections, "additionalProperties": False}


def _sections() -> dict[str, dict[str, Setting]]:
    sections: dict[str, dict[str, Setting]] = {}
    for setting in SETTINGS.values():
        section, _, key = setting.path.partition(".")
        sections.setdefault(section, {})[key] = setting
    return sections


def _check_names(data: Any) -> None:
    """Raise InputError for a key that means nothing here, with the nearest one that does."""
    sections = _sections()
    if not isinstance(data, Mapping):
        raise InputError(f"{YAML}: holds {_named(data)}; write sections with keys, known: {', '.join(sections)}")
    for section, keys in data.items():
        if section not in sections:
            raise InputError(f"{YAML}: {unknown('section', str(section), sections)}")
        for key in keys if isinstance(keys, Mapping) else ():
            if key in sections[section]:
                continue
            if is_secret_name(str(key)):
                raise InputError(f"{YAML}: {section}.{key}: keys of providers do not belong here; {KEEP_KEYS}")
            raise InputError(f"{YAML}: {section}: {unknown('key', str(key), sections[section])}")


KEEP_KEYS: Final = "set them in the environment, or store them by: swebench-runner secrets set PROVIDER"


def _check_types(data: Mapping[str, Any]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema()).iter_errors(data))
    if error is None:
        return
    section, *rest = error.absolute_path
    where = ".".join(map(str, [section, *rest]))
    setting = _sections()[str(section)].get(str(rest[0])) if rest else None
    # the type and not the value: what does not belong there may be a secret
    raise InputError(f"{YAML}: {where}: holds {_named(error.instance)}, and takes {accepted(setting)}")


def _named(value: Any) -> str:
    """Return the type of YAML data in words."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "keys"}
    return names.get(type(value), f"a {type(value).__name__}")


def is_secret_name(name: str) -> bool:
    """Say whether a name is that of a key, and not of a setting."""
    return any(word in name.lower() for word in _SECRET_WORDS)


def accepted(setting: Setting | None) -> str:
    """Say what `.swebench.yaml` takes in a place; None is a whole section."""
    if setting is None:
        return "a section of keys and values"
    if setting.kind in {Kind.WORDS, Kind.TEXTS}:
        return "text or a list"
    return setting.accepts


def read_text(path: Path) -> str:
    """Return what a file of settings holds. Raises InputError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: cannot be read: {error}; it must be a text file in UTF-8") from None
