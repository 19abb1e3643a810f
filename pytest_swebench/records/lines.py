"""Lines that survive whoever writes them: whole, at the end of a file, on disk before the call returns."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pytest_swebench.errors import RecordError


def append_line(path: Path, line: bytes) -> None:
    """Append `line`, with or without its newline, to a file that is made as needed.

    Safe for several processes on a local disk. Raises RecordError if the disk does not take the line whole; what was
    there before stays intact.
    """
    what = f"{str(path)!r}"
    file = open_lines(path, what)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        put_line(file, os.fstat(file).st_size, line.rstrip(b"\n") + b"\n", what)
    finally:
        os.close(file)


def open_lines(path: Path, what: str) -> int:
    """Open a file of lines, made with its folders as needed. Raises RecordError naming `what`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise RecordError(f"{what}: {error}; make that folder writable and run again") from error


def put_line(file: int, end: int, line: bytes, what: str) -> None:
    """Add `line` to a file of `end` bytes that the caller has locked; a tail torn by a dying process becomes a line.

    Raises RecordError naming `what` if the line does not fit; the file then ends where it did.
    """
    if end and os.pread(file, 1, end - 1) != b"\n":
        line = b"\n" + line
    try:
        written = os.write(file, line)  # a full disk shows as a short count, not as an error
        if written != len(line):
            raise OSError(f"only {written} of {len(line)} bytes fit")
        os.fsync(file)
    except OSError as error:
        os.ftruncate(file, end)
        raise RecordError(f"{what}: {error}; free space on that disk and go on with --resume") from error
