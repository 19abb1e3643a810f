"""`swebench-runner visualize`: a run as charts and tables for papers and slides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pytest_swebench.cli.naming import complete_run, either, latest_told
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble
from pytest_swebench.cli.report import viewed, written_to
from pytest_swebench.errors import InputError


@click.command("visualize")
@click.argument("run", metavar="[RUN]", default="", shell_complete=complete_run)
@click.option(
    "--results",
    default="",
    metavar="RUN",
    help="The same as RUN; also its results.jsonl, or a folder of runs, for its latest.",
)
@click.option("--output-dir", default="", metavar="DIR", help="Where to (default: RUN/reports/charts).")
@click.option(
    "--resolved", default="", metavar="FILE", help='Verdicts of others: {"variant": ["instance", ...]} in JSON.'
)
def visualize(run: str, results: str, output_dir: str, resolved: str) -> Answer:
    """Draw RUN as six charts, in SVG and PNG, with tables in markdown, LaTeX and CSV.

    RUN is its id, its folder, or the latest one. This needs matplotlib: pip install 'pytest-swebench[charts]'.

    Example:  swebench-runner visualize 20260102_030405-abc123
    """
    from pytest_swebench.reporting.charts.material import material_of
    from pytest_swebench.reporting.charts.writing import write_charts
    from pytest_swebench.reporting.tree import count

    named = either(run, results)
    view = viewed(named, "")
    material = material_of(view, _verdicts(Path(resolved)) if resolved else None)
    folder = Path(output_dir) if output_dir else view.layout.folder / "reports" / "charts"
    with written_to(folder, "--output-dir"):
        drawn = write_charts(material, folder)
    click.echo(f"run {view.layout.run_id}{latest_told(named, view.layout.folder)}")
    click.echo(f"charts: {folder} ({len(drawn.files)} files)")
    if view.damaged:
        click.echo(f"{count(view.damaged, 'damaged line')} of its journals left out", err=True)
    for name, why in drawn.left_out.items():
        click.echo(f"left out: {name}: {why}", err=True)
    result = {
        "run_id": view.layout.run_id,
        "folder": str(folder),
        "files": [str(path) for path in drawn.files],
        "left_out": dict(drawn.left_out),
        "failed": dict(drawn.failed),
    }
    if not drawn.failed:
        return Answer(code=ExitCode.OK, result=result)
    told = "; ".join(f"{name}: {why}" for name, why in drawn.failed.items())
    trouble = Trouble(type="NotDrawn", message=f"not drawn: {told}; the others are in {folder}")
    return Answer(code=ExitCode.GENERAL, result=result, trouble=trouble)


def _verdicts(path: Path) -> dict[str, list[str]]:
    """Return variant -> resolved instances. Raises InputError for a file that does not hold that."""
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"--resolved {str(path)!r}: {error}; give a JSON file") from error
    if not isinstance(told, dict) or not all(isinstance(names, list) for names in told.values()):
        raise InputError(f'--resolved {str(path)!r}: not {{"variant": ["instance", ...]}}; give the variants by name')
    return {str(variant): [str(name) for name in names] for variant, names in told.items()}
