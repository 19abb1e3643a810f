"""`swebench-runner report`: a run as one file that a browser opens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run, results_named
from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.errors import InputError, RecordError

if TYPE_CHECKING:
    from pytest_swebench.reporting.html.against import Against
    from pytest_swebench.reporting.reading import RunView

_LARGE_BYTES: Final = 50_000_000
_CONTENTS: Final = ("auto", "all", "none", "side")


@click.command("report")
@click.argument("run", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("-o", "--output", default="", metavar="FILE", help="Where to (default: RUN/reports/index.html).")
@click.option("--html-content", type=click.Choice(_CONTENTS), default="auto", show_default=True,
              help="What of the cells goes into the file, and what into a folder beside it.")  # fmt: skip
@click.option("--baseline", default="", metavar="RUN",
              help="Show what moved since this run, saved baseline, or any results that compare reads.")  # fmt: skip
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def report(run: str, output: str, html_content: str, baseline: str, output_dir: str) -> Answer:
    """Write RUN as one HTML file: its id, its folder, or the latest one.

    The file needs no network and no server. A run that is still at work is shown as far as it is.

    Example:  swebench-runner report 20260102_030405-abc123 -o report.html --baseline main
    """
    from pytest_swebench.redact import Redactor
    from pytest_swebench.reporting.html.writing import Content, write_report

    view = viewed(run, output_dir)
    path = Path(output) if output else view.layout.folder / "reports" / "index.html"
    against = held_against_baseline(view, _baseline(baseline, results_folder(output_dir))) if baseline else None
    with written_to(path, "--output"):
        written = write_report(
            view,
            path,
            content=Content(html_content),
            unfit=unfit(view),
            against=against,
            redactor=Redactor.from_env(os.environ),
        )
    click.echo(f"report: {path} ({written.cells} cells, {written.size_bytes / 1e6:.1f} MB)")
    if written.beside:
        click.echo(f"beside it: {written.folder} ({written.beside} files; keep them together)")
    if written.size_bytes > _LARGE_BYTES:
        click.echo("that is large for a browser; --html-content side keeps contents of cells beside the file", err=True)
    told = {"run_id": view.layout.run_id, "file": str(path), "cells": written.cells, "size_bytes": written.size_bytes}
    beside = {"folder": str(written.folder) if written.beside else None, "files_beside": written.beside}
    return Answer(code=ExitCode.OK, result={**told, **beside})


def _baseline(name: str, results: Path) -> Path:
    """Return what --baseline names, as compare takes it. Raises InputError, with the baselines that there are."""
    from pytest_swebench.reporting.gate.baselines import find_baseline

    try:
        return results_named(name, results)
    except InputError:  # it would speak of RUN
        return find_baseline(name, Path.cwd(), results)


@contextmanager
def written_to(place: Path, option: str) -> Iterator[None]:
    """Say as RecordError that something could not be written to `place`, which `option` would change."""
    try:
        yield
    except OSError as error:
        raise RecordError(f"{str(place)!r} cannot be written: {error}; give another place with {option}") from error


def viewed(run: str, output_dir: str) -> RunView:
    """Return the run that is meant: a folder, an id, or `latest`. Raises InputError where there is none."""
    from pytest_swebench.cli.ending import run_folder
    from pytest_swebench.reporting.reading import view_run

    return view_run(run_folder(run, results_folder(output_dir)))


def unfit(view: RunView) -> dict[str, str]:
    """Return those of a run's instances that are known to be unfit to judge a patch, and why."""
    from pytest_swebench.grading.known import Known
    from pytest_swebench.grading.selfcheck import quarantined

    known = Known.beside_runs(view.layout.root)
    if not (view.layout.root / "instances").is_dir():
        return {}
    return quarantined(known, [one for one in view.instances() if known.any(one.instance_id)])


def held_against_baseline(view: RunView, baseline: Path) -> Against:
    """Return the run held against its baseline. Raises InputError where the two cannot be compared."""
    from pytest_swebench.reporting.comparison.reading import read_source
    from pytest_swebench.reporting.html.against import held_against

    return held_against(read_source(baseline), read_source(view.layout.folder))
