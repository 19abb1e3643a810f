"""The manifest: what a run selected, resolved once by whichever process comes first and read by all others.

A manifest is two files: `<name>.jsonl` with one instance a line, and `<name>.json` with the order, the ids and where
each line starts. A process that only collects reads the small one; instances are loaded one by one when they run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import RecordError
from pytest_swebench.records.layout import write_json, write_whole


@dataclass(frozen=True, slots=True)
class Manifest:
    """The selected instances of a run, in order. `places` maps an id to (offset, size) in bytes."""

    path: Path
    places: dict[str, tuple[int, int]]

    @property
    def instance_ids(self) -> list[str]:
        return list(self.places)

    def instance(self, instance_id: str) -> Instance:
        """Load one instance. Raises KeyError for an id that was not selected, RecordError for a damaged file."""
        offset, size = self.places[instance_id]
        with self.path.open("rb") as file:
            file.seek(offset)
            line = file.read(size)
        try:
            return Instance.from_json(json.loads(line))
        except (ValueError, LookupError, TypeError) as error:
            raise RecordError(f"{str(self.path)!r} is damaged at {instance_id!r}: {error!r}; bring it back") from error

    def instances(self) -> list[Instance]:
        """Load all of them, in order."""
        return [self.instance(instance_id) for instance_id in self.places]


def resolve_once(folder: Path, name: str, resolve: Callable[[], list[Instance]]) -> Manifest:
    """Return the manifest `name` of a run, calling `resolve` only if no process has done so before."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    index = folder / f"{name}.json"
    with FileLock(folder / f"{name}.lock"):
        if not index.exists():
            _write(folder, name, resolve())
    return read_manifest(index)


def read_manifest(index: Path) -> Manifest:
    """Read a manifest by its `.json` file. Raises RecordError if it is not one."""
    try:
        data = json.loads(index.read_text(encoding="utf-8"))
        places = {entry[0]: (entry[1], entry[2]) for entry in data["instances"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RecordError(f"{index}: not a manifest of this package: {error!r}") from error
    return Manifest(index.with_suffix(".jsonl"), places)


def _write(folder: Path, name: str, instances: list[Instance]) -> None:
    lines, places, offset = [], [], 0
    for instance in instances:
        line = json.dumps(instance, default=_fields, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
        places.append([instance.instance_id, offset, len(line)])
        lines.append(line)
        offset += len(line)
    write_whole(folder / f"{name}.jsonl", b"".join(lines))
    write_json(folder / f"{name}.json", {"instances": places})


def _fields(one: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as they are: `as_json` copies every value, half the cost of a collection."""
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
