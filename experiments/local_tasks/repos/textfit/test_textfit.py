# ruff: noqa: D100, D103

import pytest
from textfit import columns, shorten


def test_short_text_stays():
    assert shorten("tea", 5) == "tea"
    assert shorten("coffee", 6) == "coffee"


def test_shortened_text_fits_the_width():
    assert shorten("coffee with milk", 9) == "coffee..."
    assert shorten("coffee with milk", 7, ellipsis="~") == "coffee~"


def test_shortened_below_the_ellipsis_keeps_what_fits():
    assert shorten("coffee", 2) == ".."
    assert shorten("coffee", 0) == ""


def test_negative_width_is_refused():
    with pytest.raises(ValueError, match="-1"):
        shorten("tea", -1)


def test_columns_line_up():
    assert columns([["a", "1"], ["long", "22"]]) == ["a     1", "long  22"]
