"""What a run will cost, before anything is paid: from earlier runs where there are some, else from sizes of prompts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, quantiles
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from pytest_swebench.outcome import Outcome
from pytest_swebench.providers.prices import PICO, Tariff, as_usd
from pytest_swebench.providers.protocol import Usage

if TYPE_CHECKING:
    from pytest_swebench.datasets.instance import Problem

WARN_ABOVE_USD: Final = 10.0
_RUNS: Final = 20  # latest runs that are read
_ENOUGH: Final = 3  # cells of the same kind that say more than sizes of prompts do
_BILLED_AGAIN: Final = 0.1  # of calls, at most: cut off after the endpoint had charged them, and made once more

History = Mapping[tuple[str, str, str], Sequence[float]]
"""Provider, arm and model -> what each of their earlier cells cost, in USD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an arm needs for one problem, each as (low, high): calls, and tokens of each call."""

    calls: tuple[int, int]
    input_tokens: tuple[int, int]
    output_tokens: tuple[int, int]


@runtime_checkable
class Foretells(Protocol):
    """An arm that knows beforehand about how much it calls."""

    def expected(self, problem: Problem) -> Expected:
        """Return what solving `problem` once takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The cells of one variant that are to run. `expected` has one entry a cell; it is empty for an unknown arm."""

    provider_name: str
    arm: str
    model: str
    tariff: Tariff
    cells: int
    expected: Sequence[Expected] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bounds in USD; `basis` says what they rest on."""

    min_usd: float
    max_usd: float
    cells: int
    basis: str

    @property
    def is_high(self) -> bool:
        """Whether a person should be warned."""
        return self.max_usd > WARN_ABOVE_USD

    def __str__(self) -> str:
        low, high = (as_usd(round(usd * PICO)) for usd in (self.min_usd, self.max_usd))
        what = low if low == high else f"{low} to {high}"
        return f"{what} for {self.cells} cell{'' if self.cells == 1 else 's'} ({self.basis})"


def estimate(works: Iterable[Work], history: History) -> Estimate | None:
    """Return what `works` will cost together, or None if that is unknown of any.

    Earlier cells give their mean and, as the upper bound, what 9 in 10 cost at most; sizes of prompts give the cost of
    the fewest and smallest and of the most and largest calls, some of the latter paid twice.
    """
    low = high = 0.0
    cells = 0
    bases: dict[str, None] = {}
    for work in works:
        if not work.cells:
            continue
        costs = history.get((work.provider_name, work.arm, work.model), ())
        bounds = _by_history(costs, work.cells) if len(costs) >= _ENOUGH else _by_size(work)
        if bounds is None:
            return None
        low, high, cells = low + bounds[0], high + bounds[1], cells + work.cells
        bases["by earlier runs" if len(costs) >= _ENOUGH else "by sizes of prompts"] = None
    return Estimate(low, high, cells, " and ".join(bases) or "nothing to run")


def earlier_costs(root: Path) -> dict[tuple[str, str, str], list[float]]:
    """Return what paid cells in the latest runs below `root` cost; see `History`."""
    results = sorted(root.glob("*/results.jsonl"), key=lambda path: path.stat().st_mtime)[-_RUNS:]
    costs: dict[tuple[str, str, str], list[float]] = {}
    for path in results:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
                key = (str(record["provider"]), str(record["arm"]), str(record["model"]))
                cost_usd, infra = float(record["cost_usd"]), record["outcome"] == Outcome.INFRA
            except (ValueError, LookupError, TypeError):  # of unknown cost, or no record
                continue
            # a cell that infrastructure cut short, or that recorded answers fed, says nothing about the next one
            if cost_usd > 0 and math.isfinite(cost_usd) and not infra:
                costs.setdefault(key, []).append(cost_usd)
    return costs


def _by_history(costs: Sequence[float], cells: int) -> tuple[float, float]:
    usual = mean(costs)
    return usual * cells, max(usual, quantiles(costs, n=10, method="inclusive")[-1]) * cells


def _by_size(work: Work) -> tuple[float, float] | None:
    if work.tariff.matched(work.model) is None or len(work.expected) != work.cells:
        return None
    low = sum(_cost_usd(work, each, 0) for each in work.expected)
    return low, sum(_cost_usd(work, each, 1) for each in work.expected) * (1.0 + _BILLED_AGAIN)


def _cost_usd(work: Work, expected: Expected, bound: int) -> float:
    usage = Usage(input=expected.input_tokens[bound], output=expected.output_tokens[bound])
    return (work.tariff.usd(work.model, work.model, usage) or 0.0) * expected.calls[bound]
