from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.errors import RecordError
from pytest_swebench.records.journal import Journal, read_journals, seal, unseal
from pytest_swebench.redact import Redactor
from tests.support.lacking import mounted

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.dictionaries(st.text(), VALUES, min_size=1, max_size=4)
# a writer that says each number once its entry is stored
WRITER = """
import sys
from pathlib import Path
from pytest_swebench.records.journal import Journal
from pytest_swebench.redact import Redactor

journal = Journal(Path(sys.argv[1]), Redactor())
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    journal.append("line", number=number, text="x" * (number * 97 % 5000))
    print(number, flush=True)
"""


def start_writer(path: Path, first: int, end: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def numbers(folder: Path) -> list[int]:
    return [entry["number"] for entry in read_journals(folder).entries]


@given(ENTRIES)
def test_sealed_entry_reads_back(entry: dict[str, Any]) -> None:
    line = seal(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert unseal(line) == entry
    assert json.loads(line).keys() == entry.keys() | {"crc"}


@given(ENTRIES, st.data())
def test_any_changed_byte_is_noticed(entry: dict[str, Any], data: st.DataObject) -> None:
    line = bytearray(seal(entry))
    place = data.draw(st.integers(0, len(line) - 2))
    line[place] ^= data.draw(st.integers(1, 255))
    assert unseal(bytes(line)) is None


@given(ENTRIES, st.data())
def test_any_part_of_a_line_is_noticed(entry: dict[str, Any], data: st.DataObject) -> None:
    line = seal(entry)
    assert unseal(line[: data.draw(st.integers(0, len(line) - 2))]) is None


def test_entries_come_back_in_order_with_ids(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "w1.jsonl", Redactor())
    stored = [journal.append("started", cell=f"c{number}") for number in range(3)]
    journal.close()
    stored.append(journal.append("record", cell="c0"))
    read = read_journals(tmp_path / "deep")
    assert read.entries == stored
    assert read.damaged == 0
    assert len({entry["id"] for entry in stored}) == 4
    assert all(entry["id"].startswith("w1:") for entry in stored)


def test_ids_stay_unique_when_a_later_process_has_the_same_name(tmp_path: Path) -> None:
    entries = []
    for _ in range(3):
        journal = Journal(tmp_path / "main-7.jsonl", Redactor())
        entries += [journal.append("line", number=number) for number in range(2)]
        journal.close()
    assert len({entry["id"] for entry in entries}) == 6


def test_no_file_without_an_entry(tmp_path: Path) -> None:
    Journal(tmp_path / "w1.jsonl", Redactor()).close()
    assert list(tmp_path.iterdir()) == []
    assert read_journals(tmp_path / "missing").entries == []


def test_secrets_are_not_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "w1.jsonl", Redactor(["sk-very-secret"]))
    entry = journal.append("line", text="key sk-very-secret!")
    journal.close()
    assert entry["text"] == "key [redacted]!"
    assert b"very-secret" not in (tmp_path / "w1.jsonl").read_bytes()


def test_undecodable_bytes_survive(tmp_path: Path) -> None:
    patch = b"-caf\xe9\n+caf\xc3\xa9\n".decode(errors="surrogateescape")
    journal = Journal(tmp_path / "w1.jsonl", Redactor())
    journal.append("record", patch=patch)
    journal.close()
    assert read_journals(tmp_path).entries[0]["patch"] == patch
    assert "é" in (tmp_path / "w1.jsonl").read_bytes().decode("utf-8", "strict")


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_torn_tail_is_healed_by_the_next_writer(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "w1.jsonl"
    for number in range(3):
        journal = Journal(path, Redactor())
        journal.append("line", number=number)
        journal.close()
        if number == 1:
            whole = path.read_bytes()
            start = whole.index(b"\n") + 1
            path.write_bytes(whole[:start] + whole[start:][:kept])
    read = read_journals(tmp_path)
    lost_its_newline_only = kept == -1
    assert [entry["number"] for entry in read.entries] == ([0, 1, 2] if lost_its_newline_only else [0, 2])
    assert read.damaged == (0 if lost_its_newline_only else 1)


def test_damaged_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        journal = Journal(tmp_path / f"{name}.jsonl", Redactor())
        for number in range(4):
            journal.append("line", number=number, text="héllo")
        journal.close()
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace("é".encode(), b"\xc3\xa8")
    lines[2] = b'{"kind":"line","number":2}\n'
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines) + b"\0\0\0\n\n")
    read = read_journals(tmp_path)
    assert [entry["number"] for entry in read.entries] == [0, 3, 0, 1, 2, 3]
    assert read.damaged == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "64k") as folder:
        yield folder


def test_full_disk_keeps_what_was_stored_and_says_so(small_disk: Path) -> None:
    journal = Journal(small_disk / "w1.jsonl", Redactor())
    stored = 0

    def fill() -> None:
        nonlocal stored
        for stored in range(100):
            journal.append("line", number=stored, text="x" * 3000)

    with pytest.raises(RecordError, match=r"w1\.jsonl.*free space on that disk and go on with --resume"):
        fill()
    assert 0 < stored < 100
    assert numbers(small_disk) == list(range(stored))
    assert read_journals(small_disk).damaged == 0
    journal.append("line", number=stored)
    journal.close()
    assert numbers(small_disk) == list(range(stored + 1))


def test_file_size_limit_keeps_what_was_stored_and_says_so(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-B", "-c", WRITER, str(tmp_path / "w1.jsonl"), "0", "100"]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    said = [int(number) for number in done.stdout.split()]
    assert 0 < len(said) < 100
    assert "RecordError: journal" in done.stderr
    assert numbers(tmp_path) == said
    assert read_journals(tmp_path).damaged == 0


def test_processes_that_share_a_file_lose_nothing(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path / "w.jsonl", first, first + 50) for first in range(0, 200, 50)]
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * 4
    assert sorted(numbers(tmp_path)) == list(range(200))
    read = read_journals(tmp_path)
    assert read.damaged == 0
    assert len({entry["id"] for entry in read.entries}) == 200


def test_killed_writers_lose_nothing_they_acknowledged(tmp_path: Path) -> None:
    said: list[int] = []
    for turn in range(5):
        writer = start_writer(tmp_path / "w.jsonl", turn * 10_000, (turn + 1) * 10_000)
        assert writer.stdout is not None
        for _ in range(10 + 7 * turn):
            said.append(int(writer.stdout.readline()))
        writer.kill()
        said += [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        writer.wait()
        writer.stdout.close()
    assert set(said) <= set(numbers(tmp_path))
    assert len(said) == len(set(said))


def test_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    journal = Journal(tmp_path / "file" / "w1.jsonl", Redactor())
    with pytest.raises(RecordError, match="w1"):
        journal.append("line")
    assert os.listdir(tmp_path) == ["file"]
