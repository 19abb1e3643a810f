"""`swebench-runner generate`: `run --generate-only` under a name of its own."""

from __future__ import annotations

from typing import Any

import click

from pytest_swebench.cli.line import Request
from pytest_swebench.cli.outcome import Answer
from pytest_swebench.cli.run import PassesOn, answer, run_options


@click.command("generate", cls=PassesOn)
@run_options
@click.pass_context
def generate(context: click.Context, /, show_command: bool, no_preflight: bool, **given: Any) -> Answer:
    """Let arms make patches, and leave them ungraded: `run` with --generate-only.

    They lie in the run's predictions/, and with --generation-output in a file that `run --patches` reads.

    Example:  swebench-runner generate -d lite -p openai -m gpt-5 --max-cost 2
    """
    request = Request(**given, generate_only=True)
    return answer(request, show_command=show_command, no_preflight=no_preflight, context=context)
