"""Folders of logs of the official harness: `<instance>/report.json`, alone or in the `logs` of a submission.

Source: the per-instance report of swebench 5.0.2, `{<id>: {"patch_is_None", "resolved", ...}}`. The harness leaves none
where a patch did not apply, where tests ran out of time, and where something broke, and the folder does not say which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.statistics.data import Observation

_REPORT: Final = "report.json"


def logs_in(folder: Path) -> Path | None:
    """Return the folder that has one of each instance, with a report in some; None if there is none."""
    return next((one for one in (folder / "logs", folder) if any(one.glob(f"*/{_REPORT}"))), None)


def source_of_logs(folder: Path, logs: Path, variant: str) -> Source:
    """Return what the reports say. An instance without one is missing, unless its patch is known to be empty.

    Raises InputError for two reports on one instance.
    """
    from pytest_swebench.records.formats.predictions import LEADERBOARD_FILE, read_predictions

    outcomes: dict[str, Outcome] = {}
    reported: set[str] = set()
    if (folder / LEADERBOARD_FILE).is_file():
        for one in read_predictions(folder / LEADERBOARD_FILE).predictions:
            outcomes[one.instance_id] = Outcome.ERROR if one.patch.strip() else Outcome.NO_PATCH
    for place in sorted(path for path in logs.iterdir() if path.is_dir()):
        found = _reported(place / _REPORT)
        if found is not None:
            if found[0] in reported:
                raise InputError(f"{str(place)!r}: a second report on {found[0]!r}; give a folder with one an instance")
            reported.add(found[0])
            outcomes[found[0]] = found[1]
        else:
            outcomes.setdefault(place.name, Outcome.ERROR)
    lacking = sum(outcome is Outcome.ERROR for outcome in outcomes.values())
    note = f"{lacking} instances have no report and count as missing: a patch that did not apply, or something broke"
    return Source(
        path=folder,
        name=variant,
        kind="a folder of logs",
        cells=tuple(
            Observation(instance_id=name, variant=variant, rep=1, outcome=outcome)
            for name, outcome in sorted(outcomes.items())
        ),
        notes=(note,) if lacking else (),
    )


def _reported(path: Path) -> tuple[str, Outcome] | None:
    """Return instance and outcome of a report, None where it is missing or torn."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, Mapping) or len(data) != 1:
        return None
    ((name, told),) = data.items()
    if not isinstance(told, Mapping) or not isinstance(told.get("resolved"), bool):
        return None
    if told["resolved"]:
        return name, Outcome.RESOLVED
    return name, Outcome.NO_PATCH if told.get("patch_is_None") else Outcome.UNRESOLVED
