"""Arms without a model: `gold` and `null` frame what any arm can reach, `predictions` grades patches from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError
from pytest_swebench.patch import make_diff

# Upstream runs no tests for an empty patch; a file that nothing reads lets the unchanged tree be graded.
_NULL_PATCH: Final = make_diff({}, {".swebench-null": "This file changes nothing.\n"})


class Gold:
    """The reference patch: what a perfect arm leaves."""

    name = "gold"
    version = "1"
    paid = False
    oracle = True

    def check(self, instances: list[Instance]) -> None:
        lacking = [instance.instance_id for instance in instances if not instance.hidden.gold_patch]
        if lacking:
            raise InputError(f"arm 'gold': {_some(lacking)} without a reference patch; leave them or the arm out")

    def solve(self, context: SolveContext) -> Solution:
        assert context.hidden is not None  # given to every oracle arm
        return Solution(patch=context.hidden.gold_patch)


class Null:
    """A patch that changes nothing: what the tests say of the unsolved repository."""

    name = "null"
    version = "1"
    paid = False
    oracle = False

    def check(self, instances: list[Instance]) -> None:
        scenarios = [instance.instance_id for instance in instances if instance.kind is Kind.SCENARIO]
        if scenarios:
            raise InputError(f"arm 'null': {_some(scenarios)} are prompt scenarios, which have nothing to patch")

    def solve(self, context: SolveContext) -> Solution:
        return Solution(patch=_NULL_PATCH)


class Predictions:
    """Patches from a file, as another tool left them.

    Accepts the official shapes: JSON list of objects, JSON object by instance id, or JSON lines, each with
    `instance_id` and `model_patch` (or `patch`). Source: the official package's `get_predictions_from_file`.
    """

    name = "predictions"
    paid = False
    oracle = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._patches = read_predictions(path)

    @property
    def version(self) -> str:
        """Return a digest of the patches, so that a changed file is a changed arm."""
        from pytest_swebench.cell import digest

        return digest(self._patches)

    def check(self, instances: list[Instance]) -> None:
        lacking = [instance.instance_id for instance in instances if instance.instance_id not in self._patches]
        if lacking:
            raise InputError(
                f"--patches {str(self._path)!r}: no patch for {_some(lacking)}; "
                "narrow the run with --instance-ids, or add them"
            )

    def check_known(self, known: set[str], dataset: str) -> None:
        """Raise InputError for patches of instances that `dataset` does not hold: they would silently not count."""
        strange = sorted(self._patches.keys() - known)
        if strange:
            raise InputError(
                f"--patches {str(self._path)!r}: {_some(strange)} not in dataset {dataset!r}; wrong dataset?"
            )

    def solve(self, context: SolveContext) -> Solution:
        patch = self._patches[context.problem.instance_id]
        return Solution(patch=patch, notes="" if patch.strip() else "the predictions file holds an empty patch")


def read_predictions(path: Path) -> dict[str, str]:
    """Return instance id -> patch. Raises InputError naming file and place of whatever is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"--patches {str(path)!r}: {reason}; give a .json or .jsonl file") from None
    patches: dict[str, str] = {}
    for where, entry in _entries(path, text):
        instance_id, patch = entry.get("instance_id"), entry.get("model_patch", entry.get("patch"))
        if not isinstance(instance_id, str) or not instance_id:
            raise InputError(f"{where}: 'instance_id' must be a non-empty string, found {instance_id!r}")
        if patch is not None and not isinstance(patch, str):
            raise InputError(f"{where}: 'model_patch' must be a string, found {type(patch).__name__}")
        if "model_patch" not in entry and "patch" not in entry:
            raise InputError(f"{where}: 'model_patch' is missing; found only {sorted(entry)}")
        if instance_id in patches:
            raise InputError(f"{where}: a second patch for {instance_id!r}; keep one an instance")
        patches[instance_id] = patch or ""
    if not patches:
        raise InputError(f"--patches {str(path)!r}: the file holds no predictions")
    return patches


def _entries(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".jsonl":
        numbered = ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
        for number, line in numbered:
            yield f"{path}:{number}", _object(f"{path}:{number}", _json(f"{path}:{number}", line))
        return
    data = _json(str(path), text)
    if isinstance(data, dict):
        for instance_id, entry in data.items():
            where = f"{path}: {instance_id!r}"
            yield where, {"instance_id": instance_id, **_object(where, entry)}
    elif isinstance(data, list):
        for number, entry in enumerate(data, 1):
            yield f"{path}: entry {number}", _object(f"{path}: entry {number}", entry)
    else:
        raise InputError(f"{path}: expected a list or an object of predictions, found {type(data).__name__}")


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = where if ".jsonl:" in where else f"{where}:{error.lineno}"
        raise InputError(f"{place}: not valid JSON: {error.msg} at column {error.colno}") from None


def _object(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object with 'instance_id' and 'model_patch', found {value!r:.60}")
    return value


def _some(names: list[str], limit: int = 3) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
