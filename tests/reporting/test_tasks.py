from __future__ import annotations

import csv
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.reporting.tasks import percentile, summary_csv

durations_s = st.floats(min_value=0, max_value=1e6, allow_nan=False)


def line(**changes: Any) -> dict[str, Any]:
    return {"task_id": "a", "status": "pass", "duration_s": 1.0, "tail": "1 passed in 0.01s"} | changes


def test_summary_of_a_baseline() -> None:
    lines = [line(), line(task_id="b", status="fail", duration_s=3.0, tail="x" * 300), line(task_id="c", status="ok")]
    assert summary_csv(lines).splitlines() == [
        "task_id,status,duration_s,tail",
        "a,pass,1.000,1 passed in 0.01s",
        f"b,fail,3.000,{'x' * 200}",
        "c,ok,1.000,1 passed in 0.01s",
        "",
        "pass_rate,0.33",
        "p50_duration_s,1.000",
        "p95_duration_s,2.800",
    ]


def test_summary_of_an_agent_names_its_settings() -> None:
    settings = {"model": "m", "temperature": 0.2, "max_turns": None}
    head, row = summary_csv([line(tail='say "1, 2"', **settings)]).splitlines()[:2]
    assert head == "task_id,status,duration_s,tail,model,temperature,max_turns"
    assert next(csv.reader([row])) == ["a", "pass", "1.000", 'say "1, 2"', "m", "0.2", ""]


def test_summary_of_nothing_has_numbers_too() -> None:
    assert summary_csv([]).splitlines()[1:] == ["", "pass_rate,0.00", "p50_duration_s,0.000", "p95_duration_s,0.000"]


@given(st.lists(durations_s, min_size=1))
def test_p95_is_never_below_p50_and_both_are_within(values: list[float]) -> None:
    p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
    assert min(values) <= p50 <= p95 <= max(values)
    assert p50 == pytest.approx(statistics.median(values))


@given(st.lists(durations_s, min_size=2))
def test_percentiles_are_those_of_the_standard_library(values: list[float]) -> None:
    assert percentile(values, 0.95) == pytest.approx(statistics.quantiles(values, n=100, method="inclusive")[94])
