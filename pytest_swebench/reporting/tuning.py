"""Tuning: which setting to try next, from what was tried before, and the table of what came of it.

The rule is a coordinate search over a small grid. Starting from one setting, each of its values is moved one step
down and one step up, in the order of the axes; a better one becomes the new centre, and the search ends where no
neighbour is better. Better is a higher pass rate, and among equals the lower cost; durations count only as a cap,
since they differ from run to run. The next setting follows from the results alone, so a search can be gone on with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.results import read_object, read_records
from pytest_swebench.reporting.tasks import percentile

Setting = tuple[str, ...]
"""One value for each axis, as it would be typed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An option of pytest, without its dashes, and the values to choose from, in their order."""

    option: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting tried: its cells, those that passed within the cap, their durations in seconds and their cost.

    `missing` cells ended without an answer that counts. `cost_usd` is None where a price is unknown, `run_id` is ""
    for what earlier runs of another making came to.
    """

    setting: Setting
    run_id: str
    cells: int
    passed: int
    missing: int
    p50_duration_s: float
    p95_duration_s: float
    cost_usd: float | None

    @property
    def pass_rate(self) -> float | None:
        """The share of the cells that count, None where there are none."""
        return self.passed / self.cells if self.cells else None

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better."""
        rate = -1.0 if self.pass_rate is None else self.pass_rate
        return rate, -round(self.cost_usd, 6) if self.cost_usd is not None else float("-inf")


def read_axis(text: str) -> Axis:
    """Read `max-turns=10,20,40`. Raises InputError."""
    option, _, values = text.partition("=")
    found = tuple(value.strip() for value in values.split(",") if value.strip())
    name = option.strip().removeprefix("--")
    if not name or not found or len(set(found)) != len(found):
        raise InputError(
            f"--try {text!r}: it names an option of pytest and its values, each once, in their order; "
            "give e.g. --try max-turns=10,20,40"
        )
    return Axis(name, found)


def middle(axes: Sequence[Axis]) -> Setting:
    """Return the setting in the middle of every axis."""
    return tuple(axis.values[(len(axis.values) - 1) // 2] for axis in axes)


def propose(axes: Sequence[Axis], start: Setting, trials: Mapping[Setting, Trial]) -> Setting | None:
    """Return the setting to try next, None where the search is at its end."""
    if start not in trials:
        return start
    best, moved = start, True
    while moved:
        moved = False
        for candidate in _neighbours(axes, best):
            if candidate not in trials:
                return candidate
            if trials[candidate].rank > trials[best].rank:
                best, moved = candidate, True
                break
    return None


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the best trial, the first of equals; None where no cell of any counts."""
    counted = [trial for trial in trials if trial.cells]
    return max(counted, key=lambda trial: trial.rank) if counted else None


def trial_of(records: Sequence[Mapping[str, Any]], setting: Setting, run_id: str, cap_s: float) -> Trial:
    """Sum up records of cells: one passes that is resolved and took at most `cap_s` seconds to solve."""
    counted = [one for one in records if Outcome(one["outcome"]).final and one["outcome"] != Outcome.CAPTURED]
    durations_s = [float(one["wall_time_seconds"].get("solve", 0.0)) for one in counted]
    costs = [one["cost_usd"] for one in records]
    resolved = [one["outcome"] == Outcome.RESOLVED for one in counted]
    return Trial(
        setting=setting,
        run_id=run_id,
        cells=len(counted),
        passed=sum(good and took <= cap_s for good, took in zip(resolved, durations_s, strict=True)),
        missing=len(records) - len(counted),
        p50_duration_s=round(percentile(durations_s, 0.5), 3),
        p95_duration_s=round(percentile(durations_s, 0.95), 3),
        cost_usd=None if None in costs else sum(costs),
    )


def earlier(root: Path, axes: Sequence[Axis], arm: str, model: str, tasks: set[str], cap_s: float) -> list[Trial]:
    """Return what earlier runs below `root` came to with settings of the grid, where they had all these tasks.

    Such runs say where to start and no more: what they ran beside temperature and turns is not in their files. Axes
    of which they say nothing stand in the middle.
    """
    found: dict[Setting, list[dict[str, Any]]] = {}
    for described, path in _variant_files(root):
        if (described.get("arm"), described.get("model")) != (arm, model):
            continue
        if ours := [record for record in read_records(path) if record["instance_id"] in tasks]:
            said = {"temperatures": described.get("temperature"), "max-turns": described.get("max_turns")}
            found.setdefault(_nearest(axes, said), []).extend(ours)
    whole = {setting: found[setting] for setting in sorted(found) if _ids(found[setting]) == tasks}
    return [trial_of(records, setting, "", cap_s) for setting, records in whole.items()]


def table(axes: Sequence[Axis], trials: Sequence[Trial]) -> str:
    """Return the trials as a table, in the order in which they were tried."""
    best = best_of(trials)
    header = ["trial", *(axis.option for axis in axes), "pass_rate", "p50_s", "p95_s", "cost", "run"]
    rows = [header]
    for number, trial in enumerate(trials, start=1):
        rate = "-" if trial.pass_rate is None else f"{trial.pass_rate:.2f} ({trial.passed}/{trial.cells})"
        cost = "unknown" if trial.cost_usd is None else f"${trial.cost_usd:.4f}"
        missing = f" ({trial.missing} cells missing)" if trial.missing else ""
        durations = [f"{trial.p50_duration_s:.1f}", f"{trial.p95_duration_s:.1f}"]
        mark = f"{number}{' *' if trial is best else ''}"
        rows.append([mark, *trial.setting, rate, *durations, cost, trial.run_id + missing])
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def report(axes: Sequence[Axis], trials: Sequence[Trial], **about: Any) -> dict[str, Any]:
    """Return the JSON of a search: what it was about, every trial, and the best."""
    best = best_of(trials)
    return {
        **about,
        "rule": "coordinate search: one step on one axis at a time; higher pass rate, then lower cost",
        "axes": {axis.option: list(axis.values) for axis in axes},
        "trials": [_as_json(axes, trial) for trial in trials],
        "best": None if best is None else _as_json(axes, best),
    }


def _as_json(axes: Sequence[Axis], trial: Trial) -> dict[str, Any]:
    fields = dataclasses.asdict(trial) | {"pass_rate": trial.pass_rate}
    return fields | {"setting": {axis.option: value for axis, value in zip(axes, trial.setting, strict=True)}}


def _ids(records: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(record["instance_id"]) for record in records}


def _neighbours(axes: Sequence[Axis], setting: Setting) -> Iterator[Setting]:
    for place, axis in enumerate(axes):
        at = axis.values.index(setting[place])
        for step in (at - 1, at + 1):
            if 0 <= step < len(axis.values):
                yield (*setting[:place], axis.values[step], *setting[place + 1 :])


def _nearest(axes: Sequence[Axis], said: Mapping[str, Any]) -> Setting:
    """Return the setting of the grid next to what a run says of itself."""
    setting = []
    for axis, central in zip(axes, middle(axes), strict=True):
        value = said.get(axis.option)
        numbers = {text: _number(text) for text in axis.values}
        if value is None or None in numbers.values():
            setting.append(central)
        else:
            setting.append(min(axis.values, key=lambda text: abs((numbers[text] or 0.0) - value)))
    return tuple(setting)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _variant_files(root: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield every per-variant file in `root` with its metadata, by name."""
    for path in sorted(root.glob("*_run*_*.jsonl")):
        with path.open("rb") as file:
            described = read_object(file.readline())
        if described.get("type") == "run_metadata":
            yield described, path
