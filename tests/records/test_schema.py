"""What a record tells of the requests of its cell, also one of before they were counted."""

from __future__ import annotations

from typing import Any

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.records.schema import Record, sent_by
from tests.support.made import made_record

CELL = Cell("acme__acme-1", "x", 1)
REQUESTS = {"2026-01-01T03:00Z": [10, 8], "2026-01-01T03:01Z": [4, 0]}


def graded_later(solved: dict[str, Any]) -> dict[str, Any]:
    """Return the record of an attempt that takes over what an earlier one has solved."""
    record = Record(
        run_id="run-1",
        key="k",
        cell=CELL,
        variant=Variant("x", "x"),
        kind=Kind.ISSUE,
        attempt=2,
        oracle=False,
        provider="openai",
        started_at="",
        host="here",
    )
    record.take_solved(solved)
    return record.as_json()


def test_requests_and_429s_are_added_up_over_the_minutes() -> None:
    assert sent_by(made_record(CELL, requests=REQUESTS)) == (14, 8)
    assert sent_by(made_record(CELL)) == (0, 0)


def test_what_was_sent_to_solve_a_cell_stays_with_it_when_only_grading_is_done_again() -> None:
    solved = made_record(CELL, requests=REQUESTS, seconds={"solve": 1.0}, provider_retries=8)
    again = graded_later(solved)
    assert (again["attempt"], again["provider_retries"], again["requests"]) == (2, 8, REQUESTS)


def test_a_line_of_before_requests_were_counted_is_still_read() -> None:
    old = made_record(CELL, seconds={"solve": 1.0}, provider_retries=8)
    del old["requests"]
    assert sent_by(old) is None
    assert graded_later(old)["provider_retries"] == 8
