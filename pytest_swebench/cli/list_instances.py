"""`swebench-runner list-instances`: what a dataset holds, and whether it can be graded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from pytest_swebench.datasets.instance import Instance


_SIZES: Final = {
    "statement_chars": "characters of the problem",
    "patch_files": "files of the reference patch",
    "patch_lines": "lines it adds and removes",
    "fail_to_pass": "tests that it must mend",
    "pass_to_pass": "tests that must still pass",
}


@click.command("list-instances")
@click.argument("dataset", metavar="DATASET", default="")
@click.option("-d", "--dataset", "named", default="", metavar="DATASET", help="The same as DATASET.")
@click.option("--split", default="test", show_default=True, help="Split of the dataset.")
@click.option("--language", default="", help="Only instances in this language, e.g. python.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with counts and ids.")
@click.pass_context
def list_instances(
    context: click.Context, /, dataset: str, named: str, split: str, language: str, as_json: bool
) -> None:
    """Count the instances of DATASET by language, difficulty, repository and its version, and say how large they are.

    DATASET is what `pytest --dataset` takes: demo, lite, verified, full, multilingual, multimodal, pro, a hub name,
    or a local file or folder. Columns that grading needs and rows lack are named.

    Example:  swebench-runner list-instances lite --language python
    """
    from pytest_swebench.datasets.load import load_instances
    from pytest_swebench.matrix import Selection, select

    if dataset and named and dataset != named:
        raise click.UsageError(f"DATASET {dataset!r} and --dataset {named!r} name two; give one of them")
    dataset = dataset or named
    if not dataset:
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    instances = load_instances(dataset, split, base_dir=Path.cwd())
    if language:
        instances = select(instances, Selection(language=language.lower()), dataset)
    overview = describe(dataset, split, instances)
    if as_json:
        ids = sorted(instance.instance_id for instance in instances)
        click.echo(json.dumps({**overview, "instance_ids": ids}, indent=2, ensure_ascii=False))
    else:
        click.echo(render(overview))


def describe(dataset: str, split: str, instances: Sequence[Instance]) -> dict[str, Any]:
    """Return counts, most first, sizes, and how many rows lack which column for grading; `versions` are by repository.

    `sizes` holds, where rows have them, the least, the median and the most of each of `_SIZES`.
    """
    problems = [instance.problem for instance in instances]
    missing = Counter(column for instance in instances for column in instance.missing_for_grading())
    return {
        "dataset": dataset,
        "split": split,
        "instances": len(instances),
        "gradable": sum(not instance.missing_for_grading() for instance in instances),
        "languages": _most_first(Counter(problem.language or "unknown" for problem in problems)),
        "difficulties": _most_first(Counter(problem.category for problem in problems if problem.category)),
        "repositories": _most_first(Counter(problem.repo or "none" for problem in problems)),
        "versions": {
            repo: _most_first(Counter(one.version for one in problems if one.repo == repo and one.version))
            for repo in sorted({problem.repo for problem in problems if problem.version})
        },
        "sizes": _sizes(instances),
        "missing_for_grading": _most_first(missing),
    }


def render(overview: dict[str, Any]) -> str:
    """Return `describe`'s overview as text; what rows hold cannot act upon a terminal."""
    from pytest_swebench.reporting.markdown import one_line

    total = overview["instances"]
    lines = [f"{overview['dataset']} ({overview['split']}): {total} instances"]
    for name in ("languages", "difficulties", "repositories"):
        lines += [f"{name}:"] if overview[name] else []
        for value, count in overview[name].items():
            versions = overview["versions"].get(value, {}) if name == "repositories" else {}
            told = ", ".join(f"{version}: {many}" for version, many in versions.items())
            if len(versions) > 1 and set(versions.values()) == {1}:  # numbers of pull requests, as in Multilingual
                told = f"{len(versions)} versions"
            lines.append(f"  {count:>6}  " + one_line(f"{value} ({told})" if told else value))
    if overview["sizes"]:
        lines.append(f"sizes: {'':<22} {'least':>8} {'median':>8} {'most':>8}")
    for name, size in overview["sizes"].items():
        numbers = (f"{size[place]:,}".removesuffix(".0") for place in ("least", "median", "most"))
        lines.append(f"  {_SIZES[name]:<27} " + " ".join(f"{number:>8}" for number in numbers))
    for column, count in overview["missing_for_grading"].items():
        lines.append(f"without {column!r}: {count} of {total}")
    if overview["missing_for_grading"]:
        lines.append(f"can be graded: {overview['gradable']} of {total}")
    return "\n".join(lines)


def _sizes(instances: Sequence[Instance]) -> dict[str, dict[str, float]]:
    from pytest_swebench.patch import changed_paths

    found: dict[str, list[int]] = {name: [] for name in _SIZES}
    for instance in instances:
        hidden = instance.hidden
        found["statement_chars"].append(len(instance.problem.statement))
        if hidden.gold_patch:
            found["patch_files"].append(len(changed_paths(hidden.gold_patch)))
            found["patch_lines"].append(_changed_lines(hidden.gold_patch))
        if hidden.fail_to_pass or hidden.pass_to_pass:
            found["fail_to_pass"].append(len(hidden.fail_to_pass))
            found["pass_to_pass"].append(len(hidden.pass_to_pass))
    return {name: {"least": min(own), "median": median(own), "most": max(own)} for name, own in found.items() if own}


def _changed_lines(patch: str) -> int:
    """Return how many lines a diff adds and removes, without those of its headers."""
    changed, in_hunk = 0, False
    for line in patch.splitlines():
        if line.startswith(("diff --git ", "@@")):
            in_hunk = line.startswith("@@")
        changed += in_hunk and line.startswith(("+", "-"))
    return changed


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
