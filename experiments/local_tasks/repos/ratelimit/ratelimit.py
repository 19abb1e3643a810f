"""A token bucket: bursts up to a capacity, a steady rate in the long run."""

from collections.abc import Callable


class Bucket:
    """Holds up to `capacity` tokens and gains `rate` of them a second, as told by `clock`."""

    def __init__(self, capacity: float, rate: float, clock: Callable[[], float]) -> None:
        self.capacity = capacity
        self.rate = rate
        self._clock = clock
        self._tokens = capacity
        self._seen_s = clock()

    def take(self, tokens: float = 1.0) -> bool:
        """Take `tokens` and return True, or take nothing and return False."""
        self._refill()
        if tokens > self._tokens:
            return False
        self._tokens -= tokens
        return True

    def wait_s(self, tokens: float = 1.0) -> float:
        """Return the seconds until `tokens` can be taken, 0 if they can be taken now."""
        self._refill()
        return (tokens - self._tokens) / self.rate

    def _refill(self) -> None:
        now_s = self._clock()
        self._tokens += (now_s - self._seen_s) * self.rate
        self._seen_s = now_s
