"""What a scripted endpoint allows and what it saw: a rate limit, announced as both vendors do, and its own counts."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class RateLimit:
    """So many requests, and so many tokens (0: any number), in any `window_s` seconds."""

    requests: int
    tokens: int = 0
    window_s: float = 60.0


class Limiter:
    """Enforces a limit over a sliding window; safe to use from many threads."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._taken: deque[tuple[float, int]] = deque()  # moment and tokens of each request in the window
        self._lock = threading.Lock()

    def take(self, tokens: int) -> tuple[float, dict[str, str]]:
        """Return the seconds to wait (0: let in) and the headers that tell of the limit."""
        with self._lock:
            now = time.monotonic()
            while self._taken and self._taken[0][0] <= now - self.limit.window_s:
                self._taken.popleft()
            wait_s = self._wait_s(now, tokens)
            if not wait_s:
                self._taken.append((now, tokens))
            return wait_s, self._headers(now, wait_s)

    def announced(self) -> dict[str, str]:
        """Return the headers that tell of the limit, without taking anything."""
        with self._lock:
            return self._headers(time.monotonic(), 0.0)

    def _wait_s(self, now: float, tokens: int) -> float:
        """Return how long it takes until enough of the window's requests have left it."""
        requests, used = len(self._taken), sum(taken for _, taken in self._taken)
        wait_s = 0.0
        for moment, taken in self._taken:
            room = requests < self.limit.requests
            if room and (not self.limit.tokens or used + tokens <= self.limit.tokens):
                break
            wait_s = moment + self.limit.window_s - now
            requests, used = requests - 1, used - taken
        return wait_s

    def _headers(self, now: float, wait_s: float) -> dict[str, str]:
        left = self.limit.requests - len(self._taken)
        left_tokens = max(0, self.limit.tokens - sum(taken for _, taken in self._taken))
        reset_s = self._taken[0][0] + self.limit.window_s - now if self._taken else 0.0
        at = (datetime.now(UTC) + timedelta(seconds=reset_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers = {
            "anthropic-ratelimit-requests-limit": str(self.limit.requests),
            "anthropic-ratelimit-requests-remaining": str(left),
            "anthropic-ratelimit-requests-reset": at,
            "x-ratelimit-limit-requests": str(self.limit.requests),
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-reset-requests": f"{reset_s:.3f}s",
        }
        if self.limit.tokens:
            headers |= {
                "anthropic-ratelimit-tokens-limit": str(self.limit.tokens),
                "anthropic-ratelimit-tokens-remaining": str(left_tokens),
                "anthropic-ratelimit-tokens-reset": at,
                "x-ratelimit-limit-tokens": str(self.limit.tokens),
                "x-ratelimit-remaining-tokens": str(left_tokens),
                "x-ratelimit-reset-tokens": f"{reset_s:.3f}s",
            }
        return headers | ({"retry-after": f"{wait_s:.3f}"} if wait_s else {})


class Traffic:
    """Requests for answers let in and turned away, by second since the first, and the tokens charged for, by model."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first: float | None = None
        self._accepted: Counter[int] = Counter()
        self._rejected: Counter[int] = Counter()
        self._used: dict[str, Counter[str]] = {}

    @property
    def accepted(self) -> int:
        with self._lock:
            return self._accepted.total()

    @property
    def rejected(self) -> int:
        with self._lock:
            return self._rejected.total()

    def count(self, *, accepted: bool) -> None:
        with self._lock:
            now = time.monotonic()
            self._first = self._first or now
            (self._accepted if accepted else self._rejected)[int(now - self._first)] += 1

    def charge(self, model: str, usage: dict[str, int] | None) -> None:
        with self._lock:
            self._used.setdefault(model, Counter()).update({"answers": 1, **(usage or {})})

    def used(self, model: str) -> dict[str, int]:
        """Return the `answers` a model gave, whole or broken, and the tokens charged for them."""
        with self._lock:
            return dict(self._used.get(model, {}))

    def as_json(self) -> dict[str, Any]:
        """Return all counts; `per_second` maps a second to requests let in and turned away in it."""
        with self._lock:
            seconds = sorted({*self._accepted, *self._rejected})
            return {
                "accepted": self._accepted.total(),
                "rejected": self._rejected.total(),
                "per_second": {str(second): [self._accepted[second], self._rejected[second]] for second in seconds},
                "used": {model: dict(used) for model, used in self._used.items()},
            }
