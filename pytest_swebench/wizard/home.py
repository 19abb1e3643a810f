"""The first screen, and the help that it leads to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.wizard.screen import Screen

if TYPE_CHECKING:
    from pytest_swebench.cli.mode import Mode

_ENTRIES: Final = ("Quick Run", "Guided Setup (recommended)", "Help & Docs", "Options", "Exit")
_SETUP: Final = 2

HELP: Final = """\
Common commands:
  swebench-runner setup      # guided setup
  swebench-runner quick      # runs what is saved, without questions
  swebench-runner run -d lite --count 5 -p openai -m gpt-5
  swebench-runner show       # the summary of the latest run
  swebench-runner compare    # its variants held against each other
  swebench-runner report     # all of it as one HTML file
  swebench-runner doctor     # looks at everything a run stands on
  swebench-runner clean --all

Troubleshooting:
  • Image pull denied → docker login ghcr.io
  • Provider 401 → check your key / permissions: swebench-runner secrets get PROVIDER
  • A cell without an answer → its log's path is told beside it
  • Anything else → its message says what happened, why, and the fix

Docs: swebench-runner --help, swebench-runner COMMAND --help"""


def home(mode: Mode) -> Answer:
    """Ask what is wanted, and do it; help and options lead back here. Ctrl-C raises click.Abort."""
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.wizard.key import keys_of
    from pytest_swebench.wizard.options import options_page
    from pytest_swebench.wizard.quick import lacking, quick_run, saved_settings
    from pytest_swebench.wizard.setup import guided_setup

    settings = settings_in(Path.cwd(), os.environ)
    screen = Screen.of(settings, os.environ)
    while True:
        screen.banner("🚀 SWE-bench Runner")
        screen.say("Welcome! What would you like to do?", "")
        match screen.menu(_ENTRIES, default=_SETUP):
            case 1:
                saved = saved_settings()
                keys = keys_of(screen, saved)
                if not lacking(saved, keys):
                    return quick_run(screen, mode, saved, asks=True)
                screen.say("Quick Run requires a configured model. Setup comes first.")
                return guided_setup(screen, mode, keys)
            case 2:
                return guided_setup(screen, mode)
            case 3:
                screen.page(HELP, "")
                screen.enter("Press Enter to go back.")
            case 4:
                options_page(screen)
            case _:
                return Answer(code=ExitCode.OK)
