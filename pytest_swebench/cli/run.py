"""`swebench-runner run`: one pytest run from a few options, and an exit code that says how it went.

Everything that is done here, pytest does: `--show-command` prints its line. What is added are defaults that suit one
run of one arm, the exit code, and a form for programs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import click

from pytest_swebench.cli.ending import cell_counts, ended, the_same_command
from pytest_swebench.cli.line import ARMS, Line, Request, clean, line_of, way_on
from pytest_swebench.cli.mode import Mode, current
from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.profiles import PROFILE_ENV

if TYPE_CHECKING:
    from pytest_swebench.cli.ending import End

_PASSED_ON: Final = "pytest_swebench.passed_on"


def start(
    request: Request,
    *,
    plain: bool = False,
    env: Mapping[str, str] = MappingProxyType({}),
    way_on: Callable[[str], str] = the_same_command,
) -> End:
    """Run it, in the folder of this process and with `env` in its environment, to its end. Raises InputError.

    pytest writes where this process writes; with `plain` as to a file. `way_on` says how to go on with a run of that
    id. Nothing is printed here, and no preflight made.
    """
    from pytest_swebench.cli.child import run_child

    line = line_of(request, os.environ, Path.cwd())
    chosen = {PROFILE_ENV: request.profile} if request.profile else {}
    return ended(*run_child(line.arguments, plain=plain, env={**chosen, **env}), way_on)


def run_options(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Add the options that `run` and `generate` share."""
    positive = click.IntRange(min=1)
    above = click.FloatRange(min=0, min_open=True)
    for option in reversed(
        (
            click.option("-d", "--dataset", default="", help="demo, lite, verified, full, ..., a hub name, or a file."),
            click.option("--split", default="", help="Split of the dataset (default: test)."),
            click.option("--count", type=positive, metavar="N", help="Instances, at most (pytest's --max-instances)."),
            click.option("--reps", type=positive, metavar="N", help="Repetitions of each cell (pytest's --count)."),
            click.option("--instances", default="", metavar="PARTS", help="Only ids that hold one of these, by comma."),
            click.option("--language", default="", help="Only instances in this language, e.g. python."),
            click.option("-p", "--provider", default="", help="anthropic, openai, openrouter, ollama, ..."),
            click.option("-m", "--model", default="", help="Model id, or a comma list of them."),
            click.option("--profile", default="", metavar="NAME", help="Whose key (see swebench-runner profiles)."),
            click.option("--base-url", default="", help="Address of a compatible server."),
            click.option("--arms", default="", help=f"Strategies, by comma (default: {ARMS}; of the demo singleshot)."),
            click.option("--generation-output", default="", metavar="FILE", help="Write the patches to FILE too."),
            click.option("--allow-partial", is_flag=True, help="More than half of the patches are enough."),
            click.option("--max-workers", type=positive, metavar="N", help="Cells at one time (pytest's -n)."),
            click.option("--eval-max-workers", type=positive, metavar="N", help="Gradings at one time."),
            click.option("--timeout-mins", type=above, metavar="M", help="Minutes the tests of one patch may take."),
            click.option("--max-patch-size", type=above, metavar="MB", help="Refuse larger patches of --patches."),
            click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="What the run may cost."),
            click.option("--output-dir", default="", help="Where results go (env: OUTPUT_DIR, default: results)."),
            click.option("--run-id", default="", metavar="RUN", help="Name of the run; one that exists goes on."),
            click.option("--checkpoint", default="", metavar="FILE", help="Names the run; if it exists, that goes on."),
            click.option("--resume", is_flag=False, flag_value="latest", metavar="[RUN]", help="Go on with a run."),
            click.option(
                "--rerun-failed",
                is_flag=False,
                flag_value="latest",
                metavar="[RUN]",
                help="A new run of the cells which that run did not resolve.",
            ),
            click.option("--evaluate", is_flag=True, help="Write errors, charts and the HTML report when it is over."),
            click.option("--no-preflight", is_flag=True, help="Do not try an image and a grading before the run."),
            click.option("--watch", is_flag=True, help="Show a live table, a line a variant, while cells run."),
            click.option("--show-command", is_flag=True, help="Print the pytest line and stop."),
        )
    ):
        command = option(command)
    return command


