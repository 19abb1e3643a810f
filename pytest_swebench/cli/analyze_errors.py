"""`swebench-runner analyze-errors`: what went wrong in a run, as markdown and JSON."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_swebench.cli.naming import complete_run, either, latest_told
from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.cli.report import viewed, written_to


@click.command("analyze-errors")
@click.argument("run", metavar="[RUN]", default="", shell_complete=complete_run)
@click.option(
    "--results",
    default="",
    metavar="RUN",
    help="The same as RUN; also its results.jsonl, or a folder of runs, for its latest.",
)
@click.option("--output-dir", default="", metavar="DIR", help="Where to (default: RUN/reports).")
@click.option("--traces/--no-traces", default=True, help="Read what guards said and which ways back were gone.")
def analyze_errors(run: str, results: str, output_dir: str, traces: bool) -> Answer:
    """Put the failures of RUN together: overview, kinds with evidence, guards, retries, ways back.

    RUN is its id, its folder, or the latest one. Two files are written, named by the time, and `..._latest` beside
    them leads to the newest.

    Example:  swebench-runner analyze-errors 20260102_030405-abc123
    """
    from pytest_swebench.reporting.errors.analysis import nothing
    from pytest_swebench.reporting.errors.writing import analyze_final_errors
    from pytest_swebench.reporting.tree import count

    named = either(run, results)
    view = viewed(named, "")
    folder = Path(output_dir) if output_dir else view.layout.folder / "reports"
    with written_to(folder, "--output-dir"):
        written = analyze_final_errors(view.layout.folder, folder, traces)
    analysis = written.analysis
    told = analysis.overview
    click.echo(f"run {view.layout.run_id}{latest_told(named, view.layout.folder)}")
    click.echo(f"{told['failed']} of {told['cells']} cells failed" if analysis.failed else nothing(analysis))
    if told["damaged"]:
        click.echo(f"{count(told['damaged'], 'damaged line')} of its journals left out", err=True)
    for (family, kind), cells in analysis.kinds.items():
        click.echo(f"{len(cells):>6}  {family}: {kind}")
    click.echo(f"errors: {written.markdown}\n        {written.data}")
    whole = analysis.as_json()
    shown = ("run_id", "overview", "message", "failures_by_guard", "taxonomy", "escalations")
    files = {"markdown": str(written.markdown), "data": str(written.data)}
    return Answer(code=ExitCode.OK, result={**{name: whole[name] for name in shown}, **files})
