"""Finding free time between meetings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from .span import Span
from .spanset import SpanSet


def free_slots(busy: Iterable[Span], window: Span, shortest: timedelta = timedelta(0)) -> list[Span]:
    """Return the gaps between `busy` spans within `window` that are at least `shortest` long."""
    slots: list[Span] = []
    cursor = window.start
    for meeting in SpanSet(busy):
        if meeting.start > cursor:
            slots.append(Span(cursor, meeting.start))
        cursor = meeting.end
    if window.end > cursor:
        slots.append(Span(cursor, window.end))
    return [slot for slot in slots if slot.length >= shortest]
