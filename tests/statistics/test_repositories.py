from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.data import Tally
from pytest_swebench.statistics.distributions import t_quantile
from pytest_swebench.statistics.paired import Pair, differences_of
from pytest_swebench.statistics.repositories import (
    cluster_interval,
    clustered,
    effective_number,
    repositories_of,
    repository_of,
)

VERIFIED = (231, 75, 44, 34, 32, 22, 22, 19, 10, 8, 2, 1)


def pair(repository: str, number: int, before: int, after: int) -> Pair:
    name = f"{repository}-{number}"
    return Pair(name, Tally(attempted=1, resolved=before), Tally(attempted=1, resolved=after))


def test_effective_number_of_the_repositories_of_verified() -> None:
    assert effective_number(VERIFIED) == pytest.approx(3.87, abs=0.005)


def test_known_interval_over_clusters_of_equal_size() -> None:
    # the vignette of the R package evaluatellm: 50 clusters
    found = clustered(0.6950, 0.0401, effective_number([4] * 50))
    assert (round(found.low, 4), round(found.high, 4)) == (0.6144, 0.7756)


def test_cluster_interval_is_the_sandwich_estimate_of_statsmodels_with_fewer_degrees_of_freedom() -> None:
    chance = random.Random(12)
    sizes = (40, 30, 20, 9)
    pairs = [
        pair(f"a__r{group}", number, chance.random() < 0.5, chance.random() < 0.4 + group / 10)
        for group, size in enumerate(sizes)
        for number in range(size)
    ]
    groups = np.repeat(range(4), sizes)
    values = np.array([one.difference for one in pairs])
    # its small-sample factor has (n - 1) / (n - p) besides, which is 1 for a mean alone
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    found = cluster_interval(pairs)
    reach = t_quantile(0.975, effective_number(sizes) - 1) * fit.bse[0]
    assert found.as_json() == pytest.approx([values.mean() - reach, values.mean() + reach])


def test_repositories_that_agree_do_not_make_an_interval_of_no_width() -> None:
    pairs = [pair(f"a__r{group}", number, 0, 1) for group in range(3) for number in range(4)]
    assert cluster_interval(pairs) == differences_of(pairs).interval()


def test_one_large_repository_is_refused_for_an_interval_over_repositories() -> None:
    pairs = [pair("a__a", number, 0, 1) for number in range(9)] + [pair("b__b", 1, 0, 0)]
    with pytest.raises(InputError, match=r"'a__a' carries 90% of the instances.* as much as 1\.2 repositories"):
        cluster_interval(pairs)


def test_table_has_each_repository_and_the_difference_without_it() -> None:
    pairs = [pair("b__b", number, 0, 1) for number in range(3)] + [pair("a__a", number, 1, 0) for number in range(2)]
    found = repositories_of(pairs)
    assert [(line.repository, line.instances, line.difference, line.without) for line in found.lines] == [
        ("b__b", 3, 1.0, -1.0),
        ("a__a", 2, -1.0, 1.0),
    ]
    assert found.sign_changes
    assert found.left_out is not None
    assert found.left_out.as_json() == [-1.0, 1.0]


def test_a_difference_found_everywhere_rests_on_no_single_repository() -> None:
    found = repositories_of([pair(f"a__r{group}", number, 0, 1) for group in range(3) for number in range(2)])
    assert not found.sign_changes
    assert found.effective == 3
    assert found.as_json()["leave_one_out"] == [1.0, 1.0]


def test_a_single_repository_has_nothing_to_be_left_out_of() -> None:
    found = repositories_of([pair("a__a", 1, 0, 1)])
    assert (found.left_out, found.lines[0].interval, found.sign_changes) == (None, None, False)


def test_repository_of_an_id() -> None:
    assert repository_of("scikit-learn__scikit-learn-10908") == "scikit-learn__scikit-learn"
    assert repository_of("demo") == "demo"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([3, 5, 6]), st.integers(0, 6), st.integers(0, 6)), min_size=2)
)
def test_a_sign_changes_only_where_it_does_in_exact_fractions(cells: list[tuple[int, int, int, int]]) -> None:
    pairs = [
        Pair(f"r__{group}-{number}", Tally(attempted=m, resolved=min(a, m)), Tally(attempted=m, resolved=min(b, m)))
        for number, (group, m, a, b) in enumerate(cells)
    ]
    exact: dict[int, list[Fraction]] = {}
    for group, m, a, b in cells:
        exact.setdefault(group, []).append(Fraction(min(b, m) - min(a, m), m))
    rest = [sum((one for name in exact if name != group for one in exact[name]), Fraction()) for group in exact]
    assert repositories_of(pairs).sign_changes is (min(rest) < 0 < max(rest))
