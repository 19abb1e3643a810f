import pytest

from tinyconf import ParseError, parse


def test_parse_groups_keys_by_section():
    assert parse("[a]\nx = 1\n[b]\nx = 2\n") == {"a": {"x": "1"}, "b": {"x": "2"}}


def test_parse_keeps_empty_sections():
    assert parse("[a]\n") == {"a": {}}


def test_parse_removes_quotes():
    assert parse('[a]\nx = "  one  "\n') == {"a": {"x": "  one  "}}


def test_parse_keeps_an_equals_sign_in_a_value():
    assert parse("[a]\nx = b=c\n") == {"a": {"x": "b=c"}}


def test_parse_joins_a_section_that_is_reopened():
    assert parse("[a]\nx = 1\n[b]\n[a]\ny = 2\n")["a"] == {"x": "1", "y": "2"}


def test_parse_refuses_a_line_without_equals():
    with pytest.raises(ParseError, match="line 2: expected 'key = value'"):
        parse("[a]\nnonsense\n")


def test_parse_counts_comments_and_empty_lines():
    with pytest.raises(ParseError, match="line 4: bad section header"):
        parse("# head\n\n[a]\n[b\n")


def test_parse_refuses_keys_without_section():
    with pytest.raises(ParseError, match="line 1: 'x' stands before any section"):
        parse("x = 1\n")


def test_parse_refuses_duplicate_keys():
    with pytest.raises(ParseError, match="duplicate key 'x'"):
        parse("[a]\nx = 1\nx = 2\n")
