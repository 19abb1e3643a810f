"""`swebench-runner compare`: variants held against each other, within a run or across runs and others' results."""

from __future__ import annotations

import shutil

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run, results_named
from pytest_swebench.cli.outcome import Answer, ExitCode


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=complete_run)
@click.option("--baseline-variant", "against", default="", metavar="NAME", help="Hold all others against this one.")
@click.option("--cluster", type=click.Choice(["repo"]), help="Intervals for other repositories, not just these.")
@click.option(
    "--list", "listed", type=click.IntRange(min=0), default=20, show_default=True, help="Instances to name, each way."
)
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def compare_runs(runs: tuple[str, ...], against: str, cluster: str | None, listed: int, output_dir: str) -> Answer:
    """Compare variants on the instances that both have an answer for.

    RUN is a run's id or folder, the latest one, a results.jsonl, the official report of a run, a folder of the
    leaderboard or of mini-swe-agent with its report, or a log of Inspect. Of one RUN its variants are compared, of
    several those of the first with those of each other.

    Example:  swebench-runner compare 20260102_030405-abc123 theirs/report.json
    """
    from pytest_swebench.reporting.comparison.across import compare_sources
    from pytest_swebench.reporting.comparison.reading import read_source
    from pytest_swebench.reporting.comparison.text import lines_of

    root = results_folder(output_dir)
    sources = [read_source(results_named(run, root)) for run in runs or ("latest",)]
    across = compare_sources(sources, against=against, by_repository=cluster == "repo")
    width = min(max(shutil.get_terminal_size().columns, 40), 120)
    for line in lines_of(across, width=width, listed=listed):
        click.echo(line)
    return Answer(code=ExitCode.OK, result=across.as_json())
