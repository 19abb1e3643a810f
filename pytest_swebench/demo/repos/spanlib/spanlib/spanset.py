"""Sets of spans that neither overlap nor touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from .span import Span


def normalised(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and join those that overlap or touch."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and joined[-1].touches(span):
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined


class SpanSet:
    """An immutable set of moments, held as sorted, separate spans."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans = tuple(normalised(spans))

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanSet) and self._spans == other._spans

    def __hash__(self) -> int:
        return hash(self._spans)

    def __repr__(self) -> str:
        return f"SpanSet([{', '.join(map(str, self._spans))}])"

    def __contains__(self, moment: datetime) -> bool:
        return any(span.start <= moment < span.end for span in self._spans)

    def total(self) -> timedelta:
        """Return the length of all spans together."""
        return sum((span.length for span in self._spans), timedelta())

    def union(self, other: SpanSet) -> SpanSet:
        """Return the moments that are in either set."""
        return SpanSet([*self, *other])

    def subtract(self, hole: Span) -> SpanSet:
        """Return the moments of this set that are not in `hole`."""
        kept: list[Span] = []
        for span in self._spans:
            if not span.overlaps(hole):
                kept.append(span)
            elif span.start < hole.start:
                kept.append(Span(span.start, hole.start))
            elif hole.end < span.end:
                kept.append(Span(hole.end, span.end))
        return SpanSet(kept)
