"""The rows of local tasks that a command runs: read, chosen, their paths made whole, and given an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from pytest_swebench.errors import DatasetError, InputError, unknown

Row = dict[str, Any]


def read_tasks(seeds: Path) -> tuple[list[Row], Path]:
    """Return the rows of a file of tasks and the folder its paths are relative to. Raises DatasetError."""
    from pytest_swebench.datasets.files import read_rows
    from pytest_swebench.datasets.tasks import instance_from_task

    if not seeds.exists():
        raise DatasetError(f"no such file of tasks: {str(seeds)!r}; name one by --seeds FILE")
    rows = []
    for where, row in read_rows(seeds, "test"):
        instance_from_task(row, where=where, folder=seeds.parent)
        rows.append(row)
    if not rows:
        raise DatasetError(f"{seeds} holds no tasks; write one JSON object with task_id, repo and ref on each line")
    return rows, seeds.absolute().parent


def chosen(seeds: Path, task_id: str) -> tuple[list[Row], Path]:
    """Return the row of one task, and the folder its path is relative to. Raises InputError."""
    rows, base = read_tasks(seeds)
    found = [row for row in rows if row["task_id"] == task_id]
    if not found:
        raise InputError(f"--task-id: {unknown('task', task_id, (row['task_id'] for row in rows))} (in {seeds})")
    return found, base


def placed(row: Row, base: Path) -> Row:
    """Return `row` with a repository that is a path made whole: the run's copy of the row lies elsewhere."""
    from pytest_swebench.datasets.tasks import location

    return row | {"repo": location(row["repo"], base)}


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a file of tasks, whole or not at all: it is what a run goes on with."""
    from pytest_swebench.records.layout import json_line, write_whole

    write_whole(path, b"".join(map(json_line, rows)))


def lacks_image(row: Row) -> bool:
    """Say whether `row` needs a container and names no image."""
    return not row.get("image") and not row.get("trusted")


def with_images(rows: Iterable[Row]) -> list[Row]:
    """Return `rows`, those that need a container and name no image with the image of local tasks.

    Raises DockerUnavailable before anything runs.
    """
    from pytest_swebench.sandbox.engine import connect
    from pytest_swebench.sandbox.images.lite import lite_image

    rows = list(rows)
    if all(row.get("trusted") and not row.get("image") for row in rows):
        return rows
    client = connect()
    try:
        if not any(map(lacks_image, rows)):
            return rows
        image = lite_image(client)
    finally:
        client.close()
    click.echo(f"image: {image.name}, {'built' if image.built else 'here already, built'} upon {image.base}")
    return [row | {"image": image.name} if lacks_image(row) else row for row in rows]
