"""The log of one run on disk, with a ceiling: the beginning and the end of what was printed, the middle dropped."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from pytest_swebench.errors import of_system

LOG_CAP_BYTES: Final = 100 * 1024 * 1024

_LINE_BYTES: Final = 64 * 1024


class CappedLog:
    """Writes chunks to `path` as they come, so that it can be watched and outlives a crash of ours.

    The first three quarters of `cap_bytes` stay as they are; beyond them the file's last quarter is a ring that holds
    the latest output, which leaving the context puts in order. Both parts then end and begin with whole lines, for
    half a line could be read as the result of another test. Raises InfraError where the disk takes no more.
    """

    def __init__(self, path: Path, cap_bytes: int = LOG_CAP_BYTES) -> None:
        self.path = path
        self._head_bytes = cap_bytes * 3 // 4
        self._ring_bytes = max(1, cap_bytes - self._head_bytes)
        self._written = 0
        self._file: IO[bytes] | None = None

    @property
    def cut(self) -> bool:
        """Whether some of the output is lost."""
        return self._written > self._head_bytes + self._ring_bytes

    def __enter__(self) -> Self:
        self._file = self.path.open("w+b", buffering=0)
        return self

    def __call__(self, chunk: bytes) -> None:
        """Take the next chunk."""
        view = memoryview(chunk)
        while view:
            beyond = self._written - self._head_bytes
            ring_at = beyond % self._ring_bytes
            room = -beyond if beyond < 0 else self._ring_bytes - ring_at
            place = self._written if beyond < 0 else self._head_bytes + ring_at
            part, view = view[:room], view[room:]
            self._put(place, part)
            self._written += len(part)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        try:
            if self.cut:
                self._put_in_order(self._file)
        finally:
            self._file.close()

    def _put(self, place: int, part: memoryview) -> None:
        assert self._file is not None
        try:
            # A full disk may take a part of a write and say nothing; the next write then names it.
            while part:
                written = os.pwrite(self._file.fileno(), part, place)
                part, place = part[written:], place + written
        except OSError as error:
            raise of_system(
                error,
                f"the log {str(self.path)!r} cannot be written: {error.strerror}; "
                "free space on that disk, or put the results elsewhere with --output-dir",
            ) from error

    def _put_in_order(self, file: IO[bytes]) -> None:
        oldest = (self._written - self._head_bytes) % self._ring_bytes
        file.seek(self._head_bytes)
        ring = file.read(self._ring_bytes)
        tail = ring[oldest:] + ring[:oldest]
        tail = tail[tail.find(b"\n", 0, _LINE_BYTES) + 1 :]
        file.seek(max(0, self._head_bytes - _LINE_BYTES))
        last = file.read(self._head_bytes - file.tell())
        keep = self._head_bytes - (len(last) - 1 - end if (end := last.rfind(b"\n")) >= 0 else 0)
        lost = self._written - keep - len(tail)
        note = f"\n[{lost} bytes were dropped here: the log grew beyond its limit]\n".encode()
        file.truncate(keep)
        self._put(keep, memoryview(note + tail))
