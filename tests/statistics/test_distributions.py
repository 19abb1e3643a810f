from __future__ import annotations

import pytest
from scipy import stats

from pytest_swebench.statistics.distributions import normal_cdf, normal_quantile, t_quantile, t_tail


@pytest.mark.parametrize("df", [1, 2.87, 5, 19, 49, 499])
@pytest.mark.parametrize("p", [0.9, 0.975, 0.9995])
def test_quantiles_of_t_agree_with_scipy(df: float, p: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9)
    assert t_quantile(1 - p, df) == pytest.approx(stats.t.ppf(1 - p, df), rel=1e-9)


def test_known_quantile_of_t() -> None:
    assert t_quantile(0.975, 49) == pytest.approx(2.00957524, abs=5e-9)
    assert t_quantile(0.5, 7) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("t", [-3.0, -0.2, 0.0, 1e-9, 0.5, 2.0, 12.0, 300.0])
def test_tail_of_t_agrees_with_scipy(t: float) -> None:
    for df in (0.7, 1, 4, 30, 2000):
        assert t_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-9)


def test_normal_agrees_with_scipy_far_out() -> None:
    for z in (-9.0, -1.0, 0.0, 3.0):
        assert normal_cdf(z) == pytest.approx(stats.norm.cdf(z), rel=1e-12)
    assert normal_quantile(0.975) == pytest.approx(stats.norm.ppf(0.975), rel=1e-12)
