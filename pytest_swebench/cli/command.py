"""The group of commands, and what their errors look like: one line on stderr and a typed exit code."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import click

import pytest_swebench
from pytest_swebench.cli.clean import clean
from pytest_swebench.cli.config import config
from pytest_swebench.cli.evaluate import evaluate
from pytest_swebench.cli.export import export_run
from pytest_swebench.cli.list_instances import list_instances
from pytest_swebench.cli.merge import merge_run
from pytest_swebench.cli.models import models
from pytest_swebench.cli.task import task
from pytest_swebench.cli.trace import trace
from pytest_swebench.cli.validate_env import validate_env
from pytest_swebench.errors import (
    DockerUnavailable,
    ImageMissing,
    ProviderError,
    ProviderRefused,
    SandboxLost,
    SwebenchError,
)


class ExitCode(IntEnum):
    """What the command returns; 2 and 3 say which ground is broken."""

    OK = 0
    GENERAL = 1
    DOCKER = 2
    NETWORK = 3


_CODES: Final[dict[type[BaseException], ExitCode]] = {
    DockerUnavailable: ExitCode.DOCKER,
    SandboxLost: ExitCode.DOCKER,
    ImageMissing: ExitCode.NETWORK,  # what is missing here was asked of a registry
    ProviderError: ExitCode.NETWORK,
    ProviderRefused: ExitCode.NETWORK,
    ConnectionError: ExitCode.NETWORK,
    TimeoutError: ExitCode.NETWORK,
    socket.gaierror: ExitCode.NETWORK,
}
_UNREACHABLE: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pytest_swebench.__version__, prog_name="swebench-runner")
def cli() -> None:
    """Look at datasets before a run and at results after it.

    Runs themselves are pytest's:  pytest -m experiment --dataset lite --arms gold,null
    """


cli.add_command(list_instances)
cli.add_command(evaluate)
cli.add_command(export_run)
cli.add_command(merge_run)
cli.add_command(validate_env)
cli.add_command(models)
cli.add_command(clean)
cli.add_command(config)
cli.add_command(trace)
cli.add_command(task)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what goes wrong on purpose is told in one line."""
    try:
        result = cli.main(args=list(arguments), prog_name="swebench-runner", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.GENERAL
    except click.Abort:
        click.echo("interrupted", err=True)
        return 130
    except SwebenchError as error:
        click.echo(f"swebench-runner: {' '.join(str(error).split())}", err=True)
        return exit_code(error)
    return result if isinstance(result, int) else ExitCode.OK  # click returns the code of --help and --version


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code of an error: its own kind's, else that of what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        for kind, code in _CODES.items():
            if isinstance(cause, kind):
                return code
        if isinstance(cause, OSError) and cause.errno in _UNREACHABLE:
            return ExitCode.NETWORK
        cause = cause.__cause__
    return ExitCode.GENERAL
