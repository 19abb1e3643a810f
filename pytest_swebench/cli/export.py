"""`swebench-runner export`: a run in the layout of others, or in LangSmith."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from pytest_swebench.cli.missing import listed
from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.errors import InputError

_LANGSMITH: Final = "langsmith"
_FILES: Final = ("leaderboard", "harness")


@click.command("export")
@click.argument("run_folder", metavar="RUN", default="latest")
@click.argument("out", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--to", "target", type=click.Choice([*_FILES, _LANGSMITH]), help="whose layout, or langsmith")
@click.option("--langsmith", is_flag=True, help="the same as --to langsmith")
@click.option("--variant", default="", help="which variant of the run (langsmith: all of them)")
@click.option("--rep", type=click.IntRange(min=1), default=1, show_default=True, help="which repetition, for files")
def export_run(
    run_folder: str, out: Path | None, target: str | None, langsmith: bool, variant: str, rep: int
) -> Answer:
    """Write the cells of one variant of RUN into OUT, or send RUN to LangSmith.

    RUN is an id, a folder, or the latest one. `leaderboard` is the layout of a submission (all_preds.jsonl, logs/,
    trajs/, metadata.yaml), `harness` that of the official harness's own logs, which `python -m
    swebench.harness.run_evaluation --rewrite_reports true` reads.

    `langsmith` takes no OUT: LANGSMITH_API_KEY, LANGSMITH_PROJECT and LANGSMITH_ENDPOINT say where to. A run that is
    sent again, or was traced while it ran, is there once.

    Example:  swebench-runner export results/mine board --to leaderboard --variant s1_tdd
    """
    if langsmith and target in _FILES:
        raise click.UsageError(f"--langsmith and --to {target}: give one of them")
    if langsmith or target == _LANGSMITH:
        if out is not None:
            raise click.UsageError(f"OUT {str(out)!r}: LangSmith takes no folder; leave it away")
        return _sent(run_folder, variant)
    if target is None or out is None or not variant:
        raise click.UsageError(_lacking(target, out, variant))
    return _written(run_folder, out, target, variant, rep)


def _lacking(target: str | None, out: Path | None, variant: str) -> str:
    """Say all that a call lacks, in the order in which it would be typed."""
    lacking = {
        "OUT (the folder to write into)": out is None,
        f"--to ({', '.join(_FILES)}, or {_LANGSMITH}, which needs neither OUT nor --variant)": target is None,
        "--variant (whose cells to write)": not variant,
    }
    names = [name for name, missing in lacking.items() if missing]
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} missing"


def _sent(run: str, variant: str) -> Answer:
    from pytest_swebench.cli.report import viewed
    from pytest_swebench.reporting.langsmith.account import account_of
    from pytest_swebench.reporting.langsmith.export import export_to_langsmith

    view = viewed(run, "")
    try:
        account = account_of(os.environ)
    except InputError as error:
        raise InputError(f"--to {_LANGSMITH}: {error}") from error
    sent = export_to_langsmith(view, account, variant)
    click.echo(f"{sent} cells of run {view.layout.run_id} sent to project {account.project!r} of {account.shown}")
    told = {"run_id": view.layout.run_id, "cells": sent, "project": account.project, "endpoint": account.shown}
    return Answer(code=ExitCode.OK, result=told)


def _written(run: str, out: Path, layout: str, variant: str, rep: int) -> Answer:
    from pytest_swebench.cli.report import viewed
    from pytest_swebench.records.formats.exports import export_harness_logs, export_leaderboard
    from pytest_swebench.records.layout import keep_from_collection

    export = export_leaderboard if layout == "leaderboard" else export_harness_logs
    folder = viewed(run, "").layout.folder
    written = export(folder, variant, rep, out)
    keep_from_collection(out)
    click.echo(f"{len(written)} instances written to {out}")
    return Answer(code=ExitCode.OK, result={"run_id": folder.name, "instances": len(written), "folder": str(out)})
