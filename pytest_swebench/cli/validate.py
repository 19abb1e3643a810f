"""`swebench-runner validate`: whether every file of a run is complete, and what it lacks where not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble

if TYPE_CHECKING:
    from pytest_swebench.records.complete import Problem

_NAMED: Final = 3


@click.command("validate")
@click.argument("name", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def validate(name: str, output_dir: str) -> Answer:
    """Say whether RUN is complete: its id, its folder, or the latest one.

    It is if every variant and repetition has one final record for every selected instance, in every file, with no
    line torn and no answer empty. What is lacking is named, and the exit code is 1. Cells that the run's gate was
    decided without are counted, and not missed.

    Example:  swebench-runner validate latest
    """
    from pytest_swebench.cli.ending import layout_in, run_folder
    from pytest_swebench.records.complete import check_run
    from pytest_swebench.records.resume import at_work
    from pytest_swebench.reporting.tree import count

    layout = layout_in(run_folder(name, results_folder(output_dir)))
    found = check_run(layout)
    for line in _lines(found.problems):
        click.echo(line)
    running = at_work(layout.folder)
    if running:
        click.echo("the run is still at work")
    told = _told(found.problems)
    state = f"is not complete ({told})" if told else "is complete"
    click.echo(f"run {layout.run_id} {state}: {found.cells} cells, {found.files} files")
    if found.left_by_gate:
        click.echo(f"its gate was decided without {count(found.left_by_gate, 'cell')}, left out on purpose")
    result = {
        "run_id": layout.run_id,
        "folder": str(layout.folder),
        "complete": not found.problems,
        "running": running,
        "cells": found.cells,
        "files": found.files,
        "left_by_gate": found.left_by_gate,
        "problems": [{"lack": str(one.lack), "where": one.where, "what": one.what} for one in found.problems],
    }
    if not found.problems:
        return Answer(code=ExitCode.OK, result=result)
    if running:
        fix = "wait for its end"
    elif any(one.cells for one in found.problems):
        fix = f"the command of the run with --resume={layout.run_id} goes on"
    else:
        journals = all(one.where.startswith(str(layout.journals)) for one in found.problems)
        way = (
            "damaged lines of journals are passed over"
            if journals
            else f"swebench-runner merge {layout.folder} makes files anew"
        )
        fix = f"no cell lacks, so nothing has to be run; {way}"
    trouble = Trouble(type="Incomplete", message=f"run {layout.run_id} is not complete: {told}", fix=fix)
    return Answer(code=ExitCode.GENERAL, result=result, trouble=trouble)


def _lines(problems: Sequence[Problem]) -> list[str]:
    """Return a line for each problem; of cells without a record the first few of each variant, and how many more."""
    from pytest_swebench.cell import parse_cell
    from pytest_swebench.records.complete import Lack

    lines: list[str] = []
    missing: Counter[str] = Counter()
    for problem in problems:
        cell = parse_cell(problem.where) if problem.lack is Lack.MISSING else None
        if cell is not None:
            missing[cell.variant] += 1
        if cell is None or missing[cell.variant] <= _NAMED:
            lines.append(str(problem))
    more = {variant: number - _NAMED for variant, number in sorted(missing.items()) if number > _NAMED}
    return [
        *lines,
        *(f"missing: {variant}: {number} more of its cells have no record" for variant, number in more.items()),
    ]


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
