"""`swebench-runner plan`: how many instances and repetitions a comparison needs, and what it will cost."""

from __future__ import annotations

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.naming import complete_run, results_named
from pytest_swebench.cli.outcome import Answer, ExitCode


@click.command("plan")
@click.argument("pilot", metavar="[RUN]", required=False, shell_complete=complete_run)
@click.option("--effect", metavar="POINTS", help="The difference to find, e.g. 5pp or 0.05.")
@click.option("--power", default=0.8, show_default=True, help="With what chance.")
@click.option("--rate", type=float, help="The mean rate to expect, without a pilot.  [default: 0.5]")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="Of the pilot, twice: baseline and other.")
@click.option("--instances", "counts", multiple=True, type=click.IntRange(min=2), help="Sizes of the table.")
@click.option("--reps", multiple=True, type=click.IntRange(min=1), help="Repetitions of the table.")
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def plan_run(
    pilot: str | None,
    effect: str | None,
    power: float,
    rate: float | None,
    variants: tuple[str, ...],
    counts: tuple[int, ...],
    reps: tuple[int, ...],
    output_dir: str,
) -> Answer:
    """Say what a comparison of two variants can see, by instances and repetitions, and what it takes.

    RUN is a pilot of both variants, by its id, its folder or as the latest one, or anything that `compare` reads;
    without one the plan stands on what was measured elsewhere. Cost is that of both variants, hours are on one worker.

    Example:  swebench-runner plan --effect 5pp --instances 500 --reps 1 --reps 3
    """
    from pytest_swebench.errors import InputError
    from pytest_swebench.reporting.comparison.reading import read_source
    from pytest_swebench.reporting.plan import INSTANCES, REPETITIONS, assumed, piloted, plan, plan_lines
    from pytest_swebench.statistics.data import Sample
    from pytest_swebench.statistics.gate import parse_share

    pair: list[Sample] = []
    if pilot is None and variants:
        raise InputError("--variant names variants of a pilot, and none is given; give a run, or leave --variant out")
    if pilot is not None and rate is not None:
        raise InputError(f"--rate {rate}: the pilot tells the rate itself; leave one of them out")
    if len(variants) > 2:
        raise InputError(f"--variant: {len(variants)} are named, and a plan is for two; give --variant twice")
    share = None if effect is None else parse_share("--effect", effect)
    if pilot is None:
        assumption = assumed() if rate is None else assumed(rate, effect=share)
    else:
        source = read_source(results_named(pilot, results_folder(output_dir)))
        assumption, pair = piloted(source.samples(), *variants)
    found = plan(
        assumption,
        pilot=pair,
        effect=share,
        power=power,
        instances=counts or INSTANCES,
        reps=reps or REPETITIONS,
    )
    for line in plan_lines(found):
        click.echo(line)
    return Answer(code=ExitCode.OK, result=found.as_json())
