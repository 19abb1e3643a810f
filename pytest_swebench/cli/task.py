"""`swebench-runner task`: local tasks, run one or many, with or without a model; each run is a pytest run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pytest_swebench.cell import slug
from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.missing import TellsAllMissing
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble
from pytest_swebench.cli.pytest_run import pytest_arguments, shown
from pytest_swebench.cli.taskrows import Row, chosen, placed, read_tasks, with_images, write_rows
from pytest_swebench.cli.tune import tune
from pytest_swebench.errors import DatasetError, InputError, unknown

if TYPE_CHECKING:
    from pytest_swebench.cli.ending import End

RUNS: Final = Path("sandbox/runs")
SEEDS: Final = Path("sandbox/seed_tasks.jsonl")
_TASKS: Final = "tasks.jsonl"
_RUN: Final = "tasks-"  # and the name of the folder is the id of a run
_ENV_TASK: Final = "env"
_REFUSED: Final = (3, 4)  # pytest's exit codes where nothing ran

Command = Callable[..., Any]


@click.group("task")
def task() -> None:
    """Run local tasks: clone a repository at a ref, install it, run its tests; with --agent a model may patch once.

    A task is one JSON object with task_id, repo and ref, and optionally pytest_k, patch_b64, timeouts, image, trusted.
    """


task.add_command(tune)


def _settings(command: Command) -> Command:
    """Add the options that `run` and `batch` share."""
    for option in reversed(
        (
            click.option("--agent", is_flag=True, help="let a model work on it: arm agent_onepatch (else: baseline)"),
            click.option("--model", default="", help="model, or a comma list of them"),
            click.option("--temperature", default="", help="temperature, or a comma list (default: 0.2)"),
            click.option("--max-turns", default="", help="most answers of the model, or a comma list (default: 10)"),
            click.option("--provider", default="", help="provider (default: chutes where CHUTES_API_KEY is set)"),
            click.option("--resume", metavar="RUN", default="", help="go on with an earlier run, by its id"),
            click.option("--output-dir", default="", help="where the run's records go (default: results)"),
            click.option("--show-command", is_flag=True, help="print the pytest command line (TIME: its start)"),
            click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED),
        )
    ):
        command = option(command)
    return command


@task.command("run", context_settings={"ignore_unknown_options": True})
@click.option("--task-id", default="", help="which task (default: the one of TARGET_REPO, TARGET_REF and PYTEST_K)")
@click.option("--seeds", type=click.Path(path_type=Path), help=f"file of tasks (default: {SEEDS})")
@_settings
def run_task(task_id: str, seeds: Path | None, resume: str, **settings: Any) -> Answer:
    """Run one task; leaves result.json and pytest_tail.txt in sandbox/runs/<time>. Exit code 0 if its tests pass.

    Example:  swebench-runner task run --task-id numpy-1 --agent
    """
    from pytest_swebench.reporting.tasks import write_single

    begun = _begun(resume, seeds) if resume else None
    if begun is not None:
        rows, base = read_tasks(begun / _TASKS)
        ran = [row["task_id"] for row in rows]
        if ran != [task_id or ran[0]]:
            raise InputError(f"--resume {resume}: it ran {', '.join(ran[:3])}; `task batch --resume` goes on with it")
    elif task_id:
        rows, base = chosen(seeds or SEEDS, task_id)
    elif (given := _given_here()).get("TARGET_REPO"):
        rows, base = [_row_of(given)], Path.cwd()
    else:
        raise click.UsageError("which task? give --task-id, or set TARGET_REPO (and TARGET_REF, PYTEST_K)")
    folder, lines, end = _ran(rows, base, begun, **settings)
    if folder is None or end is None:
        return _answer(end)
    for line in lines:
        click.echo(f"{line['task_id']}: {line['status']}: {line['tail']}")
    for place in write_single(folder, lines):
        click.echo(f"result: {place}")
    failed = ", ".join(line["task_id"] for line in lines if line["status"] != "pass")
    if failed and not end.code:
        message = f"the tests of {failed} do not pass"
        return Answer(code=ExitCode.GENERAL, trouble=Trouble(type="TestsFailed", message=message))
    return _answer(end)


@task.command("batch", context_settings={"ignore_unknown_options": True})
@click.option("--seeds", type=click.Path(path_type=Path), help=f"file of tasks (default: {SEEDS})")
@_settings
def run_batch(seeds: Path | None, resume: str, **settings: Any) -> Answer:
    """Run all tasks of a file; leaves results.jsonl and summary.csv in sandbox/runs/<time>. Exit code 0 if all ended.

    A comma list of models, temperatures or turns runs every combination.

    Example:  swebench-runner task batch --seeds sandbox/swe_tasks.jsonl
    """
    from pytest_swebench.reporting.tasks import write_batch

    begun = _begun(resume, seeds) if resume else None
    folder, lines, end = _ran(*read_tasks(begun / _TASKS if begun else seeds or SEEDS), begun, **settings)
    if folder is None:
        return _answer(end)
    write_batch(folder, lines)
    click.echo((folder / "summary.csv").read_text(encoding="utf-8"), nl=False)
    click.echo(f"results: {folder}")
    return _answer(end)


@task.command("image")
@click.option("--base", default="", help="image to build upon (default: a registry's Python, else a local base)")
def build_image(base: str) -> int:
    """Build the image of local tasks, where there is none yet, and say upon what.

    Example:  swebench-runner task image --base python:3.11-slim
    """
    from pytest_swebench.sandbox.engine import connect
    from pytest_swebench.sandbox.images.lite import lite_image

    image = lite_image(connect(), base)
    click.echo(f"{image.name}: {'built' if image.built else 'here already, built'} upon {image.base}")
    return 0


@task.command("from-row", cls=TellsAllMissing)
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.argument("instance_id")
@click.option("--repo", default="", help="where its repository is (default: GitHub)")
def convert(file: Path, instance_id: str, repo: str) -> int:
    """Print an official SWE-bench row of FILE as a local task: one line for a file of tasks.

    Example:  swebench-runner task from-row lite.jsonl django__django-16642
    """
    from pytest_swebench.datasets.files import read_rows
    from pytest_swebench.datasets.rowtask import task_from_row

    found = {str(row.get("instance_id")): (where, row) for where, row in read_rows(file, "test")}
    if instance_id not in found:
        raise DatasetError(f"{file}: {unknown('instance', instance_id, found)}")
    where, row = found[instance_id]
    click.echo(json.dumps(task_from_row(row, where=where, repo=repo), ensure_ascii=False))
    return 0


def _ran(
    rows: list[Row],
    base: Path,
    begun: Path | None = None,
    *,
    agent: bool,
    model: str,
    temperature: str,
    max_turns: str,
    provider: str,
    output_dir: str,
    show_command: bool,
    pytest_options: Sequence[str],
) -> tuple[Path | None, list[dict[str, Any]], End | None]:
    """Run `rows` by pytest; return the folder for their files, what they came to, and how the run ended, if any ran.

    `begun` is the folder of the run that goes on, whose own rows they are.
    """
    from pytest_swebench.cli.ending import run_pytest, the_same_command
    from pytest_swebench.reporting.tasks import task_lines

    asked = {"model": model, "temperature": temperature, "max-turns": max_turns, "provider": provider}
    if not agent and (idle := [f"--{name}" for name, value in asked.items() if value]):
        raise click.UsageError(f"{', '.join(idle)}: no model takes part without --agent")
    rows = [placed(row, base) for row in rows]
    chosen_options = ["--outcome=capture", "--agent-network=install", *_arm_options(agent, asked), *pytest_options]
    root = results_folder(output_dir)

    def arguments(folder: Path) -> list[str]:
        run = f"--{'run-id' if begun is None else 'resume'}={_RUN}{folder.name}"
        return pytest_arguments([f"--dataset={folder / _TASKS}", f"--output-dir={root}", run, *chosen_options])

    if show_command:
        click.echo(shown(arguments(begun or (RUNS / "TIME").absolute())))
        return None, [], None
    rows = with_images(rows)
    folder = begun or _new_folder()
    name = f"{_RUN}{folder.name}"
    if begun is None:
        write_rows(folder / _TASKS, rows)
    end = run_pytest(arguments(folder), lambda run_id: f"{the_same_command(run_id)}, without --seeds")
    if end.status in _REFUSED or not (root / name / "results.jsonl").exists():
        return None, [], end
    return folder, task_lines(root / name), end


def _arm_options(agent: bool, asked: Mapping[str, str]) -> list[str]:
    """Return pytest's options for the arm; what was not asked for has a default unless settings say something."""
    if not agent:
        return ["--arms=baseline"]
    from pytest_swebench.arms.local.onepatch import TURNS
    from pytest_swebench.cli.pytest_options import settings_in

    settings = settings_in(Path.cwd(), os.environ)
    defaults = {"provider": "chutes" if _given_here().get("CHUTES_API_KEY") else "", "max-turns": str(TURNS)}
    unsaid = {name: value for name, value in defaults.items() if settings[name.replace("-", "_")].is_default}
    named = unsaid | {name: value for name, value in asked.items() if value}
    lists = {"model": "models", "temperature": "temperatures"}
    return ["--arms=agent_onepatch", *(f"--{lists.get(name, name)}={value}" for name, value in named.items() if value)]


