"""One setting written into a file of settings, everything else in it left as it is."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.config.files import DOTENV, KEEP_KEYS, YAML, is_secret_name, parse_dotenv, parse_yaml, read_text
from pytest_swebench.config.settings import Kind, Setting
from pytest_swebench.config.table import SETTINGS
from pytest_swebench.errors import InputError, unknown
from pytest_swebench.records.layout import write_whole

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node

FILES: Final = (DOTENV, YAML)
_PLAIN: Final = re.compile(r"[\w./:,@%+=-]+", re.ASCII)  # one word for dotenv and for a shell


@dataclass(frozen=True, slots=True)
class Change:
    """What was written: `name` as it stands in `file`; `before` is None where nothing stood there."""

    file: Path
    name: str
    value: Any
    before: Any


def setting_named(name: str) -> Setting:
    """Return the setting that any of its names means. Raises InputError, for the name of a key with where it goes."""
    for setting in SETTINGS.values():
        if name in {setting.name, setting.option, setting.ini, setting.path, *setting.dotenv}:
            return setting
    if is_secret_name(name):
        raise InputError(f"{name!r}: keys of providers do not belong into files; {KEEP_KEYS}")
    raise InputError(unknown("setting", name, SETTINGS))


def change_setting(folder: Path, name: str, text: str, file: str = DOTENV) -> Change:
    """Write a setting into `.env` or `.swebench.yaml` of `folder`, whole or not at all.

    Comments, order and everything else stay. Raises InputError for a value that cannot be meant or holds a secret, for
    a file that cannot be read, and for one that is written in a way that cannot be changed in one place.
    """
    if file not in FILES:
        raise InputError(f"--file {file!r}: settings lie in {' or '.join(FILES)}")
    setting, text = setting_named(name), text.strip()
    _check_text(name, text)
    value = setting.read(text, name)
    path = folder / file
    if path.is_dir():
        raise InputError(f"{file}: is a folder, which holds no settings; give --file {YAML}")
    old = read_text(path) if path.exists() else ""
    change = _in_dotenv if file == DOTENV else _in_yaml
    new, where, before = change(old, setting, text)
    _write(path, new)
    return Change(path, where, value, before)


def _check_text(name: str, text: str) -> None:
    from pytest_swebench.redact import address_secrets

    if not text:
        raise InputError(f"{name}: an empty value sets nothing; remove the line from the file instead")
    if not text.isprintable():
        raise InputError(f"{name}: {text!r} is more than one line of text")
    if any(address_secrets(text)):  # which is not told again
        raise InputError(f"{name}: the address holds a password; {KEEP_KEYS}")


def _in_dotenv(old: str, setting: Setting, text: str) -> tuple[str, str, Any]:
    """Return the text with the line that decides replaced, or one more at the end; its name, and what it said."""
    found = parse_dotenv(old)
    name = next((one for one in setting.dotenv if one in found), (*setting.in_dotenv, *setting.short, *setting.env)[0])
    lines = old.splitlines()
    line = f"{name}={text if _PLAIN.fullmatch(text) else _quoted(text)}"
    places = [number for number, one in enumerate(lines) if re.match(rf"\s*(export\s+)?{name}\s*=", one)]
    if places:  # the last one decides
        kept = re.fullmatch(r"[^\"'#]*?(\s+#.*)", lines[places[-1]])
        lines[places[-1]] = line + (kept[1] if kept else "")
    else:
        lines.append(line)
    new = "\n".join([*lines, ""])
    if parse_dotenv(new) != {**found, name: text} or "\n" in found.get(name, ""):
        raise InputError(f"{DOTENV}: {name} stands there over several lines; change it with an editor")
    return new, name, found.get(name)


def _quoted(text: str) -> str:
    """Return `text` in quotes: single ones, in which neither a shell nor dotenv looks for anything, where they can."""
    if "'" not in text:
        return f"'{text}'"
    if any(char in text for char in '"$`\\'):
        raise InputError(f"{text!r}: cannot be written into {DOTENV} in a way that everybody reads alike; use {YAML}")
    return f'"{text}"'


def _in_yaml(old: str, setting: Setting, text: str) -> tuple[str, str, Any]:
    """Return the text with the value of the key replaced, or the key added; its place, and what stood there."""
    import yaml

    found = parse_yaml(old)  # refuses what is no file of settings
    section, _, key = setting.path.partition(".")
    value = text if setting.kind is Kind.TEXTS else setting.read(text, setting.path)
    # as one of a list in brackets: quoted wherever any place in a file would need it
    shown = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True).strip()[1:-1]
    new = _edited(old, yaml.compose(old, Loader=yaml.SafeLoader), section, key, shown)
    try:
        changed = parse_yaml(new)
    except InputError:
        changed = {}
    if changed != {**found, setting.path: value}:
        raise InputError(f"{YAML}: {setting.path} stands there in a way that cannot be changed alone; use an editor")
    return new, setting.path, found.get(setting.path)


def _edited(old: str, root: Node | None, section: str, key: str, value: str) -> str:
    """Replace or insert one value in the text of a YAML document, by the places its parser tells."""
    whole = old if not old or old.endswith("\n") else f"{old}\n"
    sections = _entries(root)
    if section not in sections:
        return f"{whole}{section}:\n  {key}: {value}\n"
    name, keys = sections[section]
    entries = _entries(keys)
    if key in entries:
        after = old.index(":", entries[key][0].end_mark.index) + 1
        return f"{old[:after]} {value}{old[max(after, _end(entries[key][1])) :]}"
    if not entries:  # the section is there, and empty
        after = old.index(":", name.end_mark.index) + 1
        rest = re.sub(r"^[ \t]*(null|~|\{[ \t]*\})", "", old[after:])
        line, newline, below = rest.partition("\n")
        return f"{old[:after]}{line}{newline or chr(10)}  {key}: {value}\n{below}"
    first = next(iter(entries.values()))[0].start_mark
    between = ", " if getattr(keys, "flow_style", False) else f"\n{' ' * first.column}"
    return f"{old[: first.index]}{key}: {value}{between}{old[first.index :]}"


def _entries(node: Node | MappingNode | None) -> dict[str, tuple[Node, Node]]:
    """Return name -> (node of the key, node of the value) of a mapping; nothing of anything else."""
    from yaml.nodes import MappingNode

    return {str(name.value): (name, value) for name, value in node.value} if isinstance(node, MappingNode) else {}


def _end(node: Node) -> int:
    """Return where a value ends; a list in lines is said to end only where the next thing begins."""
    if isinstance(node.value, list) and node.value and not getattr(node, "flow_style", False):
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _write(path: Path, text: str) -> None:
    """Put the file in place whole; it keeps its permissions, and a new one is the person's alone."""
    place = path.resolve()  # of a link, what it points to
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o600
    if not place.parent.is_dir():
        raise InputError(f"{path.name}: cannot be written: there is no folder {str(place.parent)!r}")
    try:
        write_whole(place, text, mode=mode)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be written: {error.strerror}; it is as it was") from error
