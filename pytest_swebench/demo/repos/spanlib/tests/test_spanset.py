from datetime import datetime, timedelta

from spanlib import Span, SpanSet


def span(start, end):
    return Span(datetime(2024, 3, 1, start), datetime(2024, 3, 1, end))


def test_overlapping_spans_are_joined():
    assert SpanSet([span(11, 13), span(9, 12)]) == SpanSet([span(9, 13)])


def test_touching_spans_are_joined():
    assert len(SpanSet([span(9, 10), span(10, 11)])) == 1


def test_separate_spans_stay_apart():
    assert list(SpanSet([span(13, 14), span(9, 10)])) == [span(9, 10), span(13, 14)]


def test_contains_excludes_the_end():
    spans = SpanSet([span(9, 10)])
    assert datetime(2024, 3, 1, 9) in spans
    assert datetime(2024, 3, 1, 10) not in spans


def test_total_adds_lengths():
    assert SpanSet([span(9, 10), span(12, 14)]).total() == timedelta(hours=3)


def test_union_joins_two_sets():
    assert SpanSet([span(9, 10)]).union(SpanSet([span(10, 12)])) == SpanSet([span(9, 12)])


def test_subtract_cuts_the_end():
    assert SpanSet([span(9, 12)]).subtract(span(11, 14)) == SpanSet([span(9, 11)])


def test_subtract_cuts_the_start():
    assert SpanSet([span(9, 12)]).subtract(span(8, 10)) == SpanSet([span(10, 12)])


def test_subtract_leaves_others_alone():
    assert SpanSet([span(9, 10), span(12, 14)]).subtract(span(8, 11)) == SpanSet([span(12, 14)])
