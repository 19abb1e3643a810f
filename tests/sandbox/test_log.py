from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import OutOfResources
from pytest_swebench.sandbox.log import CappedLog

LINES = [f"line {number}\n".encode() for number in range(1000)]


def written(path: Path, chunks: list[bytes], cap_bytes: int) -> tuple[bytes, bool]:
    with CappedLog(path, cap_bytes) as log:
        for chunk in chunks:
            log(chunk)
    return path.read_bytes(), log.cut


def parts(content: bytes) -> tuple[bytes, bytes, bytes]:
    """The beginning, the number of lost bytes, and the end."""
    head, note, tail = re.split(rb"\n\[(\d+) bytes were dropped here: the log grew beyond its limit\]\n", content)
    return head, note, tail


def test_log_below_its_limit_is_kept_byte_for_byte(tmp_path: Path) -> None:
    whole = b"".join(LINES)
    assert written(tmp_path / "log", LINES, len(whole)) == (whole, False)
    assert written(tmp_path / "log", [whole], 1 << 30) == (whole, False)
    assert written(tmp_path / "log", [], 1 << 30) == (b"", False)


@pytest.mark.parametrize("chunks", [LINES, [b"".join(LINES)]])
def test_huge_log_keeps_whole_lines_of_both_ends_and_counts_the_rest(tmp_path: Path, chunks: list[bytes]) -> None:
    whole = b"".join(LINES)
    content, cut = written(tmp_path / "log", chunks, 1000)
    head, note, tail = parts(content)
    assert cut
    assert whole[: len(head)] == head
    assert whole[-len(tail) - 1 :] == b"\n" + tail
    assert head.endswith(b"\n")
    assert (740 < len(head) <= 750, 240 < len(tail) <= 250) == (True, True)
    assert int(note) == len(whole) - len(head) - len(tail)


def test_output_without_lines_is_cut_where_it_must(tmp_path: Path) -> None:
    content, cut = written(tmp_path / "log", [b"x" * 10_000, b"y" * 25], 100)
    assert cut
    assert content == b"x" * 75 + b"\n[9925 bytes were dropped here: the log grew beyond its limit]\n" + b"y" * 25


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(min_value=4, max_value=200))
def test_what_is_kept_is_a_beginning_and_an_end(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], cap_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.log"
    whole = b"".join(chunks)
    content, cut = written(path, chunks, cap_bytes)
    assert cut == (len(whole) > cap_bytes)
    if not cut:
        assert content == whole
        return
    head, note, tail = parts(content)
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert len(head) + len(tail) <= cap_bytes
    assert int(note) == len(whole) - len(head) - len(tail)


def test_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    with pytest.raises(OutOfResources, match=r"/log' cannot be written: No space left on device; free space"):
        written(tmp_path / "log", [b"x"], 100)
