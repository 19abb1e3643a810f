from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest

from pytest_swebench.errors import RecordError
from pytest_swebench.records.lines import append_line


def test_lines_come_one_after_another_with_or_without_their_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines"
    for line in (b"one", b"two\n"):
        append_line(path, line)
    assert path.read_bytes() == b"one\ntwo\n"


def test_torn_tail_costs_no_later_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntw")
    append_line(path, b"three")
    assert path.read_bytes() == b"one\ntw\nthree\n"


def test_line_that_does_not_fit_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    append_line(path, b"one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then comes back short
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        with pytest.raises(RecordError, match=r"lines': only 1996 of 5001 bytes fit; free space on that disk"):
            append_line(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    assert path.read_bytes() == b"one\n"
    append_line(path, b"two")
    assert path.read_bytes() == b"one\ntwo\n"


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="make that folder writable"):
        append_line(tmp_path / "file" / "lines", b"one")


def append_many(path: str) -> None:
    for number in range(100):
        append_line(Path(path), f"{os.getpid()}:{number}:".encode() + b"x" * 3000)


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append_many, args=(str(path),)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    heads = [line.rpartition(b":")[0] for line in path.read_bytes().splitlines()]
    assert sorted(heads) == sorted(f"{process.pid}:{number}".encode() for process in processes for number in range(100))
    assert {len(line.rpartition(b":")[2]) for line in path.read_bytes().splitlines()} == {3000}
