from __future__ import annotations

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.data import Sample
from pytest_swebench.statistics.gate import (
    GateExit,
    GateMode,
    Judged,
    Verdict,
    exit_code,
    fatal_failures,
    inconclusive_chance,
    judge,
    parse_drop,
    verdict_of,
    worst,
)
from pytest_swebench.statistics.paired import differences_of, pairs_of
from pytest_swebench.statistics.planning import DIFFERENT
from tests.support.samples import sample, single, wins_and_losses


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.0299, 0.01, Verdict.PASS),
        (-0.03, 0.01, Verdict.INCONCLUSIVE),  # on the line nothing is shown
        (-0.08, -0.03, Verdict.INCONCLUSIVE),
        (-0.08, -0.0301, Verdict.REGRESSED),
        (-0.08, 0.05, Verdict.INCONCLUSIVE),
        (0.01, 0.05, Verdict.PASS),
    ],
)
def test_verdict_at_its_boundaries(low: float, high: float, verdict: Verdict) -> None:
    assert verdict_of(low, high, 0.03) is verdict


def test_no_drop_at_all_asks_for_superiority() -> None:
    assert verdict_of(0.0, 0.1, 0.0) is Verdict.INCONCLUSIVE
    assert verdict_of(1e-9, 0.1, 0.0) is Verdict.PASS


def test_judge_decides_by_the_one_sided_bounds() -> None:
    before, after = wins_and_losses(10, 12, 478)
    low = differences_of(pairs_of(before, after)).bounds(0.05).low
    assert judge(before, after, max_drop=-low + 1e-9).verdict is Verdict.PASS
    assert judge(before, after, max_drop=-low).verdict is Verdict.INCONCLUSIVE
    assert judge(before, after).bounds == differences_of(pairs_of(before, after)).bounds(0.05)


def test_a_clear_loss_has_regressed() -> None:
    found = judge(*wins_and_losses(5, 100, 395))
    assert found.verdict is Verdict.REGRESSED
    assert found.as_json()["difference"] == pytest.approx(-0.19)


def test_a_regression_of_one_of_many_must_be_clearer() -> None:
    before, after = wins_and_losses(10, 40, 250)
    alone = judge(before, after, max_drop=0.055)
    among = judge(before, after, max_drop=0.055, gated=8)
    assert (alone.verdict, among.verdict) == (Verdict.REGRESSED, Verdict.INCONCLUSIVE)
    assert alone.bounds == among.bounds


def test_no_common_instance_is_not_comparable() -> None:
    found = judge(sample("a", {"x__x-1": (1, 1)}), sample("b", {"x__x-2": (1, 1)}))
    assert (found.verdict, found.reason) == (Verdict.NOT_COMPARABLE, "no instance has an answer of both a and b")


def test_missing_cells_are_not_comparable() -> None:
    whole = single("a", [1] * 20)
    thin = Sample(variant="b", tallies=whole.tallies, planned=23)
    found = judge(whole, thin)
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert "b: 20 of 23 cells have an answer (87.0%), and 90% are needed" in found.reason


def test_a_spent_budget_is_a_verdict_of_its_own() -> None:
    whole = single("a", [1] * 20)
    assert judge(whole, Sample(variant="b", tallies=whole.tallies, planned=40), budget_ended=True).verdict is (
        Verdict.BUDGET_ENDED
    )
    assert judge(*wins_and_losses(9, 9, 40), budget_ended=True).verdict is Verdict.BUDGET_ENDED
    assert judge(*wins_and_losses(100, 5, 395), budget_ended=True).verdict is Verdict.PASS
    empty = Sample(variant="b", tallies={}, planned=40)
    assert judge(whole, empty, budget_ended=True).verdict is Verdict.NOT_COMPARABLE


