"""Grading containers whose work is over, until they are gone, whatever comes in between."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from pytest_swebench.errors import InfraError
from pytest_swebench.sandbox.container import remove

if TYPE_CHECKING:
    from docker.models.containers import Container


class Removals:
    """Removes containers, at once or in a thread; what could not be removed is tried again by `finish`."""

    def __init__(self) -> None:
        self._here: dict[str, Container] = {}
        self._aside = ThreadPoolExecutor(1, "swebench-removal")
        self._at_work: list[Future[None]] = []

    def __len__(self) -> int:
        """Return how many containers are not known to be gone."""
        return len(self._here)

    def remove(self, container: Container) -> None:
        """Remove a container; an engine that cannot now is asked again later, and spoils no result that is here."""
        self._here[str(container.id)] = container
        with contextlib.suppress(InfraError):
            remove(container)
            self._here.pop(str(container.id), None)

    def remove_aside(self, container: Container) -> None:
        """Remove a container while the caller goes on; where no thread is to be had, `finish` does it."""
        self._here[str(container.id)] = container
        with contextlib.suppress(RuntimeError):
            self._at_work.append(self._aside.submit(self.remove, container))

    def finish(self) -> None:
        """Wait for what is being removed, and remove what is left."""
        wait(self._at_work)  # no `Thread.join`: older Pythons take a thread for ended once Ctrl-C interrupts that
        self._at_work.clear()
        for container in list(self._here.values()):
            self.remove(container)
