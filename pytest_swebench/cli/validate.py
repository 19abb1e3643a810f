"""`swebench-runner validate`: whether every file of a run is complete, and what it lacks where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble

if TYPE_CHECKING:
    from pytest_swebench.records.complete import Problem


@click.command("validate")
@click.argument("name", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def validate(name: str, output_dir: str) -> Answer:
    """Say whether RUN is complete: its id, its folder, or the latest one.

    It is if every variant and repetition has one final record for every selected instance, in every file, with no
    line torn and no answer empty. What is lacking is named, and the exit code is 1.

    Example:  swebench-runner validate latest
    """
    from pytest_swebench.cli.ending import layout_in, run_folder
    from pytest_swebench.records.complete import check_run
    from pytest_swebench.records.resume import at_work

    layout = layout_in(run_folder(name, results_folder(output_dir)))
    found = check_run(layout)
    for problem in found.problems:
        click.echo(str(problem))
    running = at_work(layout.folder)
    if running:
        click.echo("the run is still at work")
    told = _told(found.problems)
    state = f"is not complete ({told})" if told else "is complete"
    click.echo(f"run {layout.run_id} {state}: {found.cells} cells, {found.files} files")
    result = {
        "run_id": layout.run_id,
        "folder": str(layout.folder),
        "complete": not found.problems,
        "running": running,
        "cells": found.cells,
        "files": found.files,
        "problems": [{"lack": str(one.lack), "where": one.where, "what": one.what} for one in found.problems],
    }
    if not found.problems:
        return Answer(code=ExitCode.OK, result=result)
    fix = "wait for its end" if running else f"the command of the run with --resume={layout.run_id} goes on"
    trouble = Trouble(type="Incomplete", message=f"run {layout.run_id} is not complete: {told}", fix=fix)
    return Answer(code=ExitCode.GENERAL, result=result, trouble=trouble)


def _told(problems: Sequence[Problem]) -> str:
    """Return how many cells and how many files or lines of them lack what; "" where nothing lacks."""
    from pytest_swebench.reporting.tree import count

    parts = []
    for lack in sorted({problem.lack for problem in problems}):
        found = [problem for problem in problems if problem.lack is lack]
        if cells := sum(problem.cells for problem in found):
            parts.append(f"{count(cells, 'cell')} {lack}")
        if others := sum(not problem.cells for problem in found):
            parts.append(f"{others} {lack} in files")
    return ", ".join(parts)