def test_failures_of_stable_instances_are_named() -> None:
    before = sample("a", {"x__x-1": (3, 3), "x__x-2": (3, 3), "x__x-3": (2, 2), "x__x-4": (2, 3)})
    after = sample("b", {"x__x-1": (2, 3), "x__x-2": (3, 3), "x__x-3": (0, 2), "x__x-4": (0, 3)})
    found = judge(before, after)
    assert (found.newly_failing, found.stable) == (("x__x-1",), 2)


def test_so_many_new_failures_are_a_regression_and_fewer_are_not() -> None:
    names = [f"x__x-{number}" for number in range(40)]
    before = sample("a", dict.fromkeys(names, (3, 3)))
    after = sample("b", {name: (3 - (place < 2), 3) for place, name in enumerate(names)})
    passing = judge(before, after, max_drop=0.2)
    assert passing.verdict is Verdict.PASS
    assert fatal_failures(passing, 3) == passing
    failing = fatal_failures(passing, 2)
    assert (failing.verdict, failing.bounds) == (Verdict.REGRESSED, passing.bounds)
    assert failing.reason == "2 of 40 stable instances newly fail, and 2 are enough"
    assert fatal_failures(judge(before, after, max_drop=0.0), 1).verdict is Verdict.REGRESSED  # inconclusive before


def test_new_failures_change_nothing_of_what_cannot_be_compared_or_has_regressed() -> None:
    before = sample("a", {"x__x-1": (3, 3), "x__x-2": (3, 3)})
    after = sample("b", {"x__x-1": (0, 3)}, planned=6)
    apart = judge(before, after)
    assert apart.verdict is Verdict.NOT_COMPARABLE
    assert fatal_failures(apart, 1) == apart
    worse = judge(*wins_and_losses(5, 100, 395))
    assert fatal_failures(worse, 1) == worse


@pytest.mark.parametrize(("text", "drop"), [("3pp", 0.03), ("2.5 pp", 0.025), ("0.03", 0.03), (".1", 0.1), ("0", 0.0)])
def test_drops_are_points_or_shares(text: str, drop: float) -> None:
    assert parse_drop(text) == pytest.approx(drop)


@pytest.mark.parametrize("text", ["3", "3%", "-1pp", "", "1.0", "100pp", "pp", "nan"])
def test_other_drops_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--max-drop .*give e\.g\. 3pp"):
        parse_drop(text)


@pytest.mark.parametrize(
    ("verdict", "strict", "lenient"),
    [
        (Verdict.PASS, 0, 0),
        (Verdict.REGRESSED, 10, 10),
        (Verdict.INCONCLUSIVE, 11, 0),
        (Verdict.NOT_COMPARABLE, 12, 12),
        (Verdict.BUDGET_ENDED, 13, 13),
    ],
)
def test_exit_codes(verdict: Verdict, strict: int, lenient: int) -> None:
    assert exit_code(verdict) == strict
    assert exit_code(verdict, GateMode.LENIENT) == lenient
    assert exit_code(verdict, GateMode.REPORT) is GateExit.PASS


def test_a_gate_is_as_good_as_its_worst_variant() -> None:
    def of(verdict: Verdict) -> Judged:
        return Judged(variant="b", baseline="a", verdict=verdict)

    assert worst([of(Verdict.PASS), of(Verdict.INCONCLUSIVE)]) is Verdict.INCONCLUSIVE
    assert worst([of(Verdict.REGRESSED), of(Verdict.INCONCLUSIVE)]) is Verdict.REGRESSED
    assert worst([of(Verdict.REGRESSED), of(Verdict.NOT_COMPARABLE)]) is Verdict.NOT_COMPARABLE
    assert worst([]) is Verdict.NOT_COMPARABLE


def test_forecast_of_an_unchanged_variant() -> None:
    assert inconclusive_chance(DIFFERENT, 500, 1) == pytest.approx(0.62, abs=0.01)
    assert inconclusive_chance(DIFFERENT, 500, 3) == pytest.approx(0.36, abs=0.01)
    assert inconclusive_chance(DIFFERENT, 500, 1, max_drop=0.05) == pytest.approx(0.29, abs=0.01)
