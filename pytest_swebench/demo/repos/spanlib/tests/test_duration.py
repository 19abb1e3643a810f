from datetime import timedelta

import pytest

from spanlib import DurationError, format_duration, parse_duration


def test_parse_reads_several_units():
    assert parse_duration("1d2h30m") == timedelta(days=1, hours=2, minutes=30)


def test_parse_allows_blanks():
    assert parse_duration("1h 5s") == timedelta(hours=1, seconds=5)


def test_parse_refuses_what_is_no_duration():
    for text in ("", "5", "h", "1h-5m", "1x"):
        with pytest.raises(DurationError, match="not a duration"):
            parse_duration(text)


def test_format_leaves_out_zero_units():
    assert format_duration(timedelta(hours=1, seconds=5)) == "1h5s"


def test_format_of_nothing_is_zero_seconds():
    assert format_duration(timedelta(0)) == "0s"


def test_format_carries_minutes_into_hours():
    assert format_duration(timedelta(minutes=90)) == "1h30m"
