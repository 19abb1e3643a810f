"""What the headers of a response say about an endpoint's rate limits.

Two families of names are read, and both vendors fill a bucket that is topped up all the time:
`anthropic-ratelimit-<kind>-<limit|remaining|reset>`, reset being a time (RFC 3339), and
`x-ratelimit-<limit|remaining|reset>-<kind>`, reset being a span such as `6m0s` or `12ms` (a number is in seconds).
See "Rate limits" in https://docs.anthropic.com/en/api/rate-limits and https://platform.openai.com/docs/guides/rate-limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

KINDS: Final = ("requests", "tokens", "input", "output")
"""What is limited per minute; `tokens` are input and output together."""

_ANTHROPIC: Final = {"requests": "requests", "tokens": "tokens", "input": "input-tokens", "output": "output-tokens"}
_OPENAI: Final = {"requests": "requests", "tokens": "tokens"}
_UNITS_S: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
_SPAN: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")
_PARTS: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_MINUTE_S: Final = 90.0  # what a limit per minute may take to reset, with a margin


LONGEST_WAIT_S: Final = 120.0
"""The longest wait that an endpoint is granted."""

PROBE_S: Final = 30.0
"""After how long one that asks for more is asked again."""


def told_limits(headers: Mapping[str, str], now: datetime | None = None) -> dict[str, float]:
    """Return kind -> how many a minute, for each kind that the headers speak of.

    A limit that takes longer than a minute to reset is one per hour or day: what remains of it is spread over the
    time until then.
    """
    now = now or datetime.now(UTC)
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    told: dict[str, float] = {}
    for kind in KINDS:
        for pattern, names in (
            ("anthropic-ratelimit-{kind}-{part}", _ANTHROPIC),
            ("x-ratelimit-{part}-{kind}", _OPENAI),
        ):
            if kind not in names:
                continue
            part = {
                part: lower.get(pattern.format(kind=names[kind], part=part), "")
                for part in ("limit", "remaining", "reset")
            }
            limit = _number(part["limit"])
            if not limit:
                continue
            reset_s = _until_s(part["reset"], now) or 0.0
            if reset_s > _MINUTE_S:
                limit = max(1.0, _number(part["remaining"]) or 0.0) * 60.0 / reset_s
            told[kind] = limit
    return told


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long the headers ask to wait (RFC 9110, section 10.2.3: seconds or a date), None if they do not.

    A date counts from the server's own clock if it tells (`Date`), else from `now`.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    if (milliseconds := _number(lower.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000.0
    text = lower.get("retry-after", "")
    if (seconds := _number(text)) is not None:
        return seconds
    at = _http_date(text)
    if at is None:
        return None
    return max(0.0, (at - (_http_date(lower.get("date", "")) or now or datetime.now(UTC))).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)  # one without a zone is in UTC, as all dates of HTTP are


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _until_s(text: str, now: datetime) -> float | None:
    """Return the seconds that a reset is away: a number of them, a span, or a time; None for anything else."""
    if (seconds := _number(text)) is not None:
        # some send the time itself, as seconds or milliseconds since 1970
        since_1970_s = seconds / 1000.0 if seconds > 1e11 else seconds
        return seconds if seconds < 1e9 else max(0.0, since_1970_s - now.timestamp())
    if _SPAN.fullmatch(text):
        return sum(float(amount) * _UNITS_S[unit] for amount, unit in _PARTS.findall(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def honoured_s(asked_s: float) -> float:
    """Return how long to wait where an endpoint asks for `asked_s` seconds: so long, or, beyond reason, until a probe.

    Nobody knows whether an endpoint that names hours means it, so it is asked again soon.
    """
    return asked_s if asked_s <= LONGEST_WAIT_S else PROBE_S
