"""How a command may speak: with a person who answers, or to a program; and what every command takes.

`--no-input`, `--json` and `--log-file` may stand before the command or after it, up to a `--`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    import click

NO_INPUT: Final = ("--no-input", "--non-interactive", "--noninteractive")
JSON: Final = "--json"
LOG_FILE: Final = "--log-file"
_OFF: Final = ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Mode:
    """How this command speaks, and how it was `typed`.

    `silent_because` says why nobody is asked anything, "" where somebody may be.
    """

    silent_because: str = ""
    as_json: bool = False
    log_file: Path | None = None
    typed: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether a person is there to answer: only then are questions put, screens drawn, `.env` written."""
        return not self.silent_because

    @property
    def plain(self) -> bool:
        """Whether output is for a program or was asked to be plain: no colours, no lines drawn again."""
        return self.as_json or bool(self.silent_because)


@dataclass(frozen=True, slots=True)
class Given:
    """A command line without what is for every command."""

    arguments: tuple[str, ...]
    no_input: bool = False
    as_json: bool = False
    log_file: str = ""


def take(arguments: Sequence[str], own: Collection[str] = ()) -> Given:
    """Take from a command line what is for every command. Raises InputError for a `--log-file` without its file.

    What the command itself knows (`own`) is noted and handed on to it, and so is whatever stands after `--`.
    """
    left: list[str] = []
    handed_on: list[str] = []
    passed: list[str] = []
    no_input = as_json = False
    log_file = ""
    words = iter(arguments)
    for word in words:
        if word == "--":
            passed = [word, *words]
            break
        if word in NO_INPUT:
            no_input = True
        elif word == JSON:
            as_json = True
        elif word.partition("=")[0] == LOG_FILE:
            log_file = word.partition("=")[2] or next(words, "")
            if not log_file or log_file.startswith("-"):
                raise InputError(f"{LOG_FILE}: names no file; give {LOG_FILE} FILE")
            continue
        else:
            left.append(word)
            continue
        if word in own:
            handed_on.append(word)
    return Given((*left, *handed_on, *passed), no_input, as_json, log_file)


def mode_of(given: Given, env: Mapping[str, str], typed: Sequence[str] = ()) -> Mode:
    """Return the mode of this process."""
    log_file = Path(given.log_file).expanduser().absolute() if given.log_file else None
    return Mode(silence(env, no_input=given.no_input), given.as_json, log_file, tuple(typed))


def silence(env: Mapping[str, str], *, no_input: bool = False) -> str:
    """Return why nobody can be asked here, "" if somebody can."""
    if no_input:
        return NO_INPUT[0]
    if env.get("CI", "").lower() not in _OFF:
        return "CI is set"
    if env.get("TERM", "").lower() == "dumb":
        return "TERM is dumb"
    for stream, name in ((sys.stdin, "standard input"), (sys.stdout, "standard output")):
        if stream is None or not stream.isatty():
            return f"{name} is no terminal"
    return ""


def current(context: click.Context | None = None) -> Mode:
    """Return the mode of the command that runs; outside of one, that of this process without any flag."""
    import os

    import click

    context = context or click.get_current_context(silent=True)
    found = context.find_object(Mode) if context is not None else None
    return found or mode_of(Given(()), os.environ)
