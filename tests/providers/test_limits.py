from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pytest_swebench.providers.limits import retry_after_s, told_limits

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def test_anthropic_tells_requests_and_three_kinds_of_tokens() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "1000",
        "anthropic-ratelimit-requests-remaining": "999",
        "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:01Z",
        "anthropic-ratelimit-tokens-limit": "2500000",
        "anthropic-ratelimit-tokens-reset": "2026-11-21T12:00:59Z",
        "Anthropic-RateLimit-Input-Tokens-Limit": "2000000",
        "anthropic-ratelimit-output-tokens-limit": " 500000 ",
    }
    told = told_limits(headers, NOW)
    assert told == {"requests": 1000.0, "tokens": 2500000.0, "input": 2000000.0, "output": 500000.0}


def test_openai_tells_requests_and_tokens() -> None:
    headers = {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-reset-requests": "12ms",
        "x-ratelimit-limit-tokens": "160000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1m0.5s",
    }
    assert told_limits(headers, NOW) == {"requests": 5000.0, "tokens": 160000.0}


@pytest.mark.parametrize("reset", ["2h0m0s", "7200", "2026-11-21T14:00:00Z", "1795269600", "1795269600000", "7200s"])
def test_what_remains_of_a_limit_per_day_is_spread_until_it_resets(reset: str) -> None:
    headers = {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "1200",
        "x-ratelimit-reset-requests": reset,
    }
    assert told_limits(headers, NOW) == {"requests": pytest.approx(10.0)}


def test_an_exhausted_limit_per_day_leaves_one_request_to_ask_with() -> None:
    headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-reset-requests": "10m"}
    assert told_limits(headers, NOW) == {"requests": pytest.approx(0.1)}


@pytest.mark.parametrize("limit", ["", "0", "many", "-5", "1e9", "nan"])
def test_a_limit_that_is_no_amount_is_none(limit: str) -> None:
    assert told_limits({"x-ratelimit-limit-requests": limit, "date": "today"}, NOW) == {}


def test_a_reset_that_cannot_be_read_leaves_a_limit_per_minute() -> None:
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "soon"}
    assert told_limits(headers, NOW) == {"requests": 60.0}


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "100000"}, 100000.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", "Date": "Sat, 21 Nov 2026 11:59:50 GMT"}, 40.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", "date": "today"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 99999999 12:00:30 GMT"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "later"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_a_number_of_seconds_or_a_date(headers: dict[str, str], expected_s: float | None) -> None:
    assert retry_after_s(headers, NOW) == expected_s
