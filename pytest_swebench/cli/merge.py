"""`swebench-runner merge`: the files of a run, made again from its journals."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run
from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from pytest_swebench.records.layout import RunLayout

_STAMP: Final = re.compile(r"\d{8}_\d{6}")


@click.command("merge")
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def merge_run(run: str, output_dir: str) -> None:
    """Rebuild the files of a run from its journals.

    RUN is its id, its folder, or `latest`; results.jsonl, summary.json, summary.csv and predictions/ are made anew in
    it, and the files of the variants beside it are completed. Cells of a run that was killed are recorded as infra;
    those that a living process works on are left alone, so this is safe at any time.

    Example:  swebench-runner merge results/20260102_030405-abc123
    """
    from pytest_swebench.cli.ending import run_folder
    from pytest_swebench.records.results import ResultFiles, planned_commit
    from pytest_swebench.records.settle import settle
    from pytest_swebench.reporting.fitness import quarantine
    from pytest_swebench.reporting.summary import encodable, render_results

    layout = layout_of(run_folder(run, results_folder(output_dir)))
    files = ResultFiles(layout, planned_commit(layout))
    merged = settle(files)
    paths = files.close()
    assert merged is not None, "layout_of has seen a journal"
    unfit = quarantine(layout, merged.records)
    width = shutil.get_terminal_size().columns
    text = render_results(merged, unfit, width=width, colour=False, layout=layout)
    click.echo(encodable(text, sys.stdout.encoding))
    if merged.running:
        click.echo(f"still at work: {merged.running} cells; merge again when the run has ended")
    if merged.not_run:
        click.echo(f"without a record: {merged.not_run} selected cells were not run, or not to their end")
    for path in paths:
        click.echo(f"per variant: {path}")
    click.echo(f"rebuilt: {layout.results} ({len(merged.records)} cells), summary.json, summary.csv, predictions/")


def layout_of(run_folder: Path) -> RunLayout:
    """Return the layout of an existing run. Raises InputError for a folder that holds none."""
    from pytest_swebench.records.layout import RunLayout

    folder = run_folder.absolute()
    stamp = _STAMP.match(folder.name)
    layout = RunLayout(folder.parent, folder.name, stamp.group() if stamp else folder.name)
    if not any(layout.journals.glob("*.jsonl")):
        raise InputError(
            f"{str(run_folder)!r} is no folder of a run: it has no journal/*.jsonl; give results/<run id>, as the "
            "last line of a run's summary names it"
        )
    return layout
