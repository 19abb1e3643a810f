"""The tools that are walked through, as a newcomer calls them: what each is told for the same wish."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from walk_place import GOOD, HARMLESS, INSTANCES, KEY, Place, write_lines

ROWS_FILE: Final = "rows.jsonl"
UNPRICED: Final = "m-unpriced-m-good"  # answers as the good one does, and no price list has it


@dataclass(frozen=True, slots=True)
class Command:
    """Words and variables of one command; `grades` if another tool had to be called in for the verdict."""

    words: list[str]
    env: dict[str, str] = field(default_factory=dict)
    grades: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants done: these rows by these models, so often. `name` names it for going on later."""

    name: str
    rows: list[dict[str, Any]]
    dataset: str = ""  # a name in place of the rows
    instance: str = ""  # only this one
    models: tuple[str, ...] = (GOOD,)
    reps: int = 1
    workers: int = 1
    key: bool = True
    priced: bool = True
    graded: bool = False  # the verdict is wanted, whatever tool gives it


class Tool(Protocol):
    """One column. A text in place of commands says why the tool cannot do it."""

    @property
    def name(self) -> str: ...

    @property
    def python(self) -> Path: ...

    @property
    def solves(self) -> bool: ...

    def help(self) -> list[str]: ...

    def bare(self) -> list[str]: ...

    def default(self) -> list[str] | str:
        """Return the first command of its documentation."""

    def known(self) -> list[str] | str:
        """Return the documented command on a real data set that has to be fetched."""

    def run(self, wish: Wish, place: Place, folder: Path) -> list[Command] | str:
        """Return the commands that fulfil `wish` in `folder`, having written there what they read."""

    def evaluate(self, predictions: Path, place: Place, folder: Path) -> list[str] | str:
        """Return the command that grades a file of predictions."""

    def containers(self, name: str) -> dict[str, str]:
        """Return the engine's filter for containers of the wish `name`."""


def program(python: Path, name: str) -> str:
    """Return a console script that is installed beside `python`."""
    return str(python.parent / name)


@dataclass(frozen=True, slots=True)
class Ours:
    """The command of this project, with its agent: a shell and turns, as the peers have them."""

    python: Path
    name: str = "ours"
    solves: bool = True

    def help(self) -> list[str]:
        return [program(self.python, "swebench-runner"), "--help"]

    def bare(self) -> list[str]:
        return [program(self.python, "swebench-runner")]

    def default(self) -> list[str] | str:
        return [program(self.python, "pytest"), "-m", "experiment"]

    def known(self) -> list[str] | str:
        return [*self._run(), "-d", "lite", "--count", "1", "--arms", "gold"]

    def run(self, wish: Wish, place: Place, folder: Path) -> list[Command] | str:
        write_lines(folder / ROWS_FILE, wish.rows)
        words = [*self._run(), "-d", wish.dataset or ROWS_FILE, "--arms", "agent", "-p", "openai"]
        words += ["--base-url", place.server.openai_url, "-m", ",".join(wish.models), "--run-id", wish.name]
        words += ["--max-workers", str(wish.workers), "--reps", str(wish.reps)]
        words += ["--instances", wish.instance] if wish.instance else []
        env = place.env(self.name, **({"OPENAI_API_KEY": KEY} if wish.key else {}))
        return [Command([*words, "--", "--price=0"] if wish.priced else words, env)]

    def evaluate(self, predictions: Path, place: Place, folder: Path) -> list[str] | str:
        write_lines(folder / ROWS_FILE, place.rows())
        return [program(self.python, "swebench-runner"), "evaluate", predictions.name, "-d", ROWS_FILE]

    def containers(self, name: str) -> dict[str, str]:
        return {"label": f"pytest_swebench.run={name}"}

    def _run(self) -> list[str]:
        return [program(self.python, "swebench-runner"), "run"]


@dataclass(frozen=True, slots=True)
class Official:
    """The official harness, which grades only: what a model would have left is written down for it."""

    python: Path
    name: str = "swebench"
    solves: bool = False

    def help(self) -> list[str]:
        return [program(self.python, "swebench"), "--help"]

    def bare(self) -> list[str]:
        return [program(self.python, "swebench")]

    def default(self) -> list[str] | str:
        return [program(self.python, "swebench"), "eval", "verified", "--gold"]

    def known(self) -> list[str] | str:
        return "the default is that"

    def run(self, wish: Wish, place: Place, folder: Path) -> list[Command] | str:
        if not wish.key or not wish.priced:
            return "calls no model"
        rows = write_lines(folder / ROWS_FILE, wish.rows)
        env, found = place.env(self.name), []
        for rep in range(1, wish.reps + 1):
            for model in wish.models:
                given = write_lines(folder / f"{model}.jsonl", [_prediction(row, model) for row in wish.rows])
                words = self.grade(wish.dataset or rows.name, given.name, f"{wish.name}-{model}-r{rep}", wish.workers)
                found.append(Command([*words, "-i", wish.instance] if wish.instance else words, env))
        return found

    def grade(self, dataset: str, predictions: str, run_id: str, workers: int) -> list[str]:
        """Return the command that grades a file."""
        words = [program(self.python, "swebench"), "eval", dataset, "-p", predictions]
        return [*words, "--run-id", run_id, "-j", str(workers)]

    def evaluate(self, predictions: Path, place: Place, folder: Path) -> list[str] | str:
        write_lines(folder / ROWS_FILE, place.rows())
        return self.grade(ROWS_FILE, predictions.name, f"walk-{predictions.stem}", 2)

    def containers(self, name: str) -> dict[str, str]:
        return {"name": f"sweb.eval.*{name}"}


