"""Baselines kept by name: a small file of outcomes with what they were made under, fit for version control.

A saved baseline is written once and changes only when a person replaces it: one that follows the runs would let them
get worse step by step.
"""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError, RecordError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.reading import ACCEPTED, read_source
from pytest_swebench.reporting.comparison.runs import is_run
from pytest_swebench.reporting.comparison.saved import FOLDER, FORMAT_VERSION, TYPE, damaged, is_saved, letters
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.statistics.data import COVERAGE_FLOOR

OLD_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved baseline as a list shows it. `variants` is variant -> cells that were asked for."""

    name: str
    path: Path
    run_id: str
    saved_on: date
    instances: int
    variants: Mapping[str, int]


def save_baseline(run: Path, name: str, folder: Path, *, replace: bool = False) -> Path:
    """Write the baseline `name` from a run, or from anything that can be compared, and return its path.

    Raises InputError for a name that is taken, and for results with holes, RecordError where nothing can be written.
    """
    from pytest_swebench.handle import check_run_id
    from pytest_swebench.records.layout import write_whole

    check_run_id("NAME", name)
    path = folder / f"{name}.json"
    if os.path.exists(path) and not replace:
        raise InputError(f"NAME {name!r}: {str(path)!r} is there already; choose another name, or give --replace")
    source = read_source(run)
    for sample in source.samples().values():
        if sample.coverage < COVERAGE_FLOOR:
            raise InputError(
                f"{str(run)!r}: {sample.variant} has an answer in {sample.attempted} of {sample.planned} cells, and a "
                f"baseline needs {COVERAGE_FLOOR:.0%}; complete the run with --resume"
            )
    try:
        write_whole(path, _text(_content(source, name)))
    except OSError as error:
        raise RecordError(
            f"{str(path)!r} cannot be written: {error.strerror}; make room there, or choose another name"
        ) from error
    return path


def list_baselines(folder: Path) -> list[Saved]:
    """Return the saved baselines in `folder`, by name. Raises InputError for one that cannot be read."""
    return [_saved(path, _loaded(path)) for path in sorted(folder.glob("*.json"))]


def find_baseline(given: str, here: Path, results: Path) -> Path:
    """Return what `given` means: a path, a name saved below `here`, or a run in `results`. Raises InputError."""
    path = here / os.path.expanduser(given)
    saved, run = here / FOLDER / f"{Path(given).name}.json", results / given
    for candidate in (*([saved] if Path(given).name == given else []), path, run):
        if os.path.exists(candidate):  # no for what no path can be, too
            return candidate
    names = ", ".join(sorted(one.stem for one in (here / FOLDER).glob("*.json"))) or "none"
    raise InputError(f"--baseline {given!r}: there is no such path, saved baseline ({names}) or run; {ACCEPTED}")


def age_note(before: Source, today: date) -> str:
    """Say that a baseline is old, "" if it is not, or if nobody knows."""
    days = (today - before.ended_on).days if before.ended_on else 0
    if days <= OLD_DAYS:
        return ""
    return f"the baseline was run {days} days ago; models change under their names, so run it again"


def models_of(path: Path) -> dict[str, str]:
    """Return variant -> model of a run of ours or a saved baseline, as they were asked for; others tell none."""
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import read_plans

    if path.is_dir():
        if not is_run(path):
            return {}
        plans = read_plans(RunLayout(path.parent, path.name, ""))
        return {name: str(told["model"]) for plan in plans for name, told in plan["variants"].items() if told["model"]}
    data = _json(path) if path.suffix == ".json" else {}
    return dict(data.get("models") or {}) if is_saved(data) else {}


def _content(source: Source, name: str) -> dict[str, Any]:
    cells: dict[str, dict[str, dict[int, Outcome]]] = {}
    for one in source.cells:
        cells.setdefault(one.variant, {}).setdefault(one.instance_id, {})[one.rep] = one.outcome
    return {
        "type": TYPE,
        "format_version": FORMAT_VERSION,
        "name": name,
        "run_id": source.name,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ended_on": source.ended_on and source.ended_on.isoformat(),
        "origin": source.origin,
        "oracles": sorted(source.oracles),
        "models": models_of(source.path),
        "conditions": {what: sorted(values) for what, values in source.conditions.items()},
        "planned": {variant: sample.planned for variant, sample in source.samples().items()},
        "digests": dict(sorted(source.digests.items())),
        "images": dict(sorted(source.images.items())),
        "cells": {
            variant: {instance: letters(reps) for instance, reps in sorted(of_variant.items())}
            for variant, of_variant in sorted(cells.items())
        },
    }


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}; {ACCEPTED}") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} is not valid JSON: {error}; {ACCEPTED}") from error


def _loaded(path: Path) -> dict[str, Any]:
    data = _json(path)
    if not is_saved(data):
        raise InputError(f"{str(path)!r} is no saved baseline; remove it from that folder, or save one with its name")
    return data


def _saved(path: Path, data: Mapping[str, Any]) -> Saved:
    try:
        return Saved(
            name=path.stem,
            path=path,
            run_id=str(data["run_id"]),
            saved_on=datetime.fromisoformat(data["saved_at"]).date(),
            instances=len({name for of_variant in data["cells"].values() for name in of_variant}),
            variants=dict(data["planned"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, error) from error
