from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.simple import Gold
from pytest_swebench.datasets.instance import Problem
from pytest_swebench.providers.estimate import Estimate, Expected, Foretells, Used, Work, earlier_use, estimate
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Usage

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
    used = [output(10_000), output(20_000), output(30_000), output(40_000), output(100_000)]
    few = [output(900_000)] * 2
    found = estimate([work(cells=10), work(arm="b")], {("openai", "a", "m"): used, ("openai", "b", "m"): few})
    assert found is not None
    assert found.min_usd == pytest.approx(0.4 * 10 + 0.2)
    assert found.max_usd == pytest.approx(0.76 * 10 + 0.88)
    assert found.basis == "by earlier runs and by sizes of prompts"


def output(tokens: int, calls: int = 1) -> Used:
    return Used(calls, Usage(output=tokens))


def test_earlier_tokens_are_taken_at_todays_price() -> None:
    dearer = work(tariff=Prices(["1,50"]).at("openai"))
    found = estimate([dearer], {("openai", "a", "m"): [output(20_000)] * 3})
    assert found is not None
    assert (found.min_usd, found.max_usd) == (pytest.approx(1.0), pytest.approx(1.0))


def test_many_calls_are_not_priced_as_one_long_one() -> None:
    # above 200,000 tokens of input this model is dearer by the list
    tariff = Prices().at("anthropic")
    model = "claude-sonnet-4-5"
    alone = tariff.usd(model, model, Usage(input=100_000, output=100))
    assert alone is not None
    assert Used(4, Usage(input=400_000, output=400)).cost_usd(tariff, model) == pytest.approx(4 * alone)


def test_arm_that_foretells_nothing_is_known_by_earlier_runs_alone() -> None:
    unknown = work(expected=[])
    assert estimate([work(), unknown], {}) is None
    assert estimate([work(), unknown], {("openai", "a", "m"): [output(10_000)] * 3}) is not None


def test_unknown_price_leaves_the_whole_unknown() -> None:
    unknown = work(tariff=Prices().at("openai"), model="no-such-model")
    assert estimate([work(), unknown], {("openai", "a", "no-such-model"): [output(10_000)] * 3}) is None


def test_estimate_holds_what_single_calls_reserve() -> None:
    small = Expected(calls=(1, 1), input_tokens=(1_000, 2_000), output_tokens=(1, 5_000))
    found = estimate([work(cells=2, expected=[SMALL, small])], {})
    assert found is not None
    least, most = found.reserves_usd
    # a request counts with every byte and with what endpoints put around it, an answer at its longest
    assert 0.051 < least < 0.054
    assert 0.8 < most < 0.81


def test_no_cell_is_expected_to_cost_more_than_its_cap() -> None:
    free = estimate([work(cells=2)], {})
    capped = estimate([work(cells=2, cell_cap_usd=0.001)], {})
    assert free is not None
    assert capped is not None
    assert free.min_usd > 0.002
    assert (capped.min_usd, capped.max_usd) == (0.002, 0.002)


def test_turns_bound_the_calls_that_are_expected() -> None:
    many = Expected(calls=(8, 60), input_tokens=(1, 2), output_tokens=(1, 2))
    assert [many.within(turns).calls for turns in (None, 100, 20, 3)] == [(8, 60), (8, 60), (8, 20), (3, 3)]


def test_nothing_to_run_costs_nothing() -> None:
    assert estimate([work(cells=0, expected=[])], {}) == Estimate(0.0, 0.0, 0, "nothing to run")


def test_bounds_that_read_the_same_are_told_once() -> None:
    assert str(Estimate(2.0, 2.0, 1, "by earlier runs")) == "$2.00 for 1 cell (by earlier runs)"


def test_use_of_cells_that_called_models_is_read_from_earlier_runs(tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "provider": "openai",
        "arm": "a",
        "model": "m",
        "outcome": "resolved",
        "stop": "submitted",
        "calls": 1,
        "tokens": Usage(output=5).as_json(),
    }
    lines = [
        good,
        good | {"calls": 2, "tokens": Usage(output=7).as_json(), "outcome": "no_patch"},
        good | {"model": "other"},
        good | {"calls": 0},
        good | {"tokens": None},
        good | {"outcome": "infra"},
        good | {"stop": "cost"},
        {"type": "run_metadata"},
    ]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (tmp_path / name / "results.jsonl").write_text(f"{text}torn {{\n")
    assert earlier_use(tmp_path) == {
        ("openai", "a", "m"): [output(5), output(7, calls=2)] * 2,
        ("openai", "a", "other"): [output(5)] * 2,
    }
    assert earlier_use(tmp_path / "nowhere") == {}


class Foreteller(Gold):
    """An arm that knows what it needs."""

    def expected(self, problem: Problem) -> Expected:
        return SMALL


def test_an_arm_may_say_what_it_needs() -> None:
    assert isinstance(Foreteller(), Foretells)
    assert not isinstance(Gold(), Foretells)
