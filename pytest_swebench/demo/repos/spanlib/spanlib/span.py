"""One half-open span of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .duration import format_duration
from .errors import SpanError


@dataclass(frozen=True, order=True)
class Span:
    """From `start`, included, to `end`, excluded."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise SpanError(f"a span must end after it starts: {self.start} .. {self.end}")

    @property
    def length(self) -> timedelta:
        """Return how long the span is."""
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two share any moment."""
        return self.start < other.end and other.start < self.end

    def touches(self, other: Span) -> bool:
        """Tell whether the two overlap or meet without a gap."""
        return self.start <= other.end and other.start <= self.end

    def intersect(self, other: Span) -> Span | None:
        """Return what the two share, or None."""
        if not self.overlaps(other):
            return None
        return Span(max(self.start, other.start), min(self.end, other.end))

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} +{format_duration(self.length)}"
