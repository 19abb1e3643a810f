"""`swebench-runner list-instances`: what a dataset holds, and whether it can be graded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pytest_swebench.datasets.instance import Instance


@click.command("list-instances")
@click.argument("dataset")
@click.option("--split", default="test", show_default=True, help="Split of the dataset.")
@click.option("--language", default="", help="Only instances in this language, e.g. python.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with counts and ids.")
def list_instances(dataset: str, split: str, language: str, as_json: bool) -> None:
    """Count the instances of DATASET by language, difficulty, repository and its version.

    DATASET is what `pytest --dataset` takes: demo, lite, verified, full, multilingual, multimodal, pro, a hub name,
    or a local file or folder. Columns that grading needs and rows lack are named.

    Example:  swebench-runner list-instances lite --language python
    """
    from pytest_swebench.datasets.load import load_instances
    from pytest_swebench.matrix import Selection, select

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
    """Return counts, most first, and how many rows lack which column for grading; `versions` are by repository."""
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
        "missing_for_grading": _most_first(missing),
    }


def render(overview: dict[str, Any]) -> str:
    """Return `describe`'s overview as text."""
    total = overview["instances"]
    lines = [f"{overview['dataset']} ({overview['split']}): {total} instances"]
    for name in ("languages", "difficulties", "repositories"):
        lines += [f"{name}:"] if overview[name] else []
        for value, count in overview[name].items():
            versions = overview["versions"].get(value, {}) if name == "repositories" else {}
            told = ", ".join(f"{version}: {many}" for version, many in versions.items())
            lines.append(f"  {count:>6}  {value}{f' ({told})' if told else ''}")
    for column, count in overview["missing_for_grading"].items():
        lines.append(f"without {column!r}: {count} of {total}")
    if overview["missing_for_grading"]:
        lines.append(f"can be graded: {overview['gradable']} of {total}")
    return "\n".join(lines)


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
