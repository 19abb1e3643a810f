"""Dates that repeat."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator
from datetime import date, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def next_month(day: date) -> date:
    """Return the same day a month later, or the last day of a month too short for it."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    last = calendar.monthrange(year, month)[1]
    return date(year, month, min(day.day, last))


def monthly(start: date, until: date) -> Iterator[date]:
    """Yield `start` and the same day of every later month, up to and including `until`."""
    day = start
    while day <= until:
        yield day
        day = next_month(day)


def weekly(start: date, until: date, days: Collection[str]) -> Iterator[date]:
    """Yield the named weekdays (`mon` .. `sun`) from `start` up to and including `until`."""
    wanted = {DAYS.index(name) for name in days}
    day = start
    while day <= until:
        if day.weekday() in wanted:
            yield day
        day += timedelta(days=1)
