from datetime import datetime, timedelta

import pytest

from spanlib import Span, SpanError


def span(start, end):
    return Span(datetime(2024, 3, 1, start), datetime(2024, 3, 1, end))


def test_empty_spans_are_refused():
    with pytest.raises(SpanError, match="must end after it starts"):
        span(9, 9)


def test_touching_spans_do_not_overlap():
    assert not span(9, 10).overlaps(span(10, 11))
    assert span(9, 10).touches(span(10, 11))


def test_intersect_returns_what_is_shared():
    assert span(9, 12).intersect(span(11, 14)) == span(11, 12)
    assert span(9, 10).intersect(span(10, 11)) is None


def test_length_is_a_timedelta():
    assert span(9, 11).length == timedelta(hours=2)


def test_str_shows_start_and_length():
    assert str(span(9, 11)) == "2024-03-01 09:00 +2h"
