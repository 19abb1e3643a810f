"""What happens in a cell, as plain data that reporting subscribes to.

`run.py` emits, subscribers listen; neither knows the other. A subscriber that raises would break a paid run, so
`Broadcast` hands every failure to `on_failure` (one warning a subscriber) and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_swebench.cell import Cell


@dataclass(frozen=True, slots=True)
class CellStarted:
    """An attempt at a cell begins. `inputs` holds variant, run_id, rep, arm, model and the like.

    `started_at` is the time in its record (ISO 8601).
    """

    cell: Cell
    attempt: int
    inputs: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """The cell moves on: `sandbox`, `solve`, `grade`, `record`."""

    cell: Cell
    phase: str


@dataclass(frozen=True, slots=True)
class ProviderCalled:
    """A model call ended, with tokens as the provider counts them and the cost where a price is known."""

    cell: Cell
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class BackedOff:
    """A model call waits `wait_s` seconds before it is tried again, because of `reason`."""

    cell: Cell
    wait_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class CellFinished:
    """An attempt ended; `record` is the JSON line that was stored."""

    cell: Cell
    record: Mapping[str, Any]


Event = CellStarted | PhaseStarted | ProviderCalled | BackedOff | CellFinished


class Subscriber(Protocol):
    """Whatever listens to the events of a run."""

    def __call__(self, event: Event) -> None:
        """Take note of `event`; called in the process that runs the cell."""


class Broadcast:
    """Send each event to every subscriber; a subscriber that raises is reported once and left out afterwards."""

    def __init__(
        self,
        subscribers: Sequence[Subscriber] = (),
        on_failure: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._subscribers = list(subscribers)
        self._on_failure = on_failure

    def __call__(self, event: Event) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception as error:  # a listener must never cost a paid cell
                self._subscribers.remove(subscriber)
                self._on_failure(f"{type(subscriber).__name__} is switched off: {type(error).__name__}: {error}")
