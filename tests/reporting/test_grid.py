"""Instances against variants."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.grid import grid
from tests.support.made import made_record


def shown(records: list[dict[str, Any]]) -> list[list[str]]:
    """Return what stands in the table, row by row; nothing where there is none."""
    table = grid(records)
    if table is None:
        return []
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.split("  ") for line in console.file.getvalue().splitlines()]


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
