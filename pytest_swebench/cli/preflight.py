"""`swebench-runner preflight`: one image and one small evaluation; on a terminal with fixes to choose from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_swebench.cli.doctor import render
from pytest_swebench.cli.mode import Mode, current
from pytest_swebench.cli.outcome import Answer, Trouble
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.checks.fixes import Fix
    from pytest_swebench.checks.plan import Plan
    from pytest_swebench.checks.preflight import Outcome

_ENTER: Final = ("\r", "\n")
_ESC: Final = "\x1b"
_LEAVE: Final = (_ESC, _ESC * 2, "q", "n", "")


@click.command("preflight")
@click.option("-d", "--dataset", default="", help="Dataset to try (default: that of the settings, else lite).")
@click.option("--split", default="", help="Split of the dataset.")
@click.option("--instance", default="", metavar="ID", help="The instance to try (default: one whose image is here).")
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def preflight(dataset: str, split: str, instance: str, output_dir: str) -> Answer:
    """Pull one image and grade one patch, so that nothing is paid for on a machine that cannot grade.

    The patch is the reference patch of one instance; no model is asked. What fails is told with its cause, the log and
    what helps; on a terminal fixes can be chosen and the preflight tried again. Exit code 0 if all went well, else 2
    for Docker, 3 for the network or a registry, 4 for disk or memory, 1 for the evaluation itself.

    Example:  swebench-runner preflight -d lite
    """
    from pytest_swebench.checks.plan import plan_for
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.matrix import Selection

    mode = current()
    folder = Path.cwd()
    plan = plan_for(
        settings_in(folder, os.environ),
        folder,
        dataset=dataset,
        split=split,
        selection=Selection(ids=(instance,)) if instance else None,
        output_dir=output_dir,
        asks=not mode.plain,
    )
    outcome = flown(plan, mode)
    return Answer(
        code=outcome.exit_code,
        result=outcome.as_json(),
        trouble=trouble_of_outcome(outcome) if mode.as_json else None,  # printed otherwise
    )


def fly(plan: Plan, mode: Mode) -> Outcome:
    """Try it; on a terminal a person may choose fixes and try again.

    Raises InputError for a plan that cannot be meant.
    """
    from pytest_swebench.checks.guide import guided
    from pytest_swebench.checks.preflight import preflight

    def tell(line: str) -> None:
        click.echo(line, err=mode.as_json)

    return preflight(plan, tell=tell) if mode.plain else guided(plan, OnTerminal(), tell=tell)


def flown(plan: Plan, mode: Mode) -> Outcome:
    """Fly, and print how it went: for this command and for what runs after it. Raises InputError as `fly` does."""
    outcome = fly(plan, mode)
    lines = [render([check]).partition("\n")[0] for check in outcome.checks]
    if not outcome.ok and mode.plain:
        lines += [*_explained(outcome), *_ways(outcome.fixes, numbered=False), *_logged(outcome)]
    lines.append("Preflight: ready." if outcome.ok else "Preflight: not ready.")
    click.echo("\n".join(lines))
    return outcome


def trouble_of_outcome(outcome: Outcome) -> Trouble | None:
    """Return a failed preflight as the member `error` of a JSON answer has it, None for one that went well."""
    failure = outcome.failure
    if failure is None:
        return None
    return Trouble(
        type=str(failure.cause),
        message=f"{outcome.headline} {failure.detail}",
        fix="; or ".join(fix.text for fix in outcome.fixes),
        log=str(outcome.log or ""),
        tail=outcome.tail,
    )


class OnTerminal:
    """Leads a preflight by keys and prompts; see `checks.guide.Guide`."""

    def choose(self, outcome: Outcome) -> Fix | None:
        """Show what failed and what helps, and wait for a key: Enter for the first, a number, Esc for none."""
        failure = outcome.failure
        assert failure is not None, "there is nothing to choose where all went well"
        many = len(outcome.fixes) > 1
        said = [] if any(failure.detail in line for line in outcome.tail) else [failure.detail]
        for line in (*_explained(outcome), *_ways(outcome.fixes, numbered=many), *said, *_logged(outcome)):
            click.echo(line)
        which = f" (1-{len(outcome.fixes)}: which one)" if many else ""
        click.echo(f"Press Enter to apply a fix or Esc to skip.{which}")
        return _picked(outcome.fixes)

    def login(self, command: Sequence[str]) -> None:
        """Let Docker ask for name and password, and say what came of it."""
        click.echo(f"Running: {' '.join(command)}")
        code = subprocess.run(list(command), check=False).returncode
        if code:
            click.echo(f"{' '.join(command)} ended with exit code {code}")

    def namespace(self) -> str:
        """Ask until what is typed can be a place of images, or is nothing."""
        from pytest_swebench.sandbox.images.names import NAMESPACE_VARIABLE, check_namespace

        while True:
            typed = click.prompt(f"{NAMESPACE_VARIABLE} (blank: none)", default="", show_default=False).strip()
            try:
                return check_namespace(typed) if typed else ""
            except InputError as error:
                click.echo(str(error))

    def again(self) -> bool:
        return click.confirm("Retry preflight?", default=True)


def _picked(fixes: Sequence[Fix]) -> Fix | None:
    """Wait for a key that means something; several may come at once, and arrows do, after an Esc."""
    while fixes:
        keys = click.getchar()
        if keys in _LEAVE:
            return None
        for key in "" if keys.startswith(_ESC) else keys:
            if key in _ENTER:
                return fixes[0]
            if key.isdecimal() and 1 <= int(key) <= len(fixes):
                return fixes[int(key) - 1]
    return None


def _explained(outcome: Outcome) -> list[str]:
    return [f"❌ {outcome.headline}", "How to fix:"]


def _ways(fixes: Sequence[Fix], *, numbered: bool) -> list[str]:
    """Return fixes as lines: the first as it is, others after an "Or"."""
    texts = [f"{fix.text[:1].upper()}{fix.text[1:]}" if not at else f"Or: {fix.text}" for at, fix in enumerate(fixes)]
    return [f"  {f'{number})' if numbered else '•'} {text}" for number, text in enumerate(texts, start=1)]


def _logged(outcome: Outcome) -> list[str]:
    if outcome.log is None:
        return []
    return [f"Log: {outcome.log}", *(f"  | {line}" for line in outcome.tail)]