@dataclass(frozen=True, slots=True)
class Mini:
    """mini-swe-agent, which solves only; `grader` gives its verdicts, where there is one."""

    python: Path
    grader: Official | None
    name: str = "mini"
    solves: bool = True

    def help(self) -> list[str]:
        return [program(self.python, "mini-extra"), "swebench", "--help"]

    def bare(self) -> list[str]:
        return [program(self.python, "mini")]

    def default(self) -> list[str] | str:
        return [program(self.python, "mini-extra"), "swebench"]

    def known(self) -> list[str] | str:
        return "the default is that"

    def run(self, wish: Wish, place: Place, folder: Path) -> list[Command] | str:
        write_lines(folder / "rows" / "test.jsonl", [_with_image_name(row) for row in wish.rows])
        rows = write_lines(folder / ROWS_FILE, wish.rows)
        env = place.env(self.name, OPENAI_API_BASE=place.server.openai_url)
        env |= {"OPENAI_API_KEY": KEY} if wish.key else {}
        env |= {"MSWEA_COST_TRACKING": "ignore_errors"} if wish.priced else {}
        found = []
        for rep in range(1, wish.reps + 1):
            for model in wish.models:
                out = f"{wish.name}-{model}-r{rep}"
                words = [program(self.python, "mini-extra"), "swebench", "--subset", wish.dataset or "rows"]
                words += ["--split", "test", "-m", f"openai/{model}", "-o", out, "-w", str(wish.workers)]
                found.append(Command([*words, "--filter", wish.instance] if wish.instance else words, env))
                if wish.graded and self.grader is not None:
                    grade = self.grader.grade(rows.name, f"{out}/preds.json", out, wish.workers)
                    found.append(Command(grade, place.env(self.grader.name), grades=True))
        return found

    def evaluate(self, predictions: Path, place: Place, folder: Path) -> list[str] | str:
        return "cannot grade"

    def containers(self, name: str) -> dict[str, str]:
        return {"name": "minisweagent-"}


@dataclass(frozen=True, slots=True)
class Inspect:
    """Inspect with the task of inspect-evals; sets of evaluations where it shall be able to go on."""

    python: Path
    name: str = "inspect"
    solves: bool = True

    def help(self) -> list[str]:
        return [program(self.python, "inspect"), "--help"]

    def bare(self) -> list[str]:
        return [program(self.python, "inspect")]

    def default(self) -> list[str] | str:
        return [program(self.python, "inspect"), "eval", "inspect_evals/swe_bench", "--model", f"openai/{GOOD}"]

    def known(self) -> list[str] | str:
        return "the default is that"

    def run(self, wish: Wish, place: Place, folder: Path) -> list[Command] | str:
        write_lines(folder / "rows" / "test.jsonl", [_with_lists_as_text(row) for row in wish.rows])
        env = place.env(
            self.name, OPENAI_BASE_URL=place.server.openai_url, **({"OPENAI_API_KEY": KEY} if wish.key else {})
        )
        words = [program(self.python, "inspect"), "eval-set" if wish.graded else "eval", "inspect_evals/swe_bench"]
        words += ["-T", f"dataset={wish.dataset or folder / 'rows'}", "-T", "split=test", "--log-dir", wish.name]
        words += ["--model", ",".join(f"openai/{model}" for model in wish.models), "--epochs", str(wish.reps)]
        words += ["--max-samples", str(wish.workers), "--max-sandboxes", str(wish.workers)]
        if image := next((row["image"] for row in wish.rows if "_1776_" not in row["image"]), ""):
            words += ["-T", f"image_name_template={image}"]
        return [Command([*words, "--sample-id", wish.instance] if wish.instance else words, env)]

    def evaluate(self, predictions: Path, place: Place, folder: Path) -> list[str] | str:
        return "takes no predictions of others"

    def containers(self, name: str) -> dict[str, str]:
        return {"name": "inspect-swe_bench"}


def _prediction(row: dict[str, Any], model: str) -> dict[str, str]:
    right = model == GOOD or row["instance_id"] == INSTANCES[0]
    patch = row["patch"] if right else HARMLESS
    return {"instance_id": row["instance_id"], "model_name_or_path": model, "model_patch": patch}


def _with_image_name(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "image_name": row["image"]}


def _with_lists_as_text(row: dict[str, Any]) -> dict[str, Any]:
    lists: Sequence[str] = ("FAIL_TO_PASS", "PASS_TO_PASS")
    return {**row, **{name: row[name] if isinstance(row[name], str) else json.dumps(row[name]) for name in lists}}
