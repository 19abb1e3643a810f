"""How many gradings of a run go on at once: a semaphore that all its processes share, and other runs do not."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading.protocol import Grade, Grader
from pytest_swebench.sandbox.images import size_bytes
from pytest_swebench.sandbox.profile import DockerOptions

_POLL_S: Final = 0.02


def default_slots() -> int:
    """Return how many gradings fit on this machine: one a core, and each with the memory it may use by default."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(
        1,
        min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            int(memory // size_bytes(DockerOptions().memory)),
        ),
    )


class Slots:
    """`count` places to grade in, as locks in `folder`; the place of a process that dies is free again."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one place, waiting until there is one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._take()
        try:
            yield
        finally:
            os.close(file)

    def _take(self) -> int:
        while True:
            for number in range(self._count):
                file = os.open(self._folder / f"slot{number}.lock", os.O_RDWR | os.O_CREAT, 0o644)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return file
                except BlockingIOError:
                    os.close(file)
            time.sleep(_POLL_S)


class SlottedGrader:
    """Grades as `grader` does, in one of the `slots`."""

    def __init__(self, grader: Grader, slots: Slots) -> None:
        self._grader = grader
        self._slots = slots

    def grade(self, instance: Instance, patch: str, folder: Path) -> Grade:
        """Grade `patch` once a place is free; `Grade.duration_s` does not hold the wait."""
        with self._slots.taken():
            return self._grader.grade(instance, patch, folder)

    def close(self) -> None:
        """End what the grader behind this one still has at work, if it can."""
        close = getattr(self._grader, "close", None)
        if close is not None:
            close()
