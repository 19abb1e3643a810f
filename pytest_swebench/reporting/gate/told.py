"""What the gate of a run said, read again from its `gate.json`, for those who show the run later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.comparison.saved import FOLDER
from pytest_swebench.reporting.gate.publishing import FILE
from pytest_swebench.reporting.tree import count


@dataclass(frozen=True, slots=True)
class GateTold:
    """The verdict in a line; `stopped` says that the run as it is was stopped by the gate, on purpose."""

    line: str
    stopped: bool = False


def gate_told(folder: Path) -> GateTold | None:
    """Return what the gate of the run in `folder` said, None if none was asked.

    A verdict on other results than those that the run has now is told as such.
    """
    from pytest_swebench.reporting.comparison.reading import read_source

    path = folder / FILE
    try:
        said = json.loads(path.read_bytes())
        line = f"gate: {said['verdict']} against {_named(Path(said['baseline']['path']))}"
        looked, judged = said["sequential"], said["run"]["digest"]
        if looked:
            line += f"; looked at {looked['instances_looked_at']} of {looked['instances_planned']} instances"
        stopped = bool(looked and looked["stopped_early"])
        if stopped:
            line += f", which decided: the run was stopped, {count(looked['cells_saved'], 'cell')} left out on purpose"
        elif said["reason"]:
            line += f": {said['reason']}"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        return GateTold(f"gate: {str(path)!r} cannot be read ({error}); swebench-runner gate judges the run again")
    try:
        current = judged is None or read_source(folder).content == judged
    except InputError:  # nothing is graded
        current = False
    return GateTold(line, stopped) if current else GateTold(f"{line} (before the run went on)")


def _named(baseline: Path) -> str:
    """Return a baseline as it is named on a command line: a saved one without its folder and ending."""
    return baseline.stem if baseline.parent.name == FOLDER else baseline.name
