"""Which setting is tried next, and what is said of those that were."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.tuning import (
    Axis,
    Setting,
    Trial,
    best_of,
    earlier,
    middle,
    propose,
    read_axis,
    report,
    table,
    trial_of,
)
from tests.support.made import made_record

AXES = (Axis("temperatures", ("0", "0.2", "0.7")), Axis("max-turns", ("10", "20", "40")))


def trial(setting: Setting, passed: int = 0, cost_usd: float | None = 0.1) -> Trial:
    return Trial(
        setting=setting,
        run_id=f"tune-{'-'.join(setting)}",
        cells=10,
        passed=passed,
        missing=0,
        p50_duration_s=1.0,
        p95_duration_s=2.0,
        cost_usd=cost_usd,
    )


def search(axes: tuple[Axis, ...], start: Setting, results: dict[Setting, Trial]) -> dict[Setting, Trial]:
    done: dict[Setting, Trial] = {}
    while (setting := propose(axes, start, done)) is not None:
        assert setting not in done
        done[setting] = results[setting]
    return done


def record(task: str, outcome: Outcome = Outcome.RESOLVED, **fields: Any) -> dict[str, Any]:
    return made_record(Cell(task, "team_review", 1), outcome, **fields)


def test_search_walks_to_where_more_tasks_pass() -> None:
    peak = {("0", "40"): 9, ("0.2", "40"): 8, ("0.2", "20"): 5}
    results = {at: trial(at, peak.get(at, 1)) for at in itertools.product(*(axis.values for axis in AXES))}
    done = search(AXES, middle(AXES), results)
    assert next(iter(done)) == ("0.2", "20")
    best = best_of(list(done.values()))
    assert best is not None
    assert best.setting == ("0", "40")
    assert len(done) < len(results)


def test_equal_rates_go_to_the_cheaper_setting() -> None:
    axes = (AXES[1],)
    results = {(turns,): trial((turns,), 5, cost) for turns, cost in (("10", 0.01), ("20", 0.02), ("40", 0.04))}
    done = search(axes, ("20",), results)
    best = best_of(list(done.values()))
    assert best is not None
    assert best.setting == ("10",)
    assert list(done) == [("20",), ("10",)]


@given(
    sizes=st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=3),
    data=st.data(),
)
def test_search_ends_where_no_neighbour_is_better(sizes: list[int], data: st.DataObject) -> None:
    axes = tuple(Axis(f"a{n}", tuple(map(str, range(size)))) for n, size in enumerate(sizes))
    grid = list(itertools.product(*(axis.values for axis in axes)))
    scores = data.draw(st.lists(st.integers(0, 10), min_size=len(grid), max_size=len(grid)))
    results = {at: trial(at, score) for at, score in zip(grid, scores, strict=True)}
    done = search(axes, data.draw(st.sampled_from(grid)), results)
    best = best_of(list(done.values()))
    assert best is not None
    for place, axis in enumerate(axes):
        at = axis.values.index(best.setting[place])
        for step in (at - 1, at + 1):
            if 0 <= step < len(axis.values):
                neighbour = (*best.setting[:place], axis.values[step], *best.setting[place + 1 :])
                assert results[neighbour].rank <= best.rank


def test_axis_is_read_with_or_without_dashes() -> None:
    assert read_axis("--max-turns=10, 20") == Axis("max-turns", ("10", "20")) == read_axis("max-turns=10,20")


@pytest.mark.parametrize("text", ["max-turns", "max-turns=", "=1,2", "max-turns=10,10"])
def test_axis_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"--try max-turns=10,20,40"):
        read_axis(text)


def test_trial_counts_what_passed_in_time() -> None:
    records = [
        record("a", seconds={"solve": 4.0}),
        record("b", seconds={"solve": 31.0}),
        record("c", Outcome.UNRESOLVED, seconds={"solve": 10.0}),
        record("d", Outcome.INFRA, seconds={"solve": 99.0}),
    ]
    found = trial_of(records, ("0", "10"), "tune-x", 30.0)
    assert (found.cells, found.passed, found.missing) == (3, 1, 1)
    assert found.pass_rate == pytest.approx(1 / 3)
    assert (found.p50_duration_s, found.p95_duration_s) == (10.0, 28.9)
    assert found.cost_usd == pytest.approx(1.0)


def test_unknown_price_and_nothing_counted_rank_last() -> None:
    unknown = trial_of([record("a", cost_usd=None)], ("0", "10"), "r", 30.0)
    assert unknown.cost_usd is None
    assert unknown.rank < trial(("0", "20"), 10).rank
    nothing = trial_of([record("a", Outcome.INFRA)], ("0", "40"), "r", 30.0)
    assert nothing.pass_rate is None
    assert nothing.rank < unknown.rank
    assert best_of([nothing]) is None
    assert best_of([nothing, unknown]) is unknown


def write_variant(
    root: Path, name: str, temperature: float | None, turns: int | None, *records: dict[str, Any]
) -> None:
    described = {"type": "run_metadata", "arm": "team_review", "model": "m-1"}
    described |= {"temperature": temperature, "max_turns": turns}
    lines = [json.dumps(line) for line in (described, *records)]
    (root / f"{name}_run1_20260101_120000.jsonl").write_text("\n".join([*lines, '{"torn": ']))


def test_earlier_runs_say_where_to_start(tmp_path: Path) -> None:
    good, bad = record("a", seconds={"solve": 1.0}), record("b", Outcome.NO_PATCH, seconds={"solve": 1.0})
    write_variant(tmp_path, "team_review", 0.25, 45, good, record("b", seconds={"solve": 2.0}))
    write_variant(tmp_path, "team_review+t0", 0.0, 10, good, bad)
    write_variant(tmp_path, "half", 0.7, 10, good)  # not all the tasks
    (tmp_path / "other_run1_x.jsonl").write_text("no JSON\n")
    found = earlier(tmp_path, AXES, "team_review", "m-1", {"a", "b"}, 30.0)
    assert [(one.setting, one.passed, one.cells) for one in found] == [(("0", "10"), 1, 2), (("0.2", "40"), 2, 2)]
    best = best_of(found)
    assert best is not None
    assert best.setting == ("0.2", "40")
    assert earlier(tmp_path, AXES, "team_review", "m-2", {"a", "b"}, 30.0) == []


def test_axes_that_earlier_runs_say_nothing_of_stand_in_the_middle(tmp_path: Path) -> None:
    write_variant(tmp_path, "team_review", None, 10, record("a", seconds={"solve": 1.0}))
    axes = (*AXES, Axis("sandbox", ("local", "docker", "auto")))
    (found,) = earlier(tmp_path, axes, "team_review", "m-1", {"a"}, 30.0)
    assert found.setting == ("0.2", "10", "docker")


def test_table_and_report_name_the_best() -> None:
    missing = Trial(
        setting=("0", "10"),
        run_id="tune-y",
        cells=0,
        passed=0,
        missing=2,
        p50_duration_s=0.0,
        p95_duration_s=0.0,
        cost_usd=None,
    )
    trials = [trial(("0.2", "20"), 5), trial(("0.2", "40"), 8), missing]
    assert table(AXES, trials).splitlines() == [
        "trial  temperatures  max-turns  pass_rate    p50_s  p95_s  cost     run",
        "1      0.2           20         0.50 (5/10)  1.0    2.0    $0.1000  tune-0.2-20",
        "2 *    0.2           40         0.80 (8/10)  1.0    2.0    $0.1000  tune-0.2-40",
        "3      0             10         -            0.0    0.0    unknown  tune-y (2 cells missing)",
    ]
    found = report(AXES, trials, arm="team_review")
    assert found["arm"] == "team_review"
    assert found["best"]["setting"] == {"temperatures": "0.2", "max-turns": "40"}
    assert found["best"]["pass_rate"] == 0.8
    assert [one["run_id"] for one in found["trials"]] == ["tune-0.2-20", "tune-0.2-40", "tune-y"]
