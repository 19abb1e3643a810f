from __future__ import annotations

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.events import Broadcast, CellStarted, Event, PhaseStarted

CELL = Cell("acme__acme-1", "gold", 1)
EVENTS = [CellStarted(CELL, 1), PhaseStarted(CELL, "solve"), PhaseStarted(CELL, "record")]


class Fragile:
    """Takes `healthy` events and breaks on the next one."""

    def __init__(self, healthy: int) -> None:
        self.heard: list[Event] = []
        self._healthy = healthy

    def __call__(self, event: Event) -> None:
        if len(self.heard) == self._healthy:
            raise ConnectionError("no route")
        self.heard.append(event)


def test_every_subscriber_hears_every_event_in_order() -> None:
    first, second = Fragile(99), Fragile(99)
    broadcast = Broadcast([first, second])
    for event in EVENTS:
        broadcast(event)
    assert first.heard == second.heard == EVENTS


@pytest.mark.parametrize("healthy", [0, 1, 2])
def test_subscriber_that_breaks_is_reported_once_and_left_out(healthy: int) -> None:
    fragile, sound, messages = Fragile(healthy), Fragile(99), list[str]()
    broadcast = Broadcast([fragile, sound], messages.append)
    for event in EVENTS:
        broadcast(event)
    assert sound.heard == EVENTS
    assert fragile.heard == EVENTS[:healthy]
    assert messages == ["Fragile is switched off: ConnectionError: no route"]


def test_neighbours_of_a_broken_subscriber_miss_nothing() -> None:
    subscribers = [Fragile(0), Fragile(99), Fragile(0), Fragile(99)]
    broadcast = Broadcast(subscribers)
    for event in EVENTS:
        broadcast(event)
    assert [len(one.heard) for one in subscribers] == [0, 3, 0, 3]


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Broadcast([interrupted])(EVENTS[0])
