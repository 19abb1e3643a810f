"""Spans of time and what calendars do with them."""

from .duration import format_duration, parse_duration
from .errors import DurationError, SpanError
from .recurrence import monthly, weekly
from .slots import free_slots
from .span import Span
from .spanset import SpanSet

__all__ = [
    "DurationError",
    "Span",
    "SpanError",
    "SpanSet",
    "format_duration",
    "free_slots",
    "monthly",
    "parse_duration",
    "weekly",
]
