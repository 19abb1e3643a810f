"""`--watch`: where the live table can be, where it is refused, and where it is left out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

# names in `config.option` -> the option, and what it does to a terminal; false values are those of a run without it
_CLASHES: Final = (
    ("usepdb", "--pdb", "a debugger needs the terminal for itself"),
    ("trace", "--trace", "a debugger needs the terminal for itself"),
    ("setupshow", "--setup-show", "it writes into the lines of tests"),
    ("setuponly", "--setup-only", "it writes into the lines of tests"),
    ("langsmith_output", "--langsmith-output", "it draws a table of its own, and turns capturing off"),
)
_CAPTURES: Final = ("no", "tee-sys")


def asked(config: pytest.Config) -> bool:
    """Say whether the live table is wanted."""
    return bool(config.getoption("swe_watch"))


def check_watch(config: pytest.Config) -> None:
    """Raise InputError for options beside which no table can be drawn."""
    if not asked(config) or config.getoption("collectonly"):
        return
    if not config.pluginmanager.hasplugin("terminal"):
        raise InputError("--watch: with -p no:terminal nothing writes to a terminal; leave one of the two out")
    for name, option, why in _CLASHES:
        if config.getoption(name, None):
            raise InputError(f"--watch: does not go with {option}: {why}; leave one of the two out")
    capture = config.getoption("capture")
    if capture in _CAPTURES:
        option = "-s" if capture == "no" else f"--capture={capture}"
        raise InputError(f"--watch: with {option} tests write into the table; leave one of the two out")


def check_reporter(reporter: Any) -> None:
    """Raise InputError if another plugin writes to the terminal in pytest's place."""
    from _pytest.terminal import TerminalReporter

    if type(reporter) is not TerminalReporter:
        raise InputError(
            f"--watch: {type(reporter).__name__!r} of {type(reporter).__module__!r} draws on the terminal in place of "
            "pytest; leave --watch out, or switch that plugin off with -p no:NAME"
        )


def why_off(reporter: TerminalReporter) -> str:
    """Say why there is no table although one is wanted, "" where there can be one."""
    if not reporter.isatty():
        reason = "the output is no terminal"
    elif os.environ.get("TERM", "dumb") == "dumb":
        reason = f"this terminal cannot redraw (TERM={os.environ.get('TERM', '')})"
    else:
        return ""
    return f"--watch is off: {reason}; `swebench-runner watch` shows the table in another one"
