"""The group of commands, and what their errors look like: one line on stderr, or one JSON object, and a typed code."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

import pytest_swebench
from pytest_swebench.cli.lazy import LazyGroup, Verb, meant
from pytest_swebench.cli.mode import JSON, Given, Mode, current, mode_of, take
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble, answer_json, exit_code, trouble_of
from pytest_swebench.errors import SwebenchError

if TYPE_CHECKING:
    from pytest_swebench.redact import Redactor

__all__ = ["ExitCode", "cli", "exit_code", "run"]

_HERE: Final = "pytest_swebench.cli"


def _verbs() -> dict[str, Verb]:
    """Return every command: its name, where it is, and what it does in a line."""
    rows = (
        ("analyze-errors", "analyze_errors:analyze_errors", "Put the failures of a run together, with evidence."),
        ("baseline", "baseline:baseline", "Keep runs that others are held against."),
        ("clean", "clean:clean", "Remove what runs left behind, and what else takes room if it is named."),
        ("compare", "compare:compare_runs", "Hold variants against each other, within a run or across runs."),
        ("config", "config:config", "Look at settings, or write one."),
        ("doctor", "doctor:doctor", "Look at all that a run stands on, and say what to mend."),
        ("evaluate", "evaluate:evaluate", "Grade patches of any tool by the official rules."),
        ("export", "export:export_run", "Write a run in the layout of others."),
        ("gate", "gate_run:gate", "Say whether a run is shown to be no worse than its baseline."),
        ("generate", "generate:generate", "Let arms make patches, and leave them ungraded."),
        ("list-instances", "list_instances:list_instances", "Count what a dataset holds."),
        ("merge", "merge:merge_run", "Rebuild the files of a run from its journals."),
        ("models", "models:models", "List the models that a provider offers right now."),
        ("plan", "plan:plan_run", "Say what a comparison can see, and what it will cost."),
        ("preflight", "preflight:preflight", "Pull one image and grade one patch, before anything is paid."),
        ("profiles", "profiles:profiles", "Keep several keys of one provider apart."),
        ("quick", "quick:quick", "Run what is saved, without questions."),
        ("report", "report:report", "Write a run as one HTML file."),
        ("run", "run:run", "Let arms solve the instances of a dataset, and grade what they leave."),
        ("secrets", "secrets:secrets", "Keep the keys of providers in this machine's keychain."),
        ("setup", "setup:setup", "Be led from a provider to the first results."),
        ("show", "show:show", "Show the summary of a run again."),
        ("task", "task:task", "Run local tasks, with or without a model."),
        ("trace", "trace:trace", "Tell what happened in a cell, from its first step to its verdict."),
        ("validate", "validate:validate", "Say whether every file of a run is complete."),
        ("validate-env", "validate_env:validate_env", "Say whether the instances of a dataset can judge a patch here."),
        ("visualize", "visualize:visualize", "Draw a run as charts, with tables for papers."),
        ("watch", "watch:watch", "Show how far a run is, from another terminal, until it is over."),
    )
    return {name: Verb(f"{_HERE}.{place}", about) for name, place, about in rows}


@click.group(
    cls=LazyGroup,
    verbs=_verbs(),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='\b\nShell completion, for bash:  eval "$(_SWEBENCH_RUNNER_COMPLETE=bash_source swebench-runner)"',
)
@click.option("--no-input", is_flag=True, help="Ask nothing, draw nothing, as with CI or without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and all else on standard error.")
@click.option("--log-file", metavar="FILE", help="Append to FILE what is printed, without secrets.")
@click.version_option(pytest_swebench.__version__, prog_name="swebench-runner")
@click.pass_context
def cli(context: click.Context, /, **for_every_command: Any) -> Answer | None:
    """Compare coding agents on SWE-bench: before, during and after a run.

    Alone, on a terminal, it shows its first screen.

    The options may stand before the command or after it.

    Example:  swebench-runner run -d lite --count 5 -p openai -m gpt-5
    """
    if context.invoked_subcommand is not None:
        return None
    mode = current(context)
    if mode.plain:
        click.echo(context.get_help())
        return None
    from pytest_swebench.wizard.home import home

    return home(mode)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what goes wrong on purpose is told in one line, or in JSON."""
    mode, log_file = Mode(as_json=JSON in arguments), ""
    code: int = ExitCode.GENERAL
    with ExitStack() as log:
        try:
            command = meant(cli, take(arguments).arguments)
            own = {name for parameter in command.params for name in parameter.opts} if command is not cli else set()
            given = take(arguments, own)
            mode = mode_of(given, os.environ, arguments)
            if mode.log_file is not None:
                from pytest_swebench.cli.logfile import logged

                log.enter_context(logged(mode.log_file, _redactor()))
                log_file = str(mode.log_file)
            answer = _answered(given, mode)
            code = answer.code
            if answer.trouble is not None and not mode.as_json:
                _tell(answer.trouble)
        except click.ClickException as error:
            code = _usage(error, mode)
        except click.Abort:
            code = _interrupted(mode)
        except SwebenchError as error:
            code = _told(error, mode, log_file)
        except Exception as error:  # a fault of ours: with its traceback, and an answer all the same
            traceback.print_exc()
            code = _told(error, mode, log_file)
    return code


