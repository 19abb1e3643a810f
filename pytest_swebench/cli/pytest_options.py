"""What pytest's own places ask for - its line, PYTEST_ADDOPTS, its configuration - read without starting it.

Only pytest's own options, those of pytest-xdist and ours are known here: no plugin that happens to be installed is
loaded, and no conftest.py, which would be run twice and take longer than most commands. Those are pytest's matter.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.config import Settings

_ADDED: Final = "PYTEST_ADDOPTS"


@dataclass(frozen=True, slots=True)
class PytestOptions:
    """Options as they come out of all places, and what looks a name up in pytest's configuration."""

    values: Namespace
    ini: Callable[[str], Any]

    def option(self, name: str, default: Any = None) -> Any:
        """Return our option of that name, e.g. `run_id`; `default` where nobody gave it."""
        found = getattr(self.values, f"swe_{name}", None)
        return default if found is None else found

    @property
    def collects_only(self) -> bool:
        return bool(self.values.collectonly)

    @property
    def workers(self) -> int | None:
        """How many processes `-n` asks for, None where it was not given or is not a number."""
        found = self.values.numprocesses
        return found if isinstance(found, int) else None


def read_options(words: Sequence[str], env: Mapping[str, str], folder: Path) -> PytestOptions:
    """Read what a run of pytest with `words` in `folder` is asked for. Raises InputError for what it would refuse."""
    import pytest
    from _pytest.config import get_config
    from _pytest.config.findpaths import determine_setup
    from xdist.plugin import pytest_addoption as add_options_of_xdist

    from pytest_swebench.options import add_options, keep_file_argument

    parser = get_config()._parser
    add_options_of_xdist(parser)
    add_options(parser)

    def parsed(given: Sequence[str]) -> Namespace:
        arguments = list(given)
        keep_file_argument(arguments)
        return parser.parse_known_args(arguments)

    given = [*_words(_ADDED, env.get(_ADDED, "")), *words]
    try:
        values = parsed(given)
        _, _, found, _ = determine_setup(
            inifile=str(folder / values.inifilename) if values.inifilename else None,
            override_ini=values.override_ini,
            args=values.file_or_dir,
            rootdir_cmd_arg=values.rootdir or None,
            invocation_dir=folder,
        )
        added: Any = found["addopts"].value if "addopts" in found else []
        values = parsed([*(_words("addopts", added) if isinstance(added, str) else added), *given])
    except pytest.UsageError as error:
        raise InputError(f"pytest does not start here: {one_line(str(error))}") from None
    return PytestOptions(values, lambda name: found[name].value if name in found else None)


def is_option(name: str) -> bool:
    """Say whether pytest itself, pytest-xdist or this plugin has an option of that name, e.g. `--baseline`."""
    from _pytest.config import get_config
    from xdist.plugin import pytest_addoption as add_options_of_xdist

    from pytest_swebench.options import add_options

    parser = get_config()._parser
    add_options_of_xdist(parser)
    add_options(parser)
    return any(name in one.names() for group in (*parser._groups, parser._anonymous) for one in group.options)


def settings_in(folder: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings that a run with no further option would have in `folder`. Raises InputError."""
    from pytest_swebench.config import resolve

    asked = read_options((), env, folder)
    return resolve(env, folder, option=asked.option, ini=asked.ini)


def one_line(message: str) -> str:
    """Return what is wrong without pytest's usage before it, and the place of its configuration after it."""
    usage, error, wrong = message.partition(": error: ")
    return wrong.partition("\n")[0] if error and usage.startswith("usage:") else message


def _words(place: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"{place} {text!r}: {error}; write it as in a shell") from None