class PassesOn(click.Command):
    """A command whose words after `--` go to pytest; they are found in `passed_on`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what is pytest's, and parse the rest."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_PASSED_ON] = tuple(args[place + 1 :])
        try:
            return super().parse_args(ctx, args[:place])
        except click.NoSuchOption as error:
            from pytest_swebench.cli.pytest_options import is_option

            if is_option(error.option_name):
                fix = f"it is one of pytest's: give it after a --, as in: {ctx.command_path} ... -- {error.option_name}"
                raise click.UsageError(f"No such option {error.option_name!r} here; {fix}", ctx) from None
            raise

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show in the help that pytest's options may follow."""
        return [*super().collect_usage_pieces(ctx), "[-- PYTEST_OPTIONS]"]


def passed_on(context: click.Context) -> tuple[str, ...]:
    """Return the words that go to pytest."""
    words: tuple[str, ...] = context.meta[_PASSED_ON]
    return words


def answer(
    request: Request,
    *,
    show_command: bool,
    no_preflight: bool,
    context: click.Context,
    typed: Sequence[str] = (),
) -> Answer:
    """Do what `run` and `generate` do with a request; `typed` is the line that goes on, where it was another."""
    from pytest_swebench.cli.gate import check_key, plan_before, refusal
    from pytest_swebench.cli.preflight import fly

    request = replace(request, extra=passed_on(context))
    line = line_of(request, os.environ, Path.cwd())
    if show_command:
        click.echo(line.shown)
        return Answer(code=ExitCode.OK, result={"command": line.shown, "config": line.config})
    mode = current(context)
    if mode.plain:
        click.echo(line.snapshot(), err=mode.as_json)
    env: Mapping[str, str] = {}
    plan = None if no_preflight else plan_before(line, Path.cwd(), mode)
    if plan is not None:
        check_key(line, os.environ)
        flown = fly(plan, mode)
        if not flown.ok:
            return refusal(flown, mode)
        env = flown.environment
    end = start(request, plain=mode.plain, env=env, way_on=partial(way_on, request, typed or mode.typed))
    if mode.plain:
        click.echo(_result_line(end), err=mode.as_json)
    return Answer(code=end.code, result=_result(line, end, mode), trouble=end.trouble)


@click.command("run", cls=PassesOn)
@run_options
@click.option("--patches", default="", metavar="PATH", help="Grade these predictions; no model is called.")
@click.option("--generate-only", is_flag=True, help="Leave the patches ungraded.")
@click.pass_context
def run(context: click.Context, /, show_command: bool, no_preflight: bool, **given: Any) -> Answer:
    """Let arms solve the instances of a dataset, and grade what they leave by the official rules.

    Settings stand in the environment, .env and .swebench.yaml too; an option here beats them. What follows a `--`
    goes to pytest. The exit code is 0 if every cell has an answer, right or wrong; 1 in general, 2 for Docker, 3 for
    network, registry or provider, 4 for disk, memory or budget, 130 after Ctrl-C.

    Example:  swebench-runner run -d lite -p openai -m gpt-5 --max-cost 2
    """
    return answer(Request(**given), show_command=show_command, no_preflight=no_preflight, context=context)


def _result_line(end: End) -> str:
    """Return what the run came to, in one line."""
    counts = cell_counts(end.merged) if end.merged is not None else {}
    cells = [f"{name}={count}" for name, count in counts.items() if count or name == "selected"]
    run_id = end.layout.run_id if end.layout is not None else "-"
    return f"result: run={run_id} {' '.join(cells)}{' ' if cells else ''}exit={int(end.code)}"


def _result(line: Line, end: End, mode: Mode) -> dict[str, Any]:
    if not mode.as_json:
        return {}
    config = {name: {**one, "value": _shown(one["value"])} for name, one in line.config.items()}
    return {"command": line.shown, "config": config, **end.as_json()}


def _shown(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
