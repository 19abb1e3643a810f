"""What an arm works with while it solves: a sandbox that starts on first use, and a way to the models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from pytest_swebench.arms.left import diff_left
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Answer, Provider, Request, Usage
from pytest_swebench.records.schema import Record
from pytest_swebench.sandbox.protocol import Sandbox


class Outside(Protocol):
    """What one attempt at a cell reaches beyond this process; with a cassette, what it reaches through it."""

    @property
    def provider(self) -> Provider:
        """Return the way to the models."""

    @property
    def retries(self) -> int:
        """Return how many attempts at a call were repeated."""

    @property
    def requests(self) -> dict[str, list[int]]:
        """Return what was sent, by the minute; see `providers.sent.ByMinute`."""

    def price(self, asked: str, answered: str, usage: Usage) -> float | None:
        """Return what a call cost in USD, None where nobody knows."""

    def sandbox(self, opened: Sandbox) -> Sandbox:
        """Return what the arm is given in place of a sandbox that was just opened."""

    def close(self, *, finished: bool) -> list[str]:
        """Release everything; return what a person should know. `finished` says that the arm came to its end."""


@dataclass(frozen=True, slots=True)
class Direct:
    """A provider with the prices of the list, and sandboxes as they are."""

    provider: Provider
    retries: int = 0
    requests: dict[str, list[int]] = field(default_factory=dict)

    def price(self, asked: str, answered: str, usage: Usage) -> float | None:
        """Return what the list says."""
        tariff = Prices().at(self.provider.name, getattr(self.provider, "base_url", ""))
        return tariff.usd(asked, answered, usage)

    def sandbox(self, opened: Sandbox) -> Sandbox:
        """Return the sandbox itself."""
        return opened

    def close(self, *, finished: bool) -> list[str]:
        """Close the provider."""
        self.provider.close()
        return []


@dataclass(slots=True)
class Workplace:
    """The sandbox of an attempt, opened by `start` when the arm first asks for it."""

    start: Callable[[], Sandbox]
    outside: Outside
    record: Record
    opened: Sandbox | None = field(default=None)
    given: Sandbox | None = field(default=None)

    def __call__(self) -> Sandbox:
        if self.given is None:
            self.given = self.outside.sandbox(self.bare())
        return self.given

    def bare(self) -> Sandbox:
        """Return the sandbox itself, with nothing between, for what the arm has no part in."""
        if self.opened is None:
            self.opened = self.start()
            self.record.image, self.record.image_digest = self.opened.image, self.opened.image_digest
            self.record.history = dict(self.opened.history)
        return self.opened

    def diff(self) -> tuple[str, str]:
        """Return what the arm has changed so far, and why that cannot be had where it cannot."""
        return ("", "") if self.opened is None else diff_left(self.opened)

    def close(self) -> list[str]:
        """Remove the sandbox."""
        if self.opened is not None:
            self.opened.close()
        return []


class NoProvider:
    """What an arm that declares itself unpaid gets: a call is a fault of the arm, not a bill."""

    name = "none"

    def __init__(self, arm: str) -> None:
        self._arm = arm

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        """Raise TypeError: the arm must declare `paid = True` before it may call."""
        raise TypeError(f"arm {self._arm!r} called a provider but declares paid = False; set paid = True")

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def closing(record: Record, closers: Mapping[str, Callable[[], list[str]]]) -> Iterator[None]:
    """Call all `closers` in the end, and note what they tell.

    One that fails is noted by its name, and costs nobody a patch that is paid for.
    """
    try:
        yield
    finally:
        for failed, close in closers.items():
            try:
                notes = close()
            except Exception as error:  # whatever it is, it says nothing about the patch; the reaper comes later
                notes = [f"{failed}: {error or type(error).__name__}"]
            for note in notes:
                record.add_note(note)


@contextmanager
def timed(record: Record, name: str) -> Iterator[None]:
    """Put the seconds that this takes on the record, under `name`."""
    start = time.monotonic()
    try:
        yield
    finally:
        record.seconds[name] = round(time.monotonic() - start, 3)
