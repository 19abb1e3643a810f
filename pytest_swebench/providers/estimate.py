"""What a run will cost, before anything is paid: from earlier runs where there are some, else from sizes of prompts."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, quantiles
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.providers.prices import Tariff, usd_text
from pytest_swebench.providers.protocol import Message, Request, Usage
from pytest_swebench.providers.tokens import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from pytest_swebench.datasets.instance import Problem

WARN_ABOVE_USD: Final = 10.0
_RUNS: Final = 20  # latest runs that are read
_ENOUGH: Final = 3  # cells of the same kind that say more than sizes of prompts do
_BILLED_AGAIN: Final = 0.1  # of calls, at most: cut off after the endpoint had charged them, and made once more


@dataclass(frozen=True, slots=True)
class Used:
    """What an earlier cell took: its calls, and the tokens of all of them together."""

    calls: int
    usage: Usage

    def cost_usd(self, tariff: Tariff, model: str) -> float | None:
        """Return what it would cost today, None where the price is unknown."""
        usage = self.usage
        kinds = (usage.input, usage.output, usage.cache_read, usage.cache_write)
        each = Usage(*(math.ceil(tokens / self.calls) for tokens in kinds))  # some prices rise with a call's length
        cost_usd = tariff.usd(model, model, each)
        return None if cost_usd is None else cost_usd * self.calls


History = Mapping[tuple[str, str, str], Sequence[Used]]
"""Provider, arm and model -> what each of their earlier cells took. What they cost then may not hold today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an arm needs for one problem, each as (low, high): calls, and tokens of each call."""

    calls: tuple[int, int]
    input_tokens: tuple[int, int]
    output_tokens: tuple[int, int]

    def within(self, turns: int | None) -> Expected:
        """Return this with no more calls than `turns`, if that is a number."""
        if turns is None:
            return self
        return dataclasses.replace(self, calls=(min(self.calls[0], turns), min(self.calls[1], turns)))


@runtime_checkable
class Foretells(Protocol):
    """An arm that knows beforehand about how much it calls."""

    def expected(self, problem: Problem) -> Expected:
        """Return what solving `problem` once takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The cells of one variant that are to run, none of which may cost more than `cell_cap_usd`.

    `expected` has one entry a cell; it is empty for an unknown arm.
    """

    provider_name: str
    arm: str
    model: str
    tariff: Tariff
    cells: int
    expected: Sequence[Expected] = ()
    cell_cap_usd: float | None = None

    def capped(self, usd: float) -> float:
        """Return `usd`, or what all cells may cost at most if that is less."""
        return usd if self.cell_cap_usd is None else min(usd, self.cell_cap_usd * self.cells)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bounds in USD; `basis` says what they rest on.

    `reserves_usd` is the most that one call may cost, which is reserved before it is made: of the smallest and of the
    largest call, zeros where that is unknown.
    """

    min_usd: float
    max_usd: float
    cells: int
    basis: str
    reserves_usd: tuple[float, float] = (0.0, 0.0)

    def __str__(self) -> str:
        low, high = map(usd_text, (self.min_usd, self.max_usd))
        what = low if low == high else f"{low} to {high}"
        return f"{what} for {self.cells} cell{'' if self.cells == 1 else 's'} ({self.basis})"


def estimate(works: Iterable[Work], history: History) -> Estimate | None:
    """Return what `works` will cost together, or None if that is unknown of any.

    Earlier cells give their mean and, as the upper bound, what 9 in 10 take at most, at today's prices; sizes of
    prompts give the cost of the fewest and smallest and of the most and largest calls, some of the latter paid twice.
    """
    low = high = 0.0
    cells = 0
    bases: dict[str, None] = {}
    reserves: list[tuple[float, float]] = []
    for work in works:
        if not work.cells:
            continue
        if work.tariff.matched(work.model) is None:
            return None
        used = history.get((work.provider_name, work.arm, work.model), ())
        bounds = _by_history(work, used) if len(used) >= _ENOUGH else _by_size(work)
        if bounds is None:
            return None
        low, high, cells = low + work.capped(bounds[0]), high + work.capped(bounds[1]), cells + work.cells
        bases["by earlier runs" if len(used) >= _ENOUGH else "by sizes of prompts"] = None
        reserves.append(_reserves_usd(work))
    one_call = (min(least for least, _ in reserves), max(most for _, most in reserves)) if reserves else (0.0, 0.0)
    return Estimate(low, high, cells, " and ".join(bases) or "nothing to run", one_call)


def earlier_use(root: Path) -> dict[tuple[str, str, str], list[Used]]:
    """Return what cells that called models took in the latest runs below `root`; see `History`."""
    results = sorted(root.glob("*/results.jsonl"), key=lambda path: path.stat().st_mtime)[-_RUNS:]
    found: dict[tuple[str, str, str], list[Used]] = {}
    for path in results:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
                key = (str(record["provider"]), str(record["arm"]), str(record["model"]))
                used = Used(int(record["calls"]), Usage(**record["tokens"]))
                cut_short = record["outcome"] == Outcome.INFRA or record["stop"] == Stop.COST
            except (ValueError, LookupError, TypeError):  # no record
                continue
            # a cell that infrastructure or a cap cut short says nothing about the next one
            if used.calls > 0 and used.usage.input + used.usage.output > 0 and not cut_short:
                found.setdefault(key, []).append(used)
    return found


def _by_history(work: Work, earlier: Sequence[Used]) -> tuple[float, float]:
    costs = [used.cost_usd(work.tariff, work.model) or 0.0 for used in earlier]
    usual = mean(costs)
    return usual * work.cells, max(usual, quantiles(costs, n=10, method="inclusive")[-1]) * work.cells


def _by_size(work: Work) -> tuple[float, float] | None:
    if len(work.expected) != work.cells:
        return None
    low = sum(_cost_usd(work, each, 0) for each in work.expected)
    return low, sum(_cost_usd(work, each, 1) for each in work.expected) * (1.0 + _BILLED_AGAIN)


def _cost_usd(work: Work, expected: Expected, bound: int) -> float:
    usage = Usage(input=expected.input_tokens[bound], output=expected.output_tokens[bound])
    return (work.tariff.usd(work.model, work.model, usage) or 0.0) * expected.calls[bound]


def _reserves_usd(work: Work) -> tuple[float, float]:
    """Return what the ledger reserves for the smallest call, at least, and for the largest one, about."""
    if not work.expected:
        return 0.0, 0.0
    answers = [each.output_tokens[1] for each in work.expected]
    least = min(each.input_tokens[0] for each in work.expected)  # no token has less than a byte
    most = math.ceil(max(each.input_tokens[1] for each in work.expected) * BYTES_PER_TOKEN)
    return _worst_usd(work, least, min(answers)), _worst_usd(work, most, max(answers))


def _worst_usd(work: Work, size_bytes: int, answer_tokens: int) -> float:
    words = (Message("user", "x" * size_bytes),)
    cost = work.tariff.worst(Request(model=work.model, messages=words, max_tokens=answer_tokens))
    return 0.0 if cost is None else cost.usd
