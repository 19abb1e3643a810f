"""`swebench-runner evaluate`: patches of any tool, graded; the same command again goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from pytest_swebench.cell import digest, slug
from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.line import clean
from pytest_swebench.cli.outcome import Answer
from pytest_swebench.cli.pytest_run import pytest_arguments, shown

_ARM: Final = "predictions"
_REFUSED: Final = (3, 4)  # pytest's exit codes where nothing ran: what lies there is of an earlier run


@click.command("evaluate", context_settings={"ignore_unknown_options": True})
@click.argument("patches", type=click.Path(path_type=Path, exists=True))
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
@click.option("-d", "--dataset", default="", help="lite, verified, full, ..., a hub name, or a file (else: settings)")
@click.option("--run-id", default="", help="name of the run (default: made from PATCHES and the dataset)")
@click.option("--eval-max-workers", type=click.IntRange(min=1), help="gradings at one time (default: cores, memory)")
@click.option("--output-dir", default="", help="where results go (env: OUTPUT_DIR, default: results)")
@click.option("--regrade", is_flag=True, help="read kept logs again, of that run or in PATCHES; no container")
@click.option("--show-command", is_flag=True, help="print the pytest command line and stop")
def evaluate(
    patches: Path,
    pytest_options: Sequence[str],
    dataset: str,
    run_id: str,
    eval_max_workers: int | None,
    output_dir: str,
    regrade: bool,
    show_command: bool,
) -> int | Answer:
    """Grade the patches in PATCHES by the official rules.

    PATCHES is a predictions file (.json, .jsonl), or the output folder of mini-swe-agent, SWE-agent or a leaderboard
    submission. Options of pytest may follow, e.g. --instance-ids, --sandbox-profile, --junitxml; --evaluate writes the
    analysis of errors, charts and the HTML report into the run's reports/ as well. What an earlier run of the same
    command has graded is left out, unless the patch or the way of grading changed. With --regrade PATCHES may also be a
    folder of logs as the official harness leaves them, of which no run here exists.

    Example:  swebench-runner evaluate preds.jsonl -d verified
    """
    from pytest_swebench.grading.slots import default_slots

    dataset = dataset or _dataset_of_settings()
    root = results_folder(output_dir)
    # the run's name and its cells' keys must not depend on how the files were written on the command line
    file = _file_of(dataset)
    dataset = str(file) if file else dataset
    name = run_id or f"evaluate-{slug(patches.stem)}-{digest([str(patches.resolve()), dataset])[:8]}"
    if regrade:
        return _regraded(root.absolute() / name, patches, dataset)
    workers = eval_max_workers or default_slots()
    options = [f"--arms={_ARM}", f"--patches={patches}", f"--dataset={dataset}", f"--run-id={name}"]
    options += [f"--output-dir={root}", "--outcome=capture", f"--eval-max-workers={workers}"]
    spread = [f"-n{workers}"] if workers > 1 else []
    arguments = pytest_arguments([*options, *spread, *pytest_options])
    if show_command:
        click.echo(shown(arguments))
        return 0
    return _graded(arguments, root / name, dataset)


def _dataset_of_settings() -> str:
    """Return the dataset that environment or files of this folder name. Raises UsageError if none does."""
    from pytest_swebench.cli.pytest_options import settings_in

    dataset = settings_in(Path.cwd(), os.environ)["dataset"]
    if not dataset.is_default:
        return str(dataset.value)
    raise click.UsageError(
        "no dataset: give -d/--dataset, or set SWEBENCH_DATASET, in .env too, or `dataset` in .swebench.yaml"
    )


def _file_of(dataset: str) -> Path | None:
    """Return the whole path of a dataset that is a file or folder here, None for one that goes by its name."""
    from pytest_swebench.datasets.hub import ALIASES
    from pytest_swebench.datasets.load import DEMO

    path = Path(dataset).expanduser()
    return path.resolve() if dataset not in (DEMO, *ALIASES) and path.exists() else None


def _graded(arguments: list[str], folder: Path, dataset: str) -> Answer:
    """Run pytest, then write the official run report on what it left."""
    from pytest_swebench.cli.ending import by_itself, run_pytest
    from pytest_swebench.cli.mode import current
    from pytest_swebench.records.formats.run_report import applied_only_by_fallback, report_name, run_report
    from pytest_swebench.records.layout import write_json
    from pytest_swebench.records.results import prediction_name

    end = run_pytest(arguments, by_itself)
    results = folder / "results.jsonl"
    result = {"command": clean(shown(arguments)), **end.as_json()} if current().as_json else {}
    if end.status not in _REFUSED and results.exists():
        records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        model = prediction_name(records[0]) if records else _ARM
        path = folder / report_name(model, folder.name)
        write_json(path, run_report(records, variant=_ARM, dataset_ids=_ids_at_hand(dataset)))
        click.echo(f"official run report: {path}")
        result["report"] = str(path)
        if loose := applied_only_by_fallback(records):
            more = ", ..." if len(loose) > 3 else ""
            click.echo(f"applied only by the last fallback: {len(loose)} ({', '.join(loose[:3])}{more})")
    return Answer(code=end.code, result=result, trouble=end.trouble)


def _ids_at_hand(dataset: str) -> list[str]:
    """Return the ids of the demo's or a single file's instances; none of others, which have splits or are fetched."""
    from pytest_swebench.datasets.load import DEMO, load_instances

    file = _file_of(dataset)
    if dataset != DEMO and not (file and file.is_file()):
        return []
    return [instance.instance_id for instance in load_instances(dataset, base_dir=Path.cwd())]


def _regraded(folder: Path, patches: Path, dataset: str) -> int:
    """Tell what today's rules say of the kept logs; 1 if any verdict changed or cannot be given again.

    They are those of the run in `folder`; where there is none, the official harness's own in `patches`.
    """
    from pytest_swebench.datasets.load import load_instances
    from pytest_swebench.grading.regrade import regrade, regrade_logs

    if folder.exists() or not patches.is_dir():
        results = regrade(folder)
    else:
        results = regrade_logs(patches, load_instances(dataset, base_dir=Path.cwd()))
    for one in results:
        if one.problem:
            click.echo(f"{one.instance_id}: {one.problem}")
        elif one.changed and one.old is not None and one.new is not None:
            click.echo(f"{one.instance_id}: was {one.old.summary()}, is {one.new.summary()}")
    changed, lost = sum(one.changed for one in results), sum(bool(one.problem) for one in results)
    resolved = sum(one.new is not None and one.new.resolved for one in results)
    click.echo(f"read again: {len(results)} logs, {resolved} resolved, {changed} verdicts changed, {lost} without one")
    return int(bool(changed or lost))
