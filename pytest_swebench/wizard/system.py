"""The first pages: what setup is about, and whether this machine is ready for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.wizard.screen import BAD, DOUBT, OK, Screen

if TYPE_CHECKING:
    from pytest_swebench.checks import Check

_AGAIN: Final = "c"
_ENGINE, _DISK, _NETWORK = "Docker engine", "Disk space", "Network"
_SHORT: Final = {_ENGINE: "Docker"}


def welcome(screen: Screen) -> None:
    """Say what setup does."""
    screen.banner("🚀 SWE-bench Runner Setup")
    screen.say("We'll help you connect a model, pick a dataset, and run a small smoke test.", "")
    screen.enter()


def system_checks(screen: Screen, folder: Path, *, pauses: bool = True) -> None:
    """Look at Python, Docker, disk and network, each with its fix where it fails; as often as the person wants.

    Without `pauses`, nobody is asked to go on where nothing fails.
    """
    from pytest_swebench.checks.doctor import essentials

    while True:
        screen.page("🔎 Checking your system...")
        failed = False
        for check in essentials(os.environ, folder):
            screen.say(*_lines(check))
            failed |= check.failed
        screen.say("")
        if not failed:
            if pauses:
                screen.enter()
            return
        if screen.enter(f"Press Enter to continue as it is, or type {_AGAIN} to check again.") != _AGAIN:
            return


def _lines(check: Check) -> list[str]:
    name = check.name[:1].upper() + check.name[1:]
    if check.fix:
        sign = BAD if check.failed else DOUBT
        return [f"  • {name}: {check.detail} {sign}", f"      fix: {check.fix}"]
    return [f"  • {_SHORT.get(name, name)}: {_words(name, check.detail)} {OK}"]


def _words(name: str, detail: str) -> str:
    """Return what there is to know of a check that went well; `swebench-runner doctor` tells all of it."""
    if name == _NETWORK:
        return "OK"
    first = detail.partition(" ")[0]
    return detail.partition(" at ")[0] if name == _DISK else f"Running ({first})" if name == _ENGINE else first
