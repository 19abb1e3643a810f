"""`swebench-runner validate-env`: whether the instances of a dataset can judge a patch on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.outcome import WORST_FIRST, Answer, ExitCode, Trouble
from pytest_swebench.cli.pytest_run import pytest_arguments, shown

if TYPE_CHECKING:
    from pytest_swebench.cli.ending import End
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.grading.selfcheck import Report, Row
    from pytest_swebench.records.layout import RunLayout


@click.command("validate-env", context_settings={"ignore_unknown_options": True})
@click.argument("dataset")
@click.option("--self-check", "golds", type=click.IntRange(1), default=1, show_default=True, help="Gold runs of each.")
@click.option("--split", default="", help="Split of the dataset.")
@click.option("--instance-ids", default="", help="Comma list of exact instance ids, or @FILE with one a line.")
@click.option("--instances", default="", help="Comma list of substrings; an instance id must hold one of them.")
@click.option("--language", default="", help="Only instances in this language.")
@click.option("--max-instances", type=click.IntRange(0), help="At most so many instances.")
@click.option("-n", "workers", default="", metavar="W", help="Work in parallel, as pytest-xdist's -n.")
@click.option("--output-dir", default="", help="Where results go (env: OUTPUT_DIR, default: results).")
@click.option("--run-id", default="", help="Name of the run; one that exists is gone on with.")
@click.option("--show-command", is_flag=True, help="Print the pytest commands instead of running them.")
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def validate_env(
    dataset: str,
    golds: int,
    workers: str,
    output_dir: str,
    run_id: str,
    show_command: bool,
    pytest_options: tuple[str, ...],
    **selection: str | int | None,
) -> Answer:
    """Grade the reference patch and an empty one of every instance of DATASET.

    An instance is ok if its reference patch resolves it every time and an empty one does not. Tests that flake are
    named, and unfit instances are quarantined: later runs show their rates with them and without. Any other option,
    given after DATASET, goes to pytest, e.g. --sandbox-profile=official. Exit code 0 if all are ok,
    else 1, or that of a run which broke.

    Example:  swebench-runner validate-env lite --max-instances 5
    """
    root = results_folder(output_dir)
    run_id = run_id or f"self-check-{time.strftime('%Y%m%d_%H%M%S')}-{os.getpid()}"
    chosen = [f"--{name.replace('_', '-')}={value}" for name, value in selection.items() if value not in ("", None)]
    parallel = [f"-n{workers}"] if workers else []
    given = [*chosen, *parallel, f"--output-dir={root}", f"--run-id={run_id}", *pytest_options]
    commands = commands_for(dataset, golds, given)
    if show_command:
        for command in commands:
            click.echo(shown(command))
        return Answer(code=ExitCode.OK)
    report, ends = _checked(root, run_id, commands)
    if report is None:
        return Answer(code=ends[-1].code, trouble=ends[-1].trouble)
    click.echo(render(report))
    if report.all_ok:
        return Answer(code=ExitCode.OK)
    broken = {end.code: end.trouble for end in ends if end.trouble is not None}
    worst = next((code for code in (ExitCode.INTERRUPTED, *WORST_FIRST) if code in broken), ExitCode.GENERAL)
    return Answer(code=worst, trouble=broken.get(worst) or _unfit(report))


def commands_for(dataset: str, golds: int, given: Sequence[str]) -> list[list[str]]:
    """Return the runs of a self-check: gold first, for it shows which network an instance needs."""
    run = [f"--dataset={dataset}", "--outcome=capture"]
    runs = (("gold", golds), ("null", 1))
    return [pytest_arguments([*run, f"--arms={arm}", f"--count={count}", *given]) for arm, count in runs]


def render(report: Report) -> str:
    """Return the report as a table, one line an instance, and how many of them are ok."""
    columns: dict[str, Callable[[Row], str]] = {
        "instance": lambda row: row.instance_id,
        "gold": lambda row: f"{row.run.gold_resolved}/{row.run.gold}",
        "null": lambda row: ("resolved" if row.run.null_resolved else "unresolved") if row.run.null else "-",
        "flaky tests": lambda row: str(len(row.ledger.flaky)),
        "network": lambda row: row.network or "-",
        "seconds": lambda row: f"{row.seconds:.1f}",
        "verdict": lambda row: f"{row.state}: {row.reason}" if row.reason else str(row.state),
    }
    lines = [list(columns), *([show(row) for show in columns.values()] for row in report.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*table, f"{report.ok} of {len(report.rows)} instances are ok"])


def _unfit(report: Report) -> Trouble:
    message = f"{len(report.rows) - report.ok} of {len(report.rows)} instances cannot judge a patch here"
    return Trouble(type="Unfit", message=message, fix="leave them out; later runs show their rates without them too")


def _checked(root: Path, run_id: str, commands: list[list[str]]) -> tuple[Report | None, list[End]]:
    """Run the commands; return what their records say, None where no instance was found, and how each ended."""
    from pytest_swebench.cli.ending import run_pytest
    from pytest_swebench.grading.known import Known
    from pytest_swebench.grading.selfcheck import self_check
    from pytest_swebench.records.journal import read_journals
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import final_records

    layout = RunLayout(root, run_id, run_id)
    ends = []
    for command in commands:
        ends.append(run_pytest(command, _way_on))
        instances = _instances(layout)
        if not instances:
            return None, ends
        if ends[-1].code is ExitCode.INTERRUPTED:
            break
    records = final_records(read_journals(layout.journals).entries)
    return self_check(records, Known.beside_runs(root), instances), ends


def _way_on(run_id: str) -> str:
    return f"to go on: the same command with --run-id={run_id}"


def _instances(layout: RunLayout) -> list[Instance]:
    """Return what the run has selected so far, each instance once."""
    from pytest_swebench.datasets.manifest import read_manifest

    indexes = sorted((layout.folder / "manifests").glob("*.json"))
    found = [instance for index in indexes for instance in read_manifest(index).instances()]
    return list({instance.instance_id: instance for instance in found}.values())
