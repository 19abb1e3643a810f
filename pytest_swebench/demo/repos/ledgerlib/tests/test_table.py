import pytest

from ledgerlib import Table


def test_columns_are_as_wide_as_their_widest_cell():
    table = Table(["name", "n"])
    table.add("longest", "1")
    assert table.widths() == [7, 1]


def test_render_aligns_numbers_right():
    table = Table(["name", "n"], align="<>")
    table.add("a", "5")
    table.add("b", "15")
    assert table.render() == "name   n\n----  --\na      5\nb     15"


def test_add_refuses_a_short_row():
    with pytest.raises(ValueError, match="expected 2 cells, found 1"):
        Table(["a", "b"]).add("x")
