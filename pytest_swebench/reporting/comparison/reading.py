"""Results of any tool, told apart by what they hold.

| shape | told by |
|---|---|
| a run of ours, or its `results.jsonl` | `journal/`, or lines of type `result` |
| the official report of a run | `resolved_ids` |
| predictions with that report beside them | `instance_id` and `model_patch` |
| a folder of the leaderboard | `results/results.json` or `per_instance_details.json`, `all_preds.jsonl` |
| logs of the official harness | `<instance>/report.json`, or that in `logs/` |
| a table of the leaderboard's site | instance -> `resolved`, `cost`, or that by model |
| a folder of mini-swe-agent or SWE-agent | trajectories, with a report beside them |
| a saved baseline | `type` is `baseline` |
| a log of Inspect | `.eval`, or JSON with `eval` and `samples` |
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.comparison.inspect_logs import is_inspect, source_of_archive, source_of_log
from pytest_swebench.reporting.comparison.official import (
    RESOLVED_IDS,
    is_table,
    source_of_folder,
    source_of_predictions,
    source_of_report,
    source_of_table,
)
from pytest_swebench.reporting.comparison.runs import is_run, source_of_results, source_of_run
from pytest_swebench.reporting.comparison.saved import is_saved, source_of_saved
from pytest_swebench.reporting.comparison.source import Source

ACCEPTED: Final = (
    "give results/<run id>, a results.jsonl, the official report of a run, a folder of the leaderboard or of "
    "mini-swe-agent with its report, a saved baseline, or a log of Inspect"
)


# what files of others bring about, which may hold anything
_SHAPELESS: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


def read_source(path: Path) -> Source:
    """Return what `path` holds, a file or a folder. Raises InputError if it holds no graded results."""
    try:
        source = _read(path) or source_of_predictions(path)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}; {ACCEPTED}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} cannot be read: it is no text in UTF-8; {ACCEPTED}") from error
    except _SHAPELESS as error:
        raise InputError(f"{str(path)!r} is not shaped as its kind is: {error!r:.200}; {ACCEPTED}") from error
    if source is None:
        raise InputError(f"{str(path)!r} holds no graded results of any known shape; {ACCEPTED}")
    if not source.cells and source.why_unjudged:
        why = "; ".join(source.why_unjudged)
        raise InputError(f"{str(path)!r} holds no graded results, though it is {source.kind}: {why}")
    if not source.cells:
        raise InputError(f"{str(path)!r} holds no graded results, though it is {source.kind}; {ACCEPTED}")
    _check(source)
    return source


def _check(source: Source) -> None:
    """Raise InputError for what cannot be counted, and for names that a terminal would act upon."""
    told = {text for what, values in source.conditions.items() for text in (what, *values)}
    for cell in source.cells:
        told |= {cell.instance_id, cell.variant}
        for what, number in (("cost", cell.cost_usd), ("tokens", cell.tokens), ("seconds", cell.seconds)):
            if number is not None and (not isinstance(number, int | float) or not 0 <= number < math.inf):
                raise InputError(
                    f"{str(source.path)!r}: {what} of {cell.instance_id!r}: {number!r:.60} is no amount; a number "
                    "from 0 up is read, or null where none is known"
                )
        if not isinstance(cell.rep, int):
            raise InputError(f"{str(source.path)!r}: repetition {cell.rep!r:.60} of {cell.instance_id!r} is no number")
    for name in told | set(source.planned):
        if not isinstance(name, str) or not name.isprintable():
            raise InputError(
                f"{str(source.path)!r} holds the name {name!r:.60}, with characters that cannot be shown; results are "
                "read only with names of printable characters"
            )


def _read(path: Path) -> Source | None:
    if path.is_dir():
        return source_of_run(path) if is_run(path) else source_of_folder(path, ACCEPTED)
    if path.suffix == ".eval":
        return source_of_archive(path)
    if path.suffix == ".jsonl":
        return source_of_results(path)
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise InputError(f"{str(path)!r} is not valid JSON: {error}; {ACCEPTED}") from error
    if is_saved(data):
        return source_of_saved(path, data)
    if isinstance(data, Mapping) and RESOLVED_IDS in data:
        return source_of_report(path, data)
    if isinstance(data, Mapping) and is_inspect(data):
        return source_of_log(path, data)
    if isinstance(data, Mapping) and is_table(data):
        return source_of_table(path, data)
    return None
