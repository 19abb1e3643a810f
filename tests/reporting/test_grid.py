"""Instances against variants."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.grid import grid
from tests.support.made import made_record


def shown(records: list[dict[str, Any]], width: int = 200) -> list[list[str]]:
    """Return what stands in the table, row by row; nothing where there is none."""
    return [line.split("  ") for line in grid(records, width)]


def ended(instance: str, variant: str, *outcomes: Outcome, **fields: Any) -> list[dict[str, Any]]:
    return [
        made_record(Cell(instance, variant, rep), outcome, **fields) for rep, outcome in enumerate(outcomes, start=1)
    ]


def test_each_place_counts_over_repetitions_and_broken_cells_stand_beside() -> None:
    records = [
        *ended("b-1", "tdd", Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.INFRA),
        *ended("a-1", "tdd", Outcome.INFRA, Outcome.ERROR),
        *ended("a-1", "gold", Outcome.RESOLVED, oracle=True),
        *ended("b-1", "null", Outcome.NO_PATCH, Outcome.LIMIT, Outcome.CAPTURED),
    ]
    text = "\n".join(" ".join(" ".join(row).split()) for row in shown(records))
    assert text.splitlines() == [
        "resolved of attempted gold* null tdd",
        "a-1 1/1 - 1 infra +1 error",
        "b-1 - 0/2 +1 captured 1/2 +1 infra",
    ]


@pytest.mark.parametrize(
    "records",
    [
        [],
        [*ended("a-1", "one", Outcome.RESOLVED), *ended("a-2", "one", Outcome.UNRESOLVED)],
        ended("s-1", "one", Outcome.CAPTURED, Outcome.CAPTURED),
        ended("s-1", "one", Outcome.CAPTURED, Outcome.CAPTURED, kind=Kind.SCENARIO),
        [record for n in range(21) for record in ended(f"a-{n}", "one", Outcome.RESOLVED, Outcome.RESOLVED)],
        [record for n in range(9) for record in ended("a-1", f"v{n}", Outcome.RESOLVED)],
    ],
    ids=["nothing", "one cell an instance", "captured", "scenarios", "many instances", "many variants"],
)
def test_there_is_none_where_nothing_can_be_compared_at_a_glance(records: list[dict[str, Any]]) -> None:
    assert shown(records) == []


def test_names_with_brackets_are_shown_as_they_are() -> None:
    (_, row) = shown(ended("a[bold]-1", "x", Outcome.RESOLVED, Outcome.RESOLVED))
    assert row[0].startswith("a[bold]-1")


def test_names_are_cut_where_the_table_would_be_too_wide_and_left_out_where_that_is_not_enough() -> None:
    long = [f"{'x' * 50}+t0.{number}" for number in range(8)]
    three = [record for name in long[:3] for record in ended("acme__acme-1", name, Outcome.RESOLVED)]
    lines = grid(three, 79)
    assert max(map(len, lines)) <= 79
    assert len({*lines[0].split()[3:]}) == 3
    assert lines[1].split() == ["acme__acme-1", "1/1", "1/1", "1/1"]
    assert grid([record for name in long for record in ended("acme__acme-1", name, Outcome.RESOLVED)], 79) == []
