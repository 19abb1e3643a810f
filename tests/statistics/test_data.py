from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.statistics.data import Observation, Sample, Tally, coverage_problem, observation_of, tabulate


def cell(instance: str, outcome: Outcome, rep: int = 1, cost: float | None = 1.0, variant: str = "one") -> Observation:
    return Observation(instance_id=instance, variant=variant, rep=rep, outcome=outcome, cost_usd=cost)


def record(**changes: Any) -> dict[str, Any]:
    return {
        "type": "result",
        "instance_id": "a__a-1",
        "variant": "one",
        "rep": 2,
        "outcome": "resolved",
        "cost_usd": 0.5,
        "tokens": {"input": 5, "output": 2, "cache_read": 3, "cache_write": 1},
        "wall_time_seconds": {"solve": 1.0, "total": 4.0},
        **changes,
    }


def test_a_record_is_read_as_a_cell() -> None:
    assert observation_of(record()) == Observation(
        instance_id="a__a-1", variant="one", rep=2, outcome=Outcome.RESOLVED, cost_usd=0.5, tokens=11, seconds=4.0
    )


@pytest.mark.parametrize("changes", [{"outcome": "captured"}, {"type": "scenario_result"}])
def test_what_is_not_graded_is_no_part_of_it(changes: dict[str, str]) -> None:
    assert observation_of(record(**changes)) is None


def test_what_nobody_knows_is_none() -> None:
    found = observation_of(record(tokens={}, wall_time_seconds={}, cost_usd=None))
    assert found is not None
    assert (found.tokens, found.seconds, found.cost_usd) == (None, None, None)


@pytest.mark.parametrize("outcome", [Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT])
def test_answers_that_do_not_resolve_are_worth_zero(outcome: Outcome) -> None:
    tally = tabulate([cell("a__a-1", outcome)])["one"].tallies["a__a-1"]
    assert (tally.mean, tally.attempted, tally.graded) == (0.0, 1, int(outcome is Outcome.UNRESOLVED))


@pytest.mark.parametrize("outcome", [Outcome.INFRA, Outcome.ERROR])
def test_broken_cells_are_missing_and_never_zero(outcome: Outcome) -> None:
    found = tabulate([cell("a__a-1", Outcome.RESOLVED), cell("a__a-1", outcome, 2), cell("a__a-2", outcome)])["one"]
    assert found.tallies["a__a-1"].mean == 1.0
    assert list(found.answered) == ["a__a-1"]
    assert (found.attempted, found.lost, found.planned) == (1, 2, 3)
    assert found.coverage == pytest.approx(1 / 3)
    assert found.wasted_usd == 2.0


def test_cells_that_were_not_run_lower_the_coverage() -> None:
    found = tabulate([cell("a__a-1", Outcome.RESOLVED)], {"one": 4, "none": 4})
    assert (found["one"].coverage, found["none"].coverage, found["none"].reps) == (0.25, 0.0, 0)


def test_amounts_are_of_attempted_cells_and_unknown_if_one_is() -> None:
    found = tabulate([cell("a__a-1", Outcome.RESOLVED, cost=3.0), cell("a__a-2", Outcome.LIMIT, cost=1.0)])["one"]
    assert found.amounts == {"cost_usd": (1.0, 3.0), "tokens": None, "seconds": None}
    assert found.tallies["a__a-1"].mean_of("cost_usd") == 3.0
    assert found.tallies["a__a-1"].mean_of("seconds") is None


def test_the_order_of_records_does_not_show() -> None:
    cells = [cell(f"a__a-{n}", Outcome.RESOLVED if n % 2 else Outcome.LIMIT, cost=0.1 * n) for n in range(9)]
    assert tabulate(cells) == tabulate(reversed(cells))


def test_a_cell_that_comes_twice_is_refused() -> None:
    with pytest.raises(InputError, match="the cell a__a-1/one/r1 comes twice"):
        tabulate([cell("a__a-1", Outcome.RESOLVED), cell("a__a-1", Outcome.LIMIT)])


def test_some_instances_alone() -> None:
    whole = tabulate([cell(f"a__a-{n}", Outcome.RESOLVED) for n in range(3)] + [cell("a__a-1", Outcome.INFRA, 2)])[
        "one"
    ]
    part = whole.only(["a__a-1", "b__b-1"])
    assert (list(part.tallies), part.planned, part.attempted) == (["a__a-1"], 2, 1)


@pytest.mark.parametrize(
    ("attempted", "problem"),
    [
        (90, "two has an answer in 90.0% of its cells and one in 100.0%: more than 5 points apart"),
        (89, "two: 89 of 100 cells have an answer (89.0%), and 90% are needed"),
        (95, ""),
        (100, ""),
    ],
)
def test_too_little_or_too_unlike_coverage_is_a_problem(attempted: int, problem: str) -> None:
    def of(variant: str, count: int) -> Sample:
        return Sample(variant=variant, tallies={str(n): Tally(attempted=1) for n in range(count)}, planned=100)

    found = coverage_problem(of("two", attempted), of("one", 100))
    assert found.startswith(problem)
    assert bool(found) == bool(problem)
