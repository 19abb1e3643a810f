"""Instances in local files: `.jsonl`, `.json`, `.parquet`, a folder of splits, or a folder that `datasets` saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.datasets.scenarios import instance_from_scenario
from pytest_swebench.datasets.tasks import instance_from_task
from pytest_swebench.errors import DatasetError, unknown

SUFFIXES: Final = (".jsonl", ".json", ".parquet")
_IDS: Final = frozenset({"instance_id", "task_id", "scenario_id"})
_BATCH_ROWS: Final = 64  # rows of parquet in memory at a time; some are 100 kB
_SAVED: Final = "dataset_info.json"  # what `Dataset.save_to_disk` leaves in a split's folder
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

Row = tuple[str, dict[str, Any]]
"""Where a row stands (`file:line` or `file: row n`) and its fields."""


def read_instances(path: Path, split: str) -> Iterator[tuple[str, Instance]]:
    """Yield (where, instance) for every row of a file or folder; a single file is one split, whatever its name.

    Raises DatasetError naming file and line of the first row that cannot be used.
    """
    folder = path if path.is_dir() else path.parent
    for where, row in read_rows(path, split):
        yield where, instance_of_any_kind(row, where=where, folder=folder)


def instance_of_any_kind(row: dict[str, Any], *, where: str, folder: Path) -> Instance:
    """Turn a row into an instance by the name of its id. Raises DatasetError."""
    if "instance_id" in row:
        return instance_from_row(row, where=where)
    if "task_id" in row:
        return instance_from_task(row, where=where, folder=folder)
    if "scenario_id" in row:
        return instance_from_scenario(row, where=where)
    raise DatasetError(
        f"{where}: a row needs one of 'instance_id' (SWE-bench), 'task_id' (local task) or 'scenario_id' "
        f"(prompt scenario); found: {', '.join(map(repr, row)) or 'no field at all'}"
    )


def read_rows(path: Path, split: str) -> Iterator[Row]:
    """Yield the rows of a file, or of one split of a folder. Raises DatasetError."""
    if path.is_dir():
        yield from _folder_rows(path, split)
    elif not path.is_file():
        raise DatasetError(f"no such dataset file or folder: {str(path)!r}")
    elif path.suffix == ".jsonl":
        yield from _jsonl_rows(path)
    elif path.suffix == ".json":
        yield from _json_rows(path)
    elif path.suffix == ".parquet":
        yield from _parquet_rows(path)
    else:
        raise DatasetError(f"{path}: cannot read {path.suffix!r} files; accepted: {', '.join(SUFFIXES)}, or a folder")


def _folder_rows(folder: Path, split: str) -> Iterator[Row]:
    for suffix in SUFFIXES:
        file = folder / f"{split}{suffix}"
        if file.is_file():
            yield from read_rows(file, split)
            return
    saved = folder if (folder / _SAVED).is_file() else folder / split
    if not (saved / _SAVED).is_file():
        raise DatasetError(f"{folder}: {unknown('split', split, _splits(folder))}")
    from pytest_swebench.datasets.hub import saved_rows

    for number, row in enumerate(saved_rows(saved), start=1):
        yield f"{saved}: row {number}", row


def _splits(folder: Path) -> set[str]:
    files = {file.stem for suffix in SUFFIXES for file in folder.glob(f"*{suffix}")}
    return (files - {"dataset_dict"}) | {info.parent.name for info in folder.glob(f"*/{_SAVED}")}


def _jsonl_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(_BYTE_ORDER_MARK).strip()
            if text:
                where = f"{path}:{number}"
                yield where, _as_row(_parsed(text, where), where)


def _json_rows(path: Path) -> Iterator[Row]:
    content = _parsed(path.read_bytes().removeprefix(_BYTE_ORDER_MARK), str(path))
    if isinstance(content, list):
        for number, row in enumerate(content, start=1):
            yield (where := f"{path}: row {number}"), _as_row(row, where)
    elif isinstance(content, dict):
        for key, row in content.items():
            fields = _as_row(row, where := f"{path}: row {key!r}")
            yield where, fields if _IDS & fields.keys() else {"instance_id": key} | fields
    else:
        raise DatasetError(
            f"{path}: expected a list of rows or an object of them by id, found {type(content).__name__}"
        )


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", row
    except pyarrow.ArrowInvalid as error:
        raise DatasetError(f"{path}: not a parquet file that can be read: {error}") from error


def _parsed(text: bytes, where: str) -> Any:
    try:
        return json.loads(text.decode())
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise DatasetError(f"{where}: malformed JSON at {place}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def _as_row(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DatasetError(f"{where}: expected an object with the fields of a row, found {type(value).__name__}")
    return value
