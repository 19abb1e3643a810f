"""`swebench-runner gate`: a run held against its baseline; the verdict is the exit code."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.mode import current
from pytest_swebench.cli.naming import complete_run, results_named
from pytest_swebench.cli.outcome import Answer
from pytest_swebench.cli.verdict import verdict_trouble


@click.command("gate")
@click.argument("run", metavar="[RUN]", default="latest", shell_complete=complete_run)
@click.option("--baseline", required=True, metavar="RUN", help="A saved baseline, another run, or any results.")
@click.option("--baseline-variant", metavar="NAME", help="Hold all variants against this one.  [default: by name]")
@click.option("--max-drop", metavar="POINTS", help="The drop that is tolerated, e.g. 3pp or 0.03.  [default: 3pp]")
@click.option("--confidence", type=float, metavar="SHARE", help="One-sided.  [default: 0.95]")
@click.option("--gate", "mode", type=click.Choice(["strict", "lenient", "report"]), help="[default: strict]")
@click.option("--allow-drift", is_flag=True, default=None, help="Judge although conditions or instances differ.")
@click.option(
    "--fail-on-new-failures",
    type=int,
    metavar="K",
    help="Fail if K instances that the baseline always resolved, three times or more, are not.",
)
@click.option("--gate-markdown", metavar="FILE", help="Write the page, Markdown, to FILE as well.")
@click.option("--output-dir", default="", help="Where results lie (env: OUTPUT_DIR, default: results).")
def gate(
    run: str,
    baseline: str,
    baseline_variant: str | None,
    max_drop: str | None,
    confidence: float | None,
    mode: str | None,
    allow_drift: bool | None,
    fail_on_new_failures: int | None,
    gate_markdown: str | None,
    output_dir: str,
) -> Answer:
    """Say whether RUN is shown to be no worse than its baseline.

    RUN is a run's id or folder, the latest one, or anything that `compare` reads. The exit code is 0 for pass, 10
    regressed, 11 inconclusive, 12 not comparable; docs/gate.md tells what they mean.

    Example:  swebench-runner gate --baseline main --max-drop 3pp
    """
    from pytest_swebench.errors import InputError, RecordError
    from pytest_swebench.redact import Redactor
    from pytest_swebench.reporting.comparison.runs import is_run
    from pytest_swebench.reporting.gate.asked import asked_gate
    from pytest_swebench.reporting.gate.baselines import find_baseline
    from pytest_swebench.reporting.gate.judging import gate_run, not_comparable
    from pytest_swebench.reporting.gate.publishing import FILE, own_verdict, publish
    from pytest_swebench.reporting.gate.text import gate_lines, in_a_line
    from pytest_swebench.reporting.wrapping import wrapped

    asked = asked_gate(
        baseline,
        max_drop=max_drop,
        confidence=confidence,
        mode=mode,
        against=baseline_variant,
        allow_drift=allow_drift,
        fatal_from=fail_on_new_failures,
        markdown=gate_markdown,
    )
    assert asked is not None
    results = results_folder(output_dir)
    path = results_named(run, results)
    try:
        before = find_baseline(baseline, Path.cwd(), results)
    except InputError as error:
        report = not_comparable(asked, path, Path(baseline), str(error))
    else:
        report = gate_run(asked, path, before)
    ours = path.is_dir() and is_run(path)
    own = own_verdict(path) if ours else ""
    page = Path(gate_markdown) if gate_markdown else None
    as_json = current().as_json
    for line in wrapped(gate_lines(report), max(shutil.get_terminal_size().columns, 40)):
        click.echo(line)
    if own:
        click.echo(f"the run's own verdict stands in {FILE}, and is left there: {own}", err=as_json)
    try:
        redactor = Redactor.from_env(os.environ)
        told = publish(report, path if ours else None, os.environ, redactor, page=page, afterwards=True)
    except RecordError as error:  # the verdict is what it is
        told = [str(error)]
    for line in told:
        click.echo(line, err=as_json)
    trouble = verdict_trouble(int(report.exit), in_a_line(report)) if as_json else None
    return Answer(code=int(report.exit), result=report.as_json(), trouble=trouble)
