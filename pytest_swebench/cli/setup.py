"""`swebench-runner setup`: guided setup, for a person at a terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from pytest_swebench.cli.mode import current
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble

_NO_TERMINAL: Final = ExitCode(2)  # as programs end that are used wrongly; elsewhere here it stands for Docker
_FLAGS: Final = "swebench-runner run -p PROVIDER -m MODEL -d DATASET --count N, with the key in the environment"


@click.command("setup")
def setup() -> Answer:
    """Choose provider, model and dataset step by step, try the machine, save defaults and run.

    Where nobody can be asked it ends at once with exit code 2, and says which flags to give.

    Example:  swebench-runner setup
    """
    mode = current()
    because = mode.silent_because or ("--json" if mode.as_json else "")
    if because:
        message = f"setup asks questions, and nobody can be asked ({because}); give flags instead: {_FLAGS}"
        return Answer(code=_NO_TERMINAL, trouble=Trouble(type="NobodyToAsk", message=message, fix=_FLAGS))
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.wizard.screen import Screen
    from pytest_swebench.wizard.setup import guided_setup

    return guided_setup(Screen.of(settings_in(Path.cwd(), os.environ), os.environ), mode)
