from __future__ import annotations

from pytest_swebench.records.summary import summarise


def test_variants_are_sorted_by_the_numbers_in_their_names() -> None:
    names = ["agent+turns10", "agent+turns5", "s+t0.15", "s+t0.2", "gold", "agent", "s+tdefault"]
    summaries = summarise([], dict.fromkeys(names, 1))
    assert [summary.variant for summary in summaries] == [
        *("agent", "agent+turns5", "agent+turns10", "gold"),
        *("s+t0.15", "s+t0.2", "s+tdefault"),
    ]


def test_names_that_count_alike_stand_in_one_order_however_the_records_come() -> None:
    names = ["s+t0.2", "s+t0.20", "s+t00.2"]
    for given in (names, names[::-1]):
        assert [summary.variant for summary in summarise([], dict.fromkeys(given, 1))] == sorted(names)
