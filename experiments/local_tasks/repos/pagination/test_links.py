# ruff: noqa: D100, D103

from links import window


def test_few_pages_are_all_shown():
    assert window(1, 3) == [1, 2, 3]


def test_gaps_on_both_sides():
    assert window(10, 20) == [1, None, 8, 9, 10, 11, 12, None, 20]


def test_a_gap_of_one_page_shows_that_page():
    assert window(5, 20) == [1, 2, 3, 4, 5, 6, 7, None, 20]
