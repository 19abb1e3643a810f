"""`swebench-runner config`: every setting of a run started here and where its value stands; one written to a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_swebench.cli.missing import TellsAllMissing
from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    import pytest

    from pytest_swebench.config import Settings


@click.group("config")
def config() -> None:
    """Look at settings, or write one."""


@config.command("show", context_settings={"ignore_unknown_options": True})
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def show(as_json: bool, pytest_options: tuple[str, ...]) -> int:
    """Show every setting that pytest would run with here, and its source; of keys only whether and where they are.

    Options of pytest may follow, as they would be typed in a run:  swebench-runner config show --model=gpt-5
    """
    from pytest_swebench.config.active import settings_of

    with _pytest_config(pytest_options) as prepared:
        settings = settings_of(prepared)
        found = {name: {"value": _shown(settings[name].value), "source": settings[name].source} for name in settings}
    for notice in settings.notices:
        click.echo(f"note: {notice}", err=True)
    keys = _keys(settings)
    if as_json:
        click.echo(json.dumps({"settings": found, "keys": keys}, indent=2))
        return 0
    rows = [(name, _typed(row["value"]), str(row["source"])) for name, row in found.items()]
    rows += [(f"key of {name}", "set" if row["set"] else "not set", row["source"]) for name, row in keys.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        click.echo(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}".rstrip())
    return 0


@config.command("set", cls=TellsAllMissing, context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("value")
@click.option("--file", default=".env", metavar="FILE", help=".env (default) or .swebench.yaml, in this folder.")
def set_value(name: str, value: str, file: str) -> Answer:
    """Write a setting into a file of this folder; NAME is any name of it that `config show` or the docs use.

    Keys are refused: `swebench-runner secrets set` keeps them in the keychain.

    Example:  swebench-runner config set max_cost 5
    """
    from pytest_swebench.cli.pytest_options import settings_in
    from pytest_swebench.config import Layer
    from pytest_swebench.config.change import change_setting, setting_named

    folder = Path.cwd()
    change = change_setting(folder, name, value, file)
    decides = settings_in(folder, os.environ)[setting_named(name).name]
    was = f" (was {_typed(_shown(change.before))})" if change.before is not None else ""
    click.echo(f"{change.file.name}: {change.name} = {_typed(_shown(change.value))}{was}")
    source = f"{change.file.name}:{change.name}"
    if decides.source != source and decides.layer is not Layer.DEFAULT:
        click.echo(f"note: {decides.source} comes first and says {_typed(_shown(decides.value))}", err=True)
    told = {"file": str(change.file), "name": change.name, "value": _shown(change.value)}
    told["before"] = _shown(change.before)
    return Answer(code=ExitCode.OK, result=told | {"decides": decides.source})


@contextmanager
def _pytest_config(options: Sequence[str]) -> Iterator[pytest.Config]:
    """Read pytest's configuration and options as a run in this folder does. Raises InputError if it could not start.

    pytest has no public way to parse without running; this is what its own `pytester` uses.
    """
    import pytest
    from _pytest.config import ConftestImportFailure, _prepareconfig

    from pytest_swebench.cli.pytest_options import one_line

    try:
        # plain: pytest warns of modules that it cannot rewrite any more, which an ini may make an error
        prepared = _prepareconfig(["-p", "no:cacheprovider", "--assert=plain", *options])
    except (pytest.UsageError, pytest.PytestWarning, ConftestImportFailure) as error:
        raise InputError(f"pytest does not start here: {one_line(str(error))}") from None
    try:
        yield prepared
    finally:
        prepared._ensure_unconfigure()


def _keys(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return of each provider that needs a key whether one is there, and its source or what is in its way."""
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.secrets import Keys

    keys, shown = Keys(os.environ, settings.dotenv, configured=settings.profile), {}
    for name, spec in PROVIDERS.items():
        if not spec.needs_key:
            continue
        try:
            key = keys.find(spec)
        except InputError as error:
            shown[name] = {"set": False, "source": str(error)}
        else:
            shown[name] = {"set": key is not None, "source": key.source if key else keys.trouble}
    return shown


def _shown(value: Any) -> Any:
    """Return a value without the credentials that an address may hold."""
    from pytest_swebench.providers.address import shown

    return shown(value) if isinstance(value, str) and "//" in value else value


def _typed(value: Any) -> str:
    """Return a value as it would be typed, `-` for none."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, tuple) else str(value)


def results_folder(given: str) -> Path:
    """Return the absolute folder of results for a command: what was given, else where runs here put them.

    Raises InputError.
    """
    from pytest_swebench.cli.pytest_options import settings_in

    return Path(given or settings_in(Path.cwd(), os.environ).value("output_dir")).absolute()
