"""`swebench-runner doctor`: everything a run stands on, looked at, with what helps where it is wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_swebench.cli.mode import current
from pytest_swebench.cli.outcome import Answer, Trouble

if TYPE_CHECKING:
    from pytest_swebench.checks import Check

_NAME_WIDTH: Final = 18


@click.command("doctor")
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def doctor(output_dir: str) -> Answer:
    """Look at this machine, Docker, network, configuration, installation and caches, and say what to mend.

    Nothing is changed and no model is asked. Exit code 0 if nothing fails, else that of the worst: 4 disk, 2 Docker,
    3 network, 1 anything else. A warning is none.

    Example:  swebench-runner doctor --json
    """
    from pytest_swebench.checks import State, exit_code
    from pytest_swebench.checks.doctor import examine

    groups = []
    for group in examine(os.environ, Path.cwd(), output_dir):
        groups.append(group)
        click.echo(f"{group.title}\n{render(group.checks)}\n")
    checks = [check for group in groups for check in group.checks]
    failed = [check for check in checks if check.failed]
    warned = sum(check.state is State.WARN for check in checks)
    click.echo(f"{len(checks)} checks: {len(failed)} failed, {warned} with a warning")
    result = {"failed": len(failed), "warned": warned, "groups": [group.as_json() for group in groups]}
    code = exit_code(checks)
    worst = next((check for check in failed if check.cause is not None and check.cause.exit_code == code), None)
    trouble = trouble_of_check(worst) if worst is not None and current().as_json else None  # printed above otherwise
    return Answer(code=code, result=result, trouble=trouble)


def render(checks: Sequence[Check]) -> str:
    """Return checks as lines, each followed by its fix where it has one."""
    width = max([_NAME_WIDTH, *(len(check.name) for check in checks)])
    lines = []
    for check in checks:
        lines.append(f"  {check.state!s:<4}  {check.name:<{width}}  {check.detail}".rstrip())
        if check.fix:
            lines.append(f"{'':<{width + 10}}fix: {check.fix}")
    return "\n".join(lines)


def trouble_of_check(check: Check) -> Trouble:
    """Return a failed check as the member `error` of a JSON answer has it."""
    return Trouble(type=str(check.cause), message=f"{check.name}: {check.detail}", fix=check.fix)
