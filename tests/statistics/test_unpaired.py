from __future__ import annotations

import pytest
from scipy.stats import fisher_exact

from pytest_swebench.statistics.unpaired import fisher_p


@pytest.mark.parametrize("counts", [(3, 4, 1, 4), (353, 500, 325, 500), (0, 20, 5, 20), (0, 5, 0, 5), (5, 5, 7, 7)])
def test_fishers_p_agrees_with_scipy(counts: tuple[int, int, int, int]) -> None:
    a, n, b, m = counts
    assert fisher_p(*counts) == pytest.approx(fisher_exact([[a, n - a], [b, m - b]])[1], rel=1e-7)
