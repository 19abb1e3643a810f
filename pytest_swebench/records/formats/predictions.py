"""Patches of other tools, in every shape that is about: files of predictions, trajectories, folders of whole runs.

| shape | told by |
|---|---|
| official predictions, a JSON list or object, or JSON lines | `instance_id` and `model_patch` |
| our own `--generation-output` | `format_version`, `variant` and `rep` |
| SWE-bench Pro patch lists | `patch` and `prefix` |
| a trajectory of mini-swe-agent or SWE-agent | `info` with `messages`, or with `trajectory` |
| a folder of a mini-swe-agent run | `preds.json`, `<id>/<id>.traj.json` |
| a folder of a SWE-agent run | `preds.json`, `<id>/<id>.traj`, `<id>/<id>.pred` |
| a leaderboard submission | `all_preds.jsonl`, `trajs/` |

Which of two predictions for one instance counts follows the official `get_predictions_from_file`: the last. Our own
file says which variant and repetition each is of, so one that mixes them is refused instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Stop
from pytest_swebench.records.formats.documents import Entry, read_entries
from pytest_swebench.records.formats.ending import CUT_OFF, ending_of
from pytest_swebench.records.formats.generation import GENERATION_VERSION, part_path
from pytest_swebench.records.formats.prediction import Imported, Prediction, Trajectory
from pytest_swebench.records.formats.trajectories import (
    is_run_folder,
    trajectories_beside,
    trajectories_in,
    trajectory_of,
)

LEADERBOARD_FILE: Final = "all_preds.jsonl"
_MERGED: Final = (LEADERBOARD_FILE, "preds.json", "preds.jsonl")
_ACCEPTED: Final = "a .json or .jsonl file of predictions, a trajectory, or the folder of a run"
_PATCHES: Final = ("model_patch", "patch")
_MODELS: Final = ("model_name_or_path", "prefix")
_ENDINGS: Final = ("exit_status", "stop")
_SHOWN: Final = 3
_NO_TRAJECTORY: Final = "its run left neither a patch nor a trajectory"


@dataclass(frozen=True, slots=True)
class _Found:
    """A prediction as it stands in a file, and what stands with it: the exit status, and whose it is in our own."""

    prediction: Prediction
    status: str = ""
    limit: Stop | None = None
    origin: tuple[str, int] | None = None


def read_predictions(path: Path) -> Imported:
    """Read the predictions in `path`, a file or a folder; one an instance, in order of first appearance.

    What cannot be read is named among the problems and the rest goes on. Raises InputError if `path` cannot be read
    or nothing in it can be used.
    """
    problems: list[str] = []
    try:
        predictions = _of_folder(path, problems) if path.is_dir() else _of_file(path, problems)
    except OSError as error:
        raise InputError(f"--patches {str(path)!r}: {error.strerror}; give {_ACCEPTED}") from None
    if not predictions:
        lacking = f"a folder without {', '.join(_MERGED)}, *.pred or a trajectory" if path.is_dir() else "an empty file"
        reasons = "; ".join(problems[:_SHOWN]) or lacking
        raise InputError(f"--patches {str(path)!r}: nothing to grade: {reasons}. Give {_ACCEPTED}")
    return Imported(predictions, problems)


def _of_file(path: Path, problems: list[str]) -> list[Prediction]:
    found = _found_in(path, problems)
    runs = trajectories_beside(path, found, problems)
    expected = path.name in _MERGED[1:] and (bool(runs) or is_run_folder(path.parent))
    return _settled(path, found, runs, problems, expected=expected)


def _of_folder(folder: Path, problems: list[str]) -> list[Prediction]:
    merged = next((folder / name for name in _MERGED if (folder / name).is_file()), None)
    found = {} if merged is None else _found_in(merged, problems)
    for path in sorted([*folder.glob("*.pred"), *folder.glob("*/*.pred")]):
        found = _found_in(path, problems) | found  # merging comes last, and a crash before it leaves these alone
    runs = trajectories_in(folder, problems)
    found |= {name: _of_run(run) for name, run in runs.items() if name not in found}
    is_leaderboard = merged is not None and merged.name == LEADERBOARD_FILE
    expected = not is_leaderboard and (bool(runs) or is_run_folder(folder))
    return _settled(folder, found, runs, problems, expected=expected)


def _settled(
    path: Path, found: Mapping[str, _Found], runs: Mapping[str, Trajectory], problems: list[str], *, expected: bool
) -> list[Prediction]:
    """Return the predictions with what is known of their runs; `expected` says that every run leaves a trajectory."""
    predictions, untold = [], 0
    for name, one in found.items():
        patch, run = one.prediction.patch, runs.get(name)
        status = (run.status or CUT_OFF) if run else one.status
        if status:
            limit, broken = ending_of(status, patch)
            limit = (run.limit if run else one.limit) or limit
        elif patch.strip() or not expected:
            limit, broken = None, ""
            untold += not patch.strip()
        else:
            limit, broken = None, _NO_TRAJECTORY
        commands = run.commands if run else one.prediction.commands
        predictions.append(replace(one.prediction, limit=limit, broken=broken, commands=commands))
    if untold:
        problems.append(
            f"{path}: {untold} of {len(predictions)} patches are empty and nothing says how their runs ended; "
            "they count as answers without a patch"
        )
    return predictions


def _found_in(path: Path, problems: list[str]) -> dict[str, _Found]:
    """Return what a file holds by instance, the last of each; problems name the others and whatever is malformed.

    Raises InputError for a file of ours that holds several variants or repetitions.
    """
    found: dict[str, _Found] = {}
    origins: dict[tuple[str, int], None] = {}
    for where, one in _readable(path, problems):
        name = one.prediction.instance_id
        if one.origin:
            origins.setdefault(one.origin)
        if name in found:
            first = found[name].prediction.where
            problems.append(f"{where}: a second prediction for {name!r} (another at {first}); the last one counts")
        found[name] = one
    if len(origins) > 1:
        parts = [f"{variant} r{rep}" for variant, rep in origins]
        raise InputError(
            f"--patches {str(path)!r} holds patches of {len(parts)} variants and repetitions ({', '.join(parts)}), and "
            f"one is graded at a time; give the file of one, e.g. {str(part_path(path, *next(iter(origins))))!r}"
        )
    return found


def _readable(path: Path, problems: list[str]) -> Iterator[tuple[str, _Found]]:
    for entry in read_entries(path, problems):
        run = trajectory_of(entry.value, path)
        try:
            yield entry.where, _of_run(run) if run else _of_entry(entry)
        except ValueError as error:
            problems.append(f"{entry.where}: left out, {error}")


def _of_run(run: Trajectory) -> _Found:
    prediction = Prediction(
        instance_id=run.instance_id, patch=run.patch, model=run.model, commands=run.commands, where=run.where
    )
    return _Found(prediction, run.status or CUT_OFF, run.limit)


def _of_entry(entry: Entry) -> _Found:
    """Return the prediction in one entry. Raises ValueError saying what is wrong with it."""
    if not isinstance(entry.value, dict):
        raise ValueError(f"expected an object with 'instance_id' and 'model_patch', found {entry.value!r:.60}")
    fields = {"instance_id": entry.key, **entry.value} if entry.key else entry.value
    instance_id = fields.get("instance_id")
    if not isinstance(instance_id, str) or not instance_id.strip():
        raise ValueError(f"'instance_id' must be a string that is not empty, found {instance_id!r}")
    key = next((name for name in _PATCHES if name in fields), None)
    if key is None:
        raise ValueError(f"{instance_id!r} has no 'model_patch'; found only {', '.join(sorted(fields))}")
    if key == "patch" and "test_patch" in fields:
        raise ValueError(f"{instance_id!r} is a row of a dataset, no prediction; for reference patches use --arms=gold")
    patch = fields[key]
    if not isinstance(patch, str | None):
        raise ValueError(f"{key!r} of {instance_id!r} must be a string, found {type(patch).__name__}")
    prediction = Prediction(instance_id=instance_id, patch=patch or "", model=_text(fields, _MODELS), where=entry.where)
    return _Found(prediction, _text(fields, _ENDINGS), origin=_origin(fields))


def _origin(fields: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return variant and repetition of a line of our own, None for others. Raises ValueError if it is unclear."""
    version, variant, rep = (fields.get(name) for name in ("format_version", "variant", "rep"))
    if version is None or not isinstance(variant, str) or not isinstance(rep, int):
        return None
    if version != GENERATION_VERSION:
        raise ValueError(f"'format_version' is {version!r}, and this release reads {GENERATION_VERSION}; upgrade it")
    if len({fields[name] for name in _PATCHES if name in fields}) > 1:
        raise ValueError(
            f"'model_patch' and 'patch' of {fields['instance_id']!r} differ, and they are the same patch twice; "
            "remove the one you did not edit"
        )
    return variant, rep


def _text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), "")
