from datetime import datetime, timedelta

from spanlib import Span, free_slots


def span(start, end):
    return Span(datetime(2024, 3, 1, start), datetime(2024, 3, 1, end))


def test_day_without_meetings_is_one_slot():
    assert free_slots([], span(9, 17)) == [span(9, 17)]


def test_slots_lie_between_meetings():
    assert free_slots([span(10, 11), span(13, 14)], span(9, 17)) == [span(9, 10), span(11, 13), span(14, 17)]


def test_meetings_may_come_in_any_order():
    assert free_slots([span(13, 14), span(10, 11)], span(9, 14)) == [span(9, 10), span(11, 13)]


def test_short_slots_are_left_out():
    assert free_slots([span(10, 11)], span(9, 17), shortest=timedelta(hours=2)) == [span(11, 17)]


def test_slots_as_long_as_shortest_count():
    assert free_slots([span(10, 17)], span(9, 17), shortest=timedelta(hours=1)) == [span(9, 10)]
