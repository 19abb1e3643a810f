"""`swebench-runner task tune`: settings of an arm tried one after another on a few tasks, within a budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pytest_swebench.cell import digest, slug
from pytest_swebench.cli.config import results_folder
from pytest_swebench.cli.ending import OVER_BUDGET, by_itself, run_pytest
from pytest_swebench.cli.missing import TellsAllMissing
from pytest_swebench.cli.outcome import Answer, ExitCode, Trouble
from pytest_swebench.cli.pytest_run import pytest_arguments, shown

if TYPE_CHECKING:
    from pytest_swebench.cli.ending import End
    from pytest_swebench.reporting.tuning import Axis, Setting, Trial

AXES: Final = ("temperatures=0,0.2,0.7", "max-turns=10,20,40")
CAP_S: Final = 30.0
_RAN: Final = (0, 1)  # pytest's exit codes of runs that came to their end
INTERRUPTION: Final = "interrupted; the same command goes on"


@click.command("tune", cls=TellsAllMissing, context_settings={"ignore_unknown_options": True})
@click.option("--seeds", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="task file")
@click.option("--arm", required=True, help="whose settings are tuned, e.g. agent_onepatch or team_review")
@click.option("--model", required=True, help="model id as the provider names it")
@click.option("--trials", default=6, show_default=True, type=click.IntRange(min=1), help="settings to run, at most")
@click.option("--max-cost", type=click.FloatRange(min=0, min_open=True), help="USD for all trials of this command")
@click.option("--try", "tried", multiple=True, help=f"option and its values; repeatable (default: {'  '.join(AXES)})")
@click.option("--cap", "cap_s", default=CAP_S, show_default=True, help="seconds a task may take to count as passed")
@click.option("--output-dir", default="", help="where results go (env: OUTPUT_DIR, default: results)")
@click.option("--show-command", is_flag=True, help="print the first trial's command line, without images")
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def tune(
    seeds: Path,
    arm: str,
    model: str,
    trials: int,
    max_cost: float | None,
    tried: Sequence[str],
    cap_s: float,
    output_dir: str,
    show_command: bool,
    pytest_options: Sequence[str],
) -> Answer:
    """Find good settings of ARM on the tasks in a file, by trying few of them.

    Starts where earlier runs in the output folder were best, else in the middle, and moves one value one step at a
    time to where more tasks pass, or as many for less money. Each trial is a run of pytest; the same command again
    goes on from what was tried. Options of pytest may follow, e.g. --provider, --count, --sandbox.

    Example:  swebench-runner task tune --seeds tasks.jsonl --arm agent_onepatch --model gpt-5 --max-cost 1
    """
    from pytest_swebench.reporting.tuning import best_of, earlier, middle, read_axis, report, table

    axes = [read_axis(text) for text in (tried or AXES)]
    root = results_folder(output_dir)
    if any(option.partition("=")[0] == "--resume" for option in pytest_options):
        raise click.UsageError("--resume: the same command without it goes on with what was tried")
    search = Search(seeds.resolve(), arm, model, root, tuple(axes), tuple(pytest_options))
    known = earlier(root, axes, arm, model, search.task_ids(), cap_s)
    first = best_of(known)
    start = first.setting if first is not None else middle(axes)
    if show_command:
        click.echo(shown(search.arguments(start, max_cost)))
        return Answer(code=ExitCode.OK, result={"command": shown(search.arguments(start, max_cost))})
    search = search.with_images()
    trials_made, spent_usd, ended, broken = _tried(search, start, trials, max_cost, cap_s)
    trouble = broken.trouble if broken is not None else None
    if not trials_made:
        click.echo(f"ended: {ended}; spent ${spent_usd:.4f}; no trial came to its end, so there is no report")
        code = broken.code if broken is not None else ExitCode.GENERAL
        return Answer(code=code, trouble=trouble or Trouble(type="NothingTried", message=ended))
    about = search.about(start, from_earlier=first is not None)
    found = report(axes, trials_made, **about, ended=ended, spent_usd=spent_usd)
    path = search.write(found)
    click.echo(table(axes, trials_made))
    click.echo(f"ended: {ended}; spent ${spent_usd:.4f}; report: {path}")
    best = best_of(trials_made)
    if best is not None:
        named = " ".join(f"--{axis.option}={value}" for axis, value in zip(axes, best.setting, strict=True))
        took = f"half within {best.p50_duration_s:.1f} s, 95 % within {best.p95_duration_s:.1f} s"
        paid = "at an unknown price" if best.cost_usd is None else f"for ${best.cost_usd:.4f}"
        click.echo(f"best: {named}: {best.passed} of {best.cells} passed {paid}, {took}")
    result = {"report": str(path), **found}
    if broken is not None and broken.status != OVER_BUDGET:  # a budget that is used up is what was asked for
        return Answer(code=broken.code, result=result, trouble=trouble)
    if best is None:
        nothing = Trouble(type="NothingFound", message="no cell of any trial has an answer that counts")
        return Answer(code=ExitCode.GENERAL, result=result, trouble=nothing)
    return Answer(code=ExitCode.OK, result=result)


def _tried(
    search: Search, start: Setting, trials: int, max_cost_usd: float | None, cap_s: float
) -> tuple[list[Trial], float, str, End | None]:
    """Make trials until the search, their number or the budget ends, or one that is no trial.

    Return them, what they cost now in USD, why no more were made, and the run that ended it, if one did.
    """
    from pytest_swebench.reporting.tuning import propose

    done: dict[Setting, Trial] = {}
    spent_usd, runs = 0.0, 0
    while (setting := propose(search.axes, start, done)) is not None:
        if not search.is_whole(setting):
            if runs == trials:
                return [*done.values()], spent_usd, f"{trials} trials were run; --trials allows more", None
            if max_cost_usd is not None and spent_usd >= max_cost_usd:
                return [*done.values()], spent_usd, f"{max_cost_usd:g} USD are spent; --max-cost allows more", None
            before_usd = search.cost_usd(setting)
            left_usd = None if max_cost_usd is None else max_cost_usd - spent_usd + before_usd
            end = run_pytest(search.arguments(setting, left_usd), by_itself)
            runs += 1
            spent_usd += search.cost_usd(setting) - before_usd
            if end.status not in _RAN or end.code not in (ExitCode.OK, ExitCode.GENERAL):
                return [*done.values()], spent_usd, _why(end), end
        done[setting] = search.trial(setting, cap_s)
    return [*done.values()], spent_usd, "no neighbour of the best is better", None


def _why(end: End) -> str:
    """Say why a run that is no trial ends the search."""
    if end.code is ExitCode.INTERRUPTED:
        return INTERRUPTION
    if end.status == OVER_BUDGET:
        return "--max-cost ended a trial before its last task"
    return end.trouble.message if end.trouble is not None else f"pytest ended with exit status {end.status}"


@dataclass(frozen=True, slots=True)
class Search:
    """What is tuned, and the run of pytest that each setting is: named by all that shapes its answers."""

    seeds: Path
    arm: str
    model: str
    root: Path
    axes: tuple[Axis, ...]
    pytest_options: tuple[str, ...]
    tasks: Path | None = None  # the copy of `seeds` that runs, where rows had to be given an image

    def with_images(self) -> Search:
        """Return the search over tasks that have an image, as `task batch` gives it. Raises DockerUnavailable."""
        from pytest_swebench.cli.taskrows import lacks_image, placed, with_images, write_rows
        from pytest_swebench.datasets.files import read_rows

        rows = [row for _, row in read_rows(self.seeds, "test")]
        if not all("task_id" in row for row in rows) or not any(map(lacks_image, rows)):
            return self
        found = with_images(placed(row, self.seeds.parent) for row in rows)
        tasks = self.root / f"tune-tasks-{digest(found)[:10]}.jsonl"
        write_rows(tasks, found)
        return replace(self, tasks=tasks)

    def run_id(self, setting: Setting) -> str:
        """Return the name of a setting's run."""
        asked = [[axis.option for axis in self.axes], list(setting), list(self.pytest_options)]
        shape = digest([(self.tasks or self.seeds).read_text(encoding="utf-8"), self.arm, self.model, asked])
        return f"tune-{slug(self.arm)}-{shape[:10]}"

    def arguments(self, setting: Setting, max_cost_usd: float | None) -> list[str]:
        """Return the command line of a setting's run, capped at `max_cost_usd` with all that it has cost before."""
        options = [f"--dataset={self.tasks or self.seeds}", f"--arms={self.arm}", f"--model={self.model}"]
        options += ["--outcome=capture", f"--run-id={self.run_id(setting)}", f"--output-dir={self.root}"]
        options += [f"--{axis.option}={value}" for axis, value in zip(self.axes, setting, strict=True)]
        options += [f"--max-cost={max_cost_usd:.6f}"] if max_cost_usd is not None else []
        return pytest_arguments([*options, *self.pytest_options])

    def trial(self, setting: Setting, cap_s: float) -> Trial:
        """Return what a setting's run came to."""
        from pytest_swebench.reporting.tuning import trial_of

        return trial_of(self._records(setting), setting, self.run_id(setting), cap_s)

    def cost_usd(self, setting: Setting) -> float:
        """Return what a setting's run has cost so far, as far as prices are known."""
        return sum(float(record["cost_usd"] or 0.0) for record in self._records(setting))

    def is_whole(self, setting: Setting) -> bool:
        """Say whether a setting's run has an answer that counts from each of its cells: it need not be made again."""
        from pytest_swebench.outcome import Outcome

        try:
            summary = json.loads((self.root / self.run_id(setting) / "summary.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        counts = summary["variants"] if isinstance(summary, dict) else ()  # a list in earlier versions
        finals = sum(Outcome(record["outcome"]).final for record in self._records(setting))
        return 0 < sum(int(one["selected"]) for one in counts) == finals

    def task_ids(self) -> set[str]:
        """Return the ids of the tasks. Raises DatasetError."""
        from pytest_swebench.datasets.load import load_instances

        return {instance.instance_id for instance in load_instances(str(self.seeds), base_dir=Path.cwd())}

    def about(self, start: Setting, *, from_earlier: bool) -> dict[str, object]:
        """Return what the report says of the search itself."""
        return {
            "seeds": str(self.seeds),
            "arm": self.arm,
            "model": self.model,
            "start": dict(zip((axis.option for axis in self.axes), start, strict=True)),
            "start_from": "the best of earlier runs" if from_earlier else "the middle of every axis",
        }

    def write(self, content: dict[str, object]) -> Path:
        """Write the report of a search and return where."""
        from pytest_swebench.records.layout import write_json

        asked = [[(axis.option, axis.values) for axis in self.axes], self.pytest_options, str(self.seeds), self.model]
        path = self.root / f"tuning-{slug(self.arm)}-{digest(asked)[:8]}.json"
        write_json(path, content)
        return path

    def _records(self, setting: Setting) -> list[dict[str, Any]]:
        from pytest_swebench.records.results import read_records

        return read_records(self.root / self.run_id(setting) / "results.jsonl")