def _answer(end: End | None) -> Answer:
    return Answer(code=end.code, trouble=end.trouble) if end is not None else Answer(code=ExitCode.OK)


def _given_here() -> Mapping[str, str]:
    """Return what the environment says, and `.env` where that is silent. Raises InputError."""
    from pytest_swebench.config.files import read_dotenv

    return {**read_dotenv(Path.cwd()), **{name: value for name, value in os.environ.items() if value}}


def _row_of(given: Mapping[str, str]) -> Row:
    """Return the task of TARGET_REPO, TARGET_REF and PYTEST_K."""
    repo = given["TARGET_REPO"]
    name = slug(repo.rstrip("/").rpartition("/")[2].removesuffix(".git")) or _ENV_TASK
    return {
        "task_id": name,
        "repo": repo,
        "ref": given.get("TARGET_REF", ""),
        "pytest_k": given.get("PYTEST_K", ""),
    }


def _begun(run_id: str, seeds: Path | None) -> Path:
    """Return the folder of a batch that began earlier. Raises InputError, and UsageError for tasks beside its own."""
    if seeds is not None:
        raise click.UsageError(f"--seeds {seeds}: a run that is resumed has its own tasks; leave it out")
    folder = (RUNS / run_id.removeprefix(_RUN)).absolute()
    if not (folder / _TASKS).is_file():
        known = (f"{_RUN}{path.parent.name}" for path in RUNS.glob(f"*/{_TASKS}"))
        raise InputError(f"--resume: {unknown('run', run_id, known)} (in {RUNS})")
    return folder


def _new_folder() -> Path:
    """Make a folder that no other run has, however many start in one second."""
    now = datetime.now().strftime("%Y%m%d_%H%M%S")
    number = 1
    while True:
        folder = (RUNS / (now if number == 1 else f"{now}-{number}")).absolute()
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder
