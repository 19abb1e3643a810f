"""`swebench-runner export`: a run in the layout of others."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.argument("run_folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--to", "layout", type=click.Choice(["leaderboard", "harness"]), required=True, help="whose layout")
@click.option("--variant", required=True, help="which variant of the run")
@click.option("--rep", type=click.IntRange(min=1), default=1, show_default=True, help="which repetition")
def export_run(run_folder: Path, out: Path, layout: str, variant: str, rep: int) -> None:
    """Write the cells of one variant of RUN_FOLDER into OUT.

    `leaderboard` is the layout of a submission (all_preds.jsonl, logs/, trajs/, metadata.yaml), `harness` that of the
    official harness's own logs, which `python -m swebench.harness.run_evaluation --rewrite_reports true` reads.

    Example:  swebench-runner export results/mine board --to leaderboard --variant s1_tdd
    """
    from pytest_swebench.records.formats.exports import export_harness_logs, export_leaderboard
    from pytest_swebench.records.layout import keep_from_collection

    export = export_leaderboard if layout == "leaderboard" else export_harness_logs
    written = export(run_folder.absolute(), variant, rep, out)
    keep_from_collection(out)
    click.echo(f"{len(written)} instances written to {out}")
