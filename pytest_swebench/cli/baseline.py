"""`swebench-runner baseline`: what gates hold runs against, kept by name and fit for version control."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run, results_named
from pytest_swebench.cli.outcome import Answer, ExitCode


@click.group("baseline")
def baseline() -> None:
    """Keep a run as a baseline, in the folder `baselines`."""


@baseline.command("save")
@click.argument("name")
@click.argument("run", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("--replace", is_flag=True, help="Replace the baseline of that name.")
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def save(name: str, run: str, replace: bool, output_dir: str) -> Answer:
    """Save RUN as NAME: a run's id or folder, the latest one, or anything that `compare` reads.

    Example:  swebench-runner baseline save main results/20260102_030405-abc123
    """
    from pytest_swebench.reporting.comparison.saved import FOLDER
    from pytest_swebench.reporting.gate.baselines import save_baseline

    source = results_named(run, results_folder(output_dir))
    path = save_baseline(source, name, Path(FOLDER), replace=replace)
    size = path.stat().st_size
    click.echo(f"saved: {path} ({size / 1000:.1f} kB); keep it in version control")
    result = {"name": name, "file": str(path), "size_bytes": size, "source": str(source)}
    return Answer(code=ExitCode.OK, result=result)


@baseline.command("list")
def list_saved() -> Answer:
    """List what is saved.

    Example:  swebench-runner baseline list
    """
    from pytest_swebench.reporting.comparison.saved import FOLDER
    from pytest_swebench.reporting.gate.baselines import list_baselines

    found = list_baselines(Path(FOLDER))
    for one in found:
        variants = ", ".join(f"{name} ({cells} cells)" for name, cells in one.variants.items())
        click.echo(f"{one.name}: {one.instances} instances, {variants}; of {one.run_id}, saved {one.saved_on}")
    if not found:
        click.echo("no baseline is saved; swebench-runner baseline save NAME keeps the latest run")
    told = [
        {
            "name": one.name,
            "file": str(one.path),
            "run_id": one.run_id,
            "saved_on": one.saved_on.isoformat(),
            "instances": one.instances,
            "variants": dict(one.variants),
        }
        for one in found
    ]
    return Answer(code=ExitCode.OK, result={"baselines": told})
