from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.simple import Gold
from pytest_swebench.datasets.instance import Problem
from pytest_swebench.providers.estimate import Estimate, Expected, Foretells, Work, earlier_costs, estimate
from pytest_swebench.providers.prices import Prices

TARIFF = Prices(["1,10"]).at("openai")
SMALL = Expected(calls=(1, 2), input_tokens=(100_000, 200_000), output_tokens=(10_000, 20_000))


def work(cells: int = 1, expected: list[Expected] | None = None, arm: str = "a", **other: Any) -> Work:
    given = [SMALL] * cells if expected is None else expected
    return Work(
        **{"provider_name": "openai", "arm": arm, "model": "m", "tariff": TARIFF, "cells": cells, "expected": given}
        | other
    )


def test_sizes_of_prompts_bound_the_cost() -> None:
    # at least one small call: 0.1 + 0.1 USD; at most two large ones, a tenth of them paid twice: 2 * (0.2 + 0.2) * 1.1
    found = estimate([work(cells=5)], {})
    assert found is not None
    assert (found.min_usd, found.max_usd, found.cells) == (pytest.approx(1.0), pytest.approx(4.4), 5)
    assert str(found) == "$1.00 to $4.40 for 5 cells (by sizes of prompts)"


def test_earlier_cells_say_more_than_sizes_of_prompts() -> None:
    costs = [0.1, 0.2, 0.3, 0.4, 1.0]
    found = estimate([work(cells=10), work(arm="b")], {("openai", "a", "m"): costs, ("openai", "b", "m"): [9.0, 9.0]})
    assert found is not None
    assert found.min_usd == pytest.approx(0.4 * 10 + 0.2)
    assert found.max_usd == pytest.approx(0.76 * 10 + 0.88)
    assert found.basis == "by earlier runs and by sizes of prompts"


@pytest.mark.parametrize(
    "unknown",
    [
        work(expected=[]),
        work(tariff=Prices().at("openai"), model="no-such-model"),
    ],
)
def test_one_unknown_part_leaves_the_whole_unknown(unknown: Work) -> None:
    assert estimate([work(), unknown], {}) is None
    assert estimate([work(), unknown], {("openai", "a", unknown.model): [0.1] * 3}) is not None


def test_nothing_to_run_costs_nothing() -> None:
    assert estimate([work(cells=0, expected=[])], {}) == Estimate(0.0, 0.0, 0, "nothing to run")


@pytest.mark.parametrize(("max_usd", "high"), [(10.0, False), (10.01, True)])
def test_more_than_ten_dollars_is_worth_a_warning(max_usd: float, high: bool) -> None:
    assert Estimate(1.0, max_usd, 3, "by earlier runs").is_high is high


def test_bounds_that_read_the_same_are_told_once() -> None:
    assert str(Estimate(2.0, 2.0, 1, "by earlier runs")) == "$2.00 for 1 cell (by earlier runs)"


def test_costs_of_paid_cells_are_read_from_earlier_runs(tmp_path: Path) -> None:
    good: dict[str, Any] = {"provider": "openai", "arm": "a", "model": "m", "outcome": "resolved", "cost_usd": 0.5}
    lines = [
        good,
        good | {"cost_usd": 0.7, "outcome": "no_patch"},
        good | {"model": "other", "cost_usd": 2.0},
        good | {"cost_usd": None},
        good | {"cost_usd": 0.0},
        good | {"cost_usd": 9.0, "outcome": "infra"},
        {"type": "run_metadata"},
    ]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (tmp_path / name / "results.jsonl").write_text(f"{text}torn {{\n")
    assert earlier_costs(tmp_path) == {("openai", "a", "m"): [0.5, 0.7] * 2, ("openai", "a", "other"): [2.0] * 2}
    assert earlier_costs(tmp_path / "nowhere") == {}


class Foreteller(Gold):
    """An arm that knows what it needs."""

    def expected(self, problem: Problem) -> Expected:
        return SMALL


def test_an_arm_may_say_what_it_needs() -> None:
    assert isinstance(Foreteller(), Foretells)
    assert not isinstance(Gold(), Foretells)
