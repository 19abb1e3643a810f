# ruff: noqa: D100, D103

import pytest
from pages import Page, count_pages, page

ITEMS = list("abcdefg")


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_count_of_pages(total, pages):
    assert count_pages(total, 2) == pages


def test_first_page():
    assert page(ITEMS, 1, 3) == Page(1, ("a", "b", "c"), False, True)


def test_last_page():
    assert page(ITEMS, 3, 3) == Page(3, ("g",), True, False)


def test_a_page_that_is_not_there():
    with pytest.raises(IndexError, match="page 4 of 3"):
        page(ITEMS, 4, 3)


def test_an_empty_list_has_one_empty_page():
    assert page([], 1, 3) == Page(1, (), False, False)
