"""What stands in markdown of ours is text, whoever wrote it."""

from __future__ import annotations

from pytest_swebench.reporting.markdown import code, escaped, one_line, table


def test_what_acts_upon_a_terminal_is_left_out() -> None:
    assert one_line("a\x1b[31m b\u202e\r\n\n  c\t\x00d") == "a [31m b c d"


def test_markup_is_shown_and_not_followed() -> None:
    assert escaped("![x](y) *b* <i>|`c`") == "!\\[x\\](y) \\*b\\* \\<i\\>\\|\\`c\\`"
    assert code("a`b\n") == "`a'b`"


def test_cell_stays_in_its_row() -> None:
    assert list(table(("a", "b"), [("x|y\nz", 1)])) == ["| a | b |", "|---|---|", "| x\\|y z | 1 |"]
