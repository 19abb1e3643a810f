from __future__ import annotations

import random

import pytest
from statsmodels.stats.multitest import multipletests

from pytest_swebench.statistics.multiple import holm


def test_known_adjusted_values() -> None:
    assert [round(p, 12) for p in holm([0.01, 0.04, 0.03, 0.005])] == [0.03, 0.06, 0.06, 0.02]
    assert holm([]) == []


@pytest.mark.parametrize("size", [1, 2, 6, 28])
def test_holm_agrees_with_statsmodels(size: int) -> None:
    chance = random.Random(size)
    p_values = [chance.random() ** 3 for _ in range(size)]
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)
    assert holm([0.2] * size) == pytest.approx([min(1.0, 0.2 * size)] * size)
