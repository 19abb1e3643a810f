"""`swebench-runner quick`: a run with what is saved, and no questions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pytest_swebench.cli.mode import current
from pytest_swebench.cli.outcome import Answer
from pytest_swebench.cli.run import PassesOn, answer, passed_on

if TYPE_CHECKING:
    from pytest_swebench.cli.line import Request


@click.command("quick", cls=PassesOn)
@click.pass_context
def quick(context: click.Context) -> Answer:
    """Run with the provider, model, dataset and count that are saved, as setup saves them, and ask nothing.

    On a terminal, setup is offered where something is missing; elsewhere that is an error which names it.

    Example:  swebench-runner quick
    """
    from pytest_swebench.secrets import Keys
    from pytest_swebench.wizard.key import keys_of
    from pytest_swebench.wizard.quick import lacking, quick_run, refused, saved_request, saved_settings
    from pytest_swebench.wizard.screen import Screen

    mode = current(context)
    settings = saved_settings()
    screen = Screen.of(settings, os.environ)
    keys = Keys(os.environ, settings.dotenv, configured=settings.profile) if mode.plain else keys_of(screen, settings)
    missing = lacking(settings, keys)
    if mode.plain:
        if missing:
            raise refused(missing)
        request = saved_request(settings)
        return answer(
            request, show_command=False, no_preflight=False, context=context, typed=_as_run(request, mode.typed)
        )
    if not missing:
        return quick_run(screen, mode, settings, passed_on(context), asks=False)
    from pytest_swebench.wizard.setup import guided_setup

    screen.say(f"Quick Run has no {' and no '.join(missing)} yet. Setup comes first.")
    return guided_setup(screen, mode, keys, passed_on(context))


def _as_run(request: Request, typed: Sequence[str]) -> list[str]:
    """Return the line of `run` that does the same: `quick` itself has no way to go on with a run."""
    place = typed.index("quick")
    return [*typed[:place], "run", f"--provider={request.provider}", *typed[place + 1 :]]