def _answered(given: Given, mode: Mode) -> Answer:
    """Run the command; with --json print its answer as one object: what it returns, else what it prints."""
    if not mode.as_json:
        return _returned(cli.main([*given.arguments], prog_name="swebench-runner", standalone_mode=False, obj=mode))
    with _only_for_us() as printed:
        answer = _returned(cli.main([*given.arguments], prog_name="swebench-runner", standalone_mode=False, obj=mode))
    click.echo(answer_json(answer.code, answer.result or _read(printed.getvalue()), answer.trouble))
    return answer


def _read(printed: str) -> Any:
    """Return what a command printed: the JSON data of one with an option --json of its own, else lines."""
    try:
        return json.loads(printed)
    except ValueError:
        return {"lines": printed.splitlines()}


def _returned(value: Any) -> Answer:
    """Return what a command came to: it returns an answer, an exit code, or nothing; so does click for --help."""
    if isinstance(value, Answer):
        return value
    return Answer(code=value if isinstance(value, int) else ExitCode.OK)


@contextmanager
def _only_for_us() -> Iterator[StringIO]:
    """Keep standard output for one object: what the command prints is yielded, its children's goes to stderr."""
    sys.stdout.flush()
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(StringIO()) as printed:
            yield printed
    finally:
        os.dup2(out, 1)
        os.close(out)


def _told(error: Exception, mode: Mode, log_file: str) -> ExitCode:
    code, trouble = exit_code(error), trouble_of(error, log_file)
    click.echo(answer_json(code, None, trouble)) if mode.as_json else _tell(trouble)
    return code


def _tell(trouble: Trouble) -> None:
    first, *rest = trouble.lines()
    click.echo("\n".join([f"swebench-runner: {first}", *rest]), err=True)


def _usage(error: click.ClickException, mode: Mode) -> ExitCode:
    """Tell that the command line cannot be meant."""
    if mode.as_json:
        trouble = Trouble(type=type(error).__name__, message=error.format_message(), fix=_help_line(error))
        click.echo(answer_json(ExitCode.GENERAL, None, trouble))
    else:
        error.show()
    return ExitCode.GENERAL


def _help_line(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help tells what it takes" if context is not None else ""


def _interrupted(mode: Mode) -> ExitCode:
    exec("")  # CPython ends by SIGINT if that came while a dataclass was being made, and forgets it only here
    if mode.as_json:
        trouble = Trouble(type="KeyboardInterrupt", message="interrupted")
        click.echo(answer_json(ExitCode.INTERRUPTED, None, trouble))
    else:
        click.echo("interrupted", err=True)
    return ExitCode.INTERRUPTED


def _redactor() -> Redactor:
    """Return what keeps the secrets of environment and `.env` out of a log; a `.env` that cannot be read has none."""
    from pytest_swebench.config.files import read_dotenv
    from pytest_swebench.errors import InputError
    from pytest_swebench.redact import Redactor

    try:
        return Redactor.from_env(os.environ, read_dotenv(Path.cwd()))
    except InputError:  # the command says so itself, if it has a use for it
        return Redactor.from_env(os.environ)
