"""Official reports, folders of the leaderboard and of agents with a report beside them, tables of its site.

Sources: `make_run_report` of swebench 5.0.2 (schema 2; older ones lack the reasons of errors); the repository
SWE-bench/experiments, whose `results/results.json` names the resolved and whose every other submitted instance counts
as not resolved; `per_instance_details.json` there, and `info_for_leaderboard.json` of the site.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import slug
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.inspect_logs import is_inspect
from pytest_swebench.reporting.comparison.logs import logs_in, source_of_logs
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.data import Observation

RESOLVED_IDS: Final = "resolved_ids"
_RESULTS: Final = ("results/results.json", "results.json")
_DETAILS: Final = ("per_instance_details.json", "results/per_instance_details.json")
_NO_PATCH: Final = ("no_generation", "empty_patch")


def source_of_report(path: Path, report: Mapping[str, Any], variant: str = "") -> Source:
    """Return what an official report says: one repetition of one variant.

    An error counts as missing where it is infrastructure, or where the report does not say; else its patch did not
    apply or its tests ran out of time, and it counts as unresolved, as upstream counts it. `incomplete_ids` are all of
    the dataset that nobody submitted: of a report that names what was submitted, they are no part.
    """
    groups = {
        RESOLVED_IDS: Outcome.RESOLVED,
        "unresolved_ids": Outcome.UNRESOLVED,
        "empty_patch_ids": Outcome.NO_PATCH,
        "infra_failure_ids": Outcome.INFRA,
    }
    outcomes: dict[str, Outcome] = {}
    if both := set(_ids(path, report, RESOLVED_IDS)) & set(_ids(path, report, "unresolved_ids")):
        raise InputError(f"{str(path)!r}: {min(both)!r} is both resolved and unresolved there; grade the patches again")
    for group, outcome in groups.items():
        for name in _ids(path, report, group):
            outcomes.setdefault(name, outcome)
    says_why = "infra_failure_ids" in report
    errors = [name for name in _ids(path, report, "error_ids") if name not in outcomes]
    outcomes |= dict.fromkeys(errors, Outcome.UNRESOLVED if says_why else Outcome.ERROR)
    notes = []
    if errors and says_why:
        notes.append(f"{count(len(errors), 'error')} of no broken infrastructure: counted as unresolved")
    elif errors:
        notes.append(f"{count(len(errors), 'error')} counted as missing: the report does not say what kind")
    submitted, left = _ids(path, report, "submitted_ids"), _ids(path, report, "incomplete_ids")
    known = {*outcomes, *(submitted or left)}
    if submitted and (never := set(left) - known):
        notes.append(f"{len(never)} instances of its dataset were not submitted, and are no part of this")
    name = variant or slug(path.stem.partition(".")[0]) or "report"
    return Source(
        path=path,
        name=path.stem,
        kind="an official report",
        cells=_cells(name, outcomes),
        planned={name: len(known)},
        notes=tuple(notes),
    )


def source_of_folder(folder: Path, accepted: str) -> Source:
    """Return what a folder of another tool holds. Raises InputError if nothing in it says what is resolved."""
    name = slug(folder.absolute().name)
    details = _first(folder, _DETAILS)
    if details is not None:
        return source_of_table(details, _load(details), name)
    results = _first(folder, _RESULTS)
    if results is not None and "resolved" in (data := _load(results)):
        return _of_submission(folder, name, results, data)
    reports = [(path, data) for path in sorted(folder.glob("*.json")) if RESOLVED_IDS in (data := _load(path))]
    if len(reports) > 1:
        names = ", ".join(path.name for path, _ in reports)
        raise InputError(f"{str(folder)!r} holds {len(reports)} official reports; give one of them: {names}")
    if reports:
        return _with_costs(folder, source_of_report(*reports[0], variant=name))
    if (logs := logs_in(folder)) is not None:
        return source_of_logs(folder, logs, name)
    if log := next((path for path in sorted(folder.iterdir()) if _is_log(path)), None):
        raise InputError(f"{str(folder)!r} holds logs of Inspect; give one of them, e.g. {str(log)!r}")
    raise InputError(
        f"{str(folder)!r} holds nothing that says what is resolved: no journal, no results/results.json, no report "
        f"of the harness. Patches are graded by `swebench-runner evaluate {folder} -d DATASET`; else {accepted}"
    )


def source_of_predictions(path: Path) -> Source | None:
    """Return what the official report beside a file of predictions says of them; None for any other file.

    Raises InputError where there is no such report, or more than one.
    """
    from pytest_swebench.records.formats.predictions import read_predictions

    try:
        predictions = read_predictions(path).predictions
    except InputError:
        return None
    ids = {one.instance_id for one in predictions}
    reports = [(one, data) for one in sorted(path.parent.glob("*.json")) if RESOLVED_IDS in (data := _load(one))]
    found = [(one, data) for one, data in reports if (answered := _answered(one, data)) and answered <= ids]
    if len(found) != 1:
        names = ", ".join(one.name for one, _ in found)
        there = f"{len(found)} official reports ({names})" if found else "no official report"
        raise InputError(
            f"{str(path)!r} holds patches, and {there} on them lies beside it; give the report, or grade them by "
            f"`swebench-runner evaluate {path} -d DATASET`"
        )
    variant = slug(predictions[0].model) or slug(path.stem)
    source = source_of_report(*found[0], variant)
    return replace(source, path=path, name=path.stem, planned={variant: len(ids)})


def is_table(data: Mapping[str, Any]) -> bool:
    """Say whether a JSON document is a table of the site: instance -> what became of it, or that by model."""
    first = next(iter(data.values()), None)
    if isinstance(first, Mapping) and "resolved" not in first:
        first = next(iter(first.values()), None)
    return isinstance(first, Mapping) and isinstance(first.get("resolved"), bool)


def source_of_table(path: Path, data: Mapping[str, Any], name: str = "") -> Source:
    """Return a table of the site, one repetition of each of its models. Raises InputError for two of one name."""
    first: Mapping[str, Any] = next(iter(data.values()), {})
    tables = {name or slug(path.stem): data} if "resolved" in first else {}
    for key, table in () if tables else data.items():
        if slug(key) in tables:
            raise InputError(f"{str(path)!r}: two of its models are both called {slug(key)!r}; rename one")
        tables[slug(key)] = table
    cells = [
        Observation(
            instance_id=instance_id,
            variant=variant,
            rep=1,
            outcome=_of_table(path, instance_id, one),
            cost_usd=one.get("cost"),
        )
        for variant, table in tables.items()
        for instance_id, one in table.items()
    ]
    return Source(path=path, name=name or path.stem, kind="a table of the leaderboard", cells=tuple(cells))


def _of_table(path: Path, instance_id: str, told: Mapping[str, Any]) -> Outcome:
    resolved = told.get("resolved")
    if not isinstance(resolved, bool):
        raise InputError(f"{str(path)!r}: 'resolved' of {instance_id!r} is {resolved!r:.60}; true and false are read")
    return Outcome.RESOLVED if resolved else Outcome.UNRESOLVED


def _of_submission(folder: Path, name: str, path: Path, data: Mapping[str, Any]) -> Source:
    """Return a submission: what is not resolved counts as not resolved, as the leaderboard counts it."""
    from pytest_swebench.records.formats.predictions import LEADERBOARD_FILE, read_predictions

    empty: set[str] = set()
    submitted = {one for group, ids in data.items() if isinstance(ids, list) for one in _ids(path, data, group)}
    if (folder / LEADERBOARD_FILE).is_file():
        patches = read_predictions(folder / LEADERBOARD_FILE).predictions
        empty = {one.instance_id for one in patches if not one.patch.strip()}
        submitted |= {one.instance_id for one in patches}
    for group in _NO_PATCH:
        empty |= set(_ids(path, data, group))
    outcomes = {one: Outcome.NO_PATCH if one in empty else Outcome.UNRESOLVED for one in sorted(submitted)}
    outcomes |= dict.fromkeys(_ids(path, data, "resolved"), Outcome.RESOLVED)
    notes = ["every submitted instance that is not resolved counts as not resolved, whatever the reason"]
    if submitted <= set(_ids(path, data, "resolved")):
        notes.append(f"without {LEADERBOARD_FILE} only resolved instances are named, and others cannot be told")
    return Source(
        path=folder, name=name, kind="a folder of the leaderboard", cells=_cells(name, outcomes), notes=tuple(notes)
    )


def _with_costs(folder: Path, source: Source) -> Source:
    """Return the source with what trajectories in the folder say of costs (mini-swe-agent: `instance_cost`)."""
    costs: dict[str, float] = {}
    for path in sorted(folder.glob("*/*.traj*")):
        stats = (_load(path).get("info") or {}).get("model_stats") or {}
        if isinstance(cost := stats.get("instance_cost"), int | float):
            costs[path.parent.name] = float(cost)
    cells = tuple(replace(cell, cost_usd=costs.get(cell.instance_id)) for cell in source.cells)
    return replace(source, path=folder, name=slug(folder.absolute().name), cells=cells)


def _answered(path: Path, report: Mapping[str, Any]) -> set[str]:
    return source_of_report(path, report).instance_ids


def _cells(variant: str, outcomes: Mapping[str, Outcome]) -> tuple[Observation, ...]:
    return tuple(
        Observation(instance_id=name, variant=variant, rep=1, outcome=outcome) for name, outcome in outcomes.items()
    )


def _ids(path: Path, data: Mapping[str, Any], group: str) -> list[str]:
    found = data.get(group) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InputError(f"{str(path)!r}: {group!r} must be a list of instance ids, found {found!r:.60}")
    return found


def _is_log(path: Path) -> bool:
    return path.suffix == ".eval" or (path.suffix == ".json" and is_inspect(_load(path)))


def _first(folder: Path, names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _load(path: Path) -> Mapping[str, Any]:
    """Return the object in a JSON file, an empty one for what is none: folders hold files of all kinds."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, Mapping) else {}
