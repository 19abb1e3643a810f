from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.cli.line import Line, Request, line_of
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.providers.estimate import Estimate
from pytest_swebench.wizard.cost import estimated
from pytest_swebench.wizard.ready import foretold, variants

PRICED = ("--price=m=1000,1000",)  # beats what the settings have


@pytest.fixture
def two() -> list[Instance]:
    return load_demo()[:2]


def line(folder: Path, arms: str = "singleshot", **env: str) -> Line:
    env = {"SWEBENCH_PRICE": "m=1,1", **env}
    return line_of(Request(provider="openai", model="m", arms=arms, extra=PRICED), env, folder)


def cost(line: Line, instances: list[Instance], folder: Path) -> Estimate:
    found = estimated(line, instances, folder)
    assert found is not None
    return found


def test_every_variant_is_counted_and_paid_for(tmp_path: Path, two: list[Instance]) -> None:
    one, three = line(tmp_path), line(tmp_path, "singleshot,gold", SWEBENCH_TEMPERATURES="0.1, 0.5,0.9")
    assert (variants(one), variants(three)) == (1, 4)  # the reference patch asks no model
    once, often = cost(one, two, tmp_path), cost(three, two, tmp_path)
    assert (once.cells, often.cells) == (2, 6)
    assert often.max_usd == pytest.approx(3 * once.max_usd)
    assert once.max_usd > 2  # at a thousand times less nothing would come near


def test_cap_of_a_cell_and_turns_bound_the_cost(tmp_path: Path, two: list[Instance]) -> None:
    free, capped = line(tmp_path), line(tmp_path, SWEBENCH_MAX_COST_PER_CELL="0.5")
    assert cost(free, two, tmp_path).max_usd > cost(capped, two, tmp_path).max_usd == pytest.approx(1.0)
    far = {"SWEBENCH_MAX_COST_PER_CELL": "100000"}
    long, short = (line(tmp_path, "agent", MAX_TURNS=turns, **far) for turns in ("20", "2"))
    assert cost(long, two, tmp_path).max_usd > cost(short, two, tmp_path).max_usd


def test_unknown_arm_is_left_to_the_run(tmp_path: Path, two: list[Instance]) -> None:
    strange = line(tmp_path, "of_a_plugin")
    assert (foretold(strange, two, tmp_path), variants(strange)) == (None, 1)
