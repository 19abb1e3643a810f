"""`swebench-runner show`: the summary of a run again, read from its records; nothing is written."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run
from pytest_swebench.cli.outcome import Answer, ExitCode

if TYPE_CHECKING:
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import Merged

_MERGED: Final = ("results.jsonl", "summary.csv", "predictions/")


@click.command("show")
@click.argument("name", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def show(name: str, output_dir: str) -> Answer:
    """Show the summary of RUN again: its id, its folder, or the latest one.

    A run that is still at work is shown as far as it is.

    Example:  swebench-runner show 20260102_030405-abc123
    """
    from pytest_swebench.cli.ending import layout_in, read_run, run_folder, run_json
    from pytest_swebench.reporting.gate.told import gate_told
    from pytest_swebench.reporting.summary import encodable, render_results

    layout = layout_in(run_folder(name, results_folder(output_dir)))
    merged = read_run(layout)
    width = shutil.get_terminal_size().columns
    text = render_results(merged, _unfit(layout, merged), width=width, colour=False, layout=layout)
    click.echo(encodable(text, sys.stdout.encoding))
    if merged.running:
        click.echo(f"still at work: {merged.running} cells")
    gate = gate_told(layout.folder)
    if gate is not None:
        click.echo(encodable(gate.line, sys.stdout.encoding))
    for line in _places(layout, running=bool(merged.running)):
        click.echo(line)
    cells = [_cell(record) for record in merged.records]
    told = {"run_id": layout.run_id, "folder": str(layout.folder), "running": merged.running, **run_json(merged)}
    return Answer(code=ExitCode.OK, result={**told, "records": cells})


def _places(layout: RunLayout, *, running: bool) -> list[str]:
    """Return where the run lies, with what is there of it, and what makes the files that it lacks."""
    made = {name: (layout.folder / name).exists() for name in (*_MERGED, "cells/")}
    lacking = [name for name in _MERGED if not made[name]]
    lines = []
    if lacking and not running:
        lines.append(f"swebench-runner merge {layout.folder} makes {', '.join(lacking)}")
    return [*lines, f"all of it: {layout.folder} ({', '.join(name for name in made if made[name]) or 'journal/'})"]


def _cell(record: dict[str, Any]) -> dict[str, Any]:
    """Return what `--json` tells of a cell; all of it stands in results.jsonl."""
    from pytest_swebench.records.schema import cell_of
    from pytest_swebench.reporting.reasons import reason_of

    kept = ("outcome", "stop", "attempt", "cost_usd", "calls")
    return {"cell": str(cell_of(record)), **{name: record[name] for name in kept}, "reason": reason_of(record)}


def _unfit(layout: RunLayout, merged: Merged) -> dict[str, str]:
    """Return the instances of the run that are known to be unfit to judge a patch, and why."""
    from pytest_swebench.grading.known import Known
    from pytest_swebench.grading.selfcheck import quarantined

    known = Known.beside_runs(layout.root)
    names = {str(record["instance_id"]) for record in merged.records if record["type"] == "result"}
    return quarantined(known, _instances(layout, {name for name in names if known.any(name)}))


def _instances(layout: RunLayout, wanted: set[str]) -> list[Instance]:
    """Return those of the run's instances that are wanted."""
    from pytest_swebench.datasets.manifest import read_manifest

    found: dict[str, Instance] = {}
    for index in sorted((layout.folder / "manifests").glob("*.json")):
        manifest = read_manifest(index)
        found |= {name: manifest.instance(name) for name in manifest.instance_ids if name in wanted}
    return list(found.values())
