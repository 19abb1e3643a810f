"""`swebench-runner trace`: what happened in a cell, from its first step to its verdict."""

from __future__ import annotations

import difflib
import io
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pytest_swebench.cell import Cell, parse_cell
from pytest_swebench.cli.config import results_folder
from pytest_swebench.errors import SelectionError, unknown

if TYPE_CHECKING:
    from pytest_swebench.records.layout import RunLayout

_SHOWN: Final = 10  # names of instances in a message


@dataclass(frozen=True, slots=True)
class Found:
    """A cell of a run, with its last record, None where its last attempt has none."""

    layout: RunLayout
    cell: Cell
    record: dict[str, Any] | None


@click.command("trace")
@click.argument("instance")
@click.option("--results", default="", metavar="DIR", help="Where results are (env: OUTPUT_DIR, default: results).")
@click.option("--run", "run_id", default="", help="Which run; by default the latest that has the instance.")
@click.option("--variant", default="", help="Which variant of the instance's cells.")
@click.option("--rep", type=click.IntRange(min=1), help="Which repetition.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all that is stored.")
@click.option("--full", is_flag=True, help="Leave nothing out: whole answers, feedback and messages.")
def trace(instance: str, results: str, run_id: str, variant: str, rep: int | None, as_json: bool, full: bool) -> None:
    """Tell what happened in a cell: steps, answers, what guards said, ways back, outcome.

    INSTANCE is an instance id, a part of one that no other has, or a whole cell id as summaries show them:
    INSTANCE/VARIANT/rREP. This can be asked while the run is going on. Of several cells that match, their list is
    printed, with what chooses one. What is longer than the terminal is shown page by page.

    Example:  swebench-runner trace django__django-16642 --variant s1_tdd
    """
    from rich.console import Console

    from pytest_swebench.reporting.story import read_story, tell
    from pytest_swebench.reporting.tree import print_tree

    cell = parse_cell(instance)
    if cell is not None:
        instance, variant, rep = cell.instance_id, variant or cell.variant, rep or cell.rep
    found = choose(_cells(results_folder(results), run_id, instance), variant, rep)
    if len(found) > 1:
        again = f" --results {shlex.quote(results)}" if results else ""
        click.echo(_listed(found, again, as_json=as_json))
        return
    story = read_story(found[0].layout, found[0].cell, found[0].record)
    if as_json:
        click.echo(json.dumps(story.as_json(), indent=2))
        return
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know fewer characters than models write
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console(highlight=False)
    with console.capture() as printed:
        print_tree(console, tell(story, full=full))
    if console.is_terminal and printed.get().count("\n") > console.height:
        click.echo_via_pager(printed.get(), color=True)  # colours are there only if they are wanted
    else:
        print(printed.get(), end="")


def choose(cells: Sequence[Found], variant: str, rep: int | None) -> list[Found]:
    """Return the cells of a variant and a repetition, each only if given. Raises SelectionError where there is none."""
    variants = {found.cell.variant for found in cells}
    if variant and variant not in variants:
        raise SelectionError(f"--variant: {unknown('variant', variant, variants)}")
    chosen = [found for found in cells if not variant or found.cell.variant == variant]
    reps = sorted({found.cell.rep for found in chosen})
    if rep is not None and rep not in reps:
        raise SelectionError(f"--rep {rep}: unknown repetition; known: {', '.join(map(str, reps))}")
    return [found for found in chosen if rep is None or found.cell.rep == rep]


def _cells(root: Path, run_id: str, instance: str) -> list[Found]:
    """Return the cells of an instance in the run that is meant; `instance` may be a part of its id.

    Raises InputError where there are none, and for a part of several ids.
    """
    from pytest_swebench.records.resume import find_run, runs_in

    runs = [find_run(root, run_id, "--run")] if run_id else runs_in(root)
    if not runs:
        raise SelectionError(f"there is no run in {str(root)!r}; give --results DIR, or OUTPUT_DIR as the run had it")
    known: set[str] = set()
    partly: list[Found] = []
    for folder in runs:
        cells = _cells_of(folder)
        if chosen := [found for found in cells if found.cell.instance_id == instance]:
            return chosen
        partly = partly or [found for found in cells if instance in found.cell.instance_id]
        known |= {found.cell.instance_id for found in cells}
    meant = sorted({found.cell.instance_id for found in partly})
    if len(meant) > 1:
        more = ", ..." if len(meant) > _SHOWN else ""
        raise SelectionError(f"{instance!r} is part of {len(meant)} instance ids: {', '.join(meant[:_SHOWN])}{more}")
    if meant:
        return partly
    near = difflib.get_close_matches(instance, sorted(known), n=_SHOWN, cutoff=0.0)
    more = f" (the nearest of {len(known)})" if len(known) > len(near) else ""
    raise SelectionError(f"{unknown('instance', instance, near)}{more}")


def _cells_of(folder: Path) -> list[Found]:
    """Return the cells of a run that were begun, in order."""
    from pytest_swebench.records.journal import read_journals
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import final_records, unfinished
    from pytest_swebench.records.schema import cell_of

    layout = RunLayout(folder.parent, folder.name, "")
    entries = read_journals(layout.journals).entries
    last: dict[Cell, dict[str, Any] | None] = {cell_of(record): record for record in final_records(entries)}
    for opening in unfinished(entries):
        record = last.get(cell_of(opening))
        if record is None or record["attempt"] < opening["attempt"]:
            last[cell_of(opening)] = None
    return [Found(layout, cell, record) for cell, record in sorted(last.items(), key=lambda item: item[0])]


def _listed(cells: Sequence[Found], again: str, *, as_json: bool) -> str:
    """Return the cells with their outcomes, and how to choose one of them; `again` is to be typed again as well."""
    rows = [(str(found.cell), found.record["outcome"] if found.record else "no record yet") for found in cells]
    if as_json:
        return json.dumps({"cells": [{"cell": cell, "outcome": outcome} for cell, outcome in rows]}, indent=2)
    width = max(len(cell) for cell, _ in rows)
    run_id = cells[0].layout.run_id
    lines = [f"{cell:<{width}}  {outcome}" for cell, outcome in rows]
    lines += [f"{len(rows)} cells of run {run_id} match; choose one:"]
    lines += [f"  swebench-runner trace {cells[0].cell} --run {run_id}{again}"]
    return "\n".join(lines)
