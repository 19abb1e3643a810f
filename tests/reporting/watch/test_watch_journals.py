"""Journals read while they grow."""

from __future__ import annotations

import time
from pathlib import Path

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal, seal
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.watch.journals import JournalTail
from tests.support.made import made_record

ONE, TWO = Cell("acme__acme-1", "gold", 1), Cell("acme__acme-2", "gold", 1)


def kinds(tail: JournalTail) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["cell"]) for _, entry in tail.read()]


def append(path: Path, kind: str, cell: Cell, **fields: object) -> None:
    journal = Journal(path, Redactor())
    journal.append(kind, cell=str(cell), **fields)
    journal.close()


def test_what_is_new_is_read_once_from_all_journals_in_the_order_of_time(tmp_path: Path) -> None:
    tail = JournalTail(tmp_path)
    assert kinds(tail) == []
    late = made_record(ONE, started_at="2026-01-01T00:00:09+00:00", finished_at="")
    early = made_record(TWO, started_at="2026-01-01T00:00:05+00:00", finished_at="")
    append(tmp_path / "gw0-1.jsonl", "started", ONE, record=late)
    append(tmp_path / "gw0-1.jsonl", "calling", ONE, attempt=1)
    append(tmp_path / "gw1-2.jsonl", "started", TWO, record=early)
    assert kinds(tail) == [("started", str(TWO)), ("started", str(ONE)), ("calling", str(ONE))]
    assert kinds(tail) == []
    append(tmp_path / "gw2-3.jsonl", "solved", TWO, attempt=1)
    assert kinds(tail) == [("solved", str(TWO))]


def test_entry_without_a_time_has_just_come_if_somebody_was_watching(tmp_path: Path) -> None:
    append(tmp_path / "a-1.jsonl", "started", ONE, record=made_record(ONE, finished_at=""))
    append(tmp_path / "a-1.jsonl", "calling", ONE, attempt=1)
    tail = JournalTail(tmp_path)
    assert len({at_s for at_s, _ in tail.read()}) == 1
    append(tmp_path / "a-1.jsonl", "solved", ONE, attempt=1)
    before_s = time.time() - 60
    ((at_s, _),) = tail.read()
    assert at_s > before_s


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path, tail = tmp_path / "main-1.jsonl", JournalTail(tmp_path)
    line = seal({"kind": "calling", "id": "main-1:0", "cell": str(ONE)})
    path.write_bytes(line[:20])
    assert kinds(tail) == []
    with path.open("ab") as file:
        file.write(line[20:])
    assert kinds(tail) == [("calling", str(ONE))]
    assert tail.damaged == 0


def test_torn_and_damaged_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    path, tail = tmp_path / "main-1.jsonl", JournalTail(tmp_path)
    append(path, "calling", ONE)
    with path.open("ab") as file:
        file.write(b'{"kind":"started","id":')
    assert len(kinds(tail)) == 1
    append(path, "calling", TWO)  # which makes the torn tail a line
    with path.open("ab") as file:
        file.write(b"\nnobody knows\n")
    assert kinds(tail) == [("calling", str(TWO))]
    assert tail.damaged == 2


def test_large_parts_of_records_are_not_kept(tmp_path: Path) -> None:
    append(tmp_path / "main-1.jsonl", "record", ONE, record=made_record(ONE, patch="x" * 100_000))
    append(tmp_path / "main-1.jsonl", "record", TWO, record=made_record(TWO, Outcome.NO_PATCH, patch="\n"))
    (_, first), (_, second) = JournalTail(tmp_path).read()
    assert len(str(first)) < 1000
    assert (first["record"]["patch"], first["record"]["verdict"]) == ("a patch", {})
    assert (second["record"]["patch"], second["record"]["verdict"]) == ("", None)


def test_record_with_a_time_nobody_can_read_is_taken_all_the_same(tmp_path: Path) -> None:
    append(tmp_path / "main-1.jsonl", "record", ONE, record=made_record(ONE, started_at="then", finished_at="now"))
    ((at_s, entry),) = JournalTail(tmp_path).read()
    assert (at_s, entry["kind"]) == (0.0, "record")


def test_entries_without_what_is_counted_are_damaged(tmp_path: Path) -> None:
    whole = {"kind": "calling", "id": "main-1:0", "cell": str(ONE)}
    odd: list[dict[str, object]] = [
        {"id": "main-1:1", "cell": str(ONE)},
        {"kind": "started", "id": "main-1:2", "cell": str(ONE)},
        {"kind": "record", "id": "main-1:3", "cell": str(ONE), "record": {}},
        {"kind": "record", "id": "main-1:4", "cell": str(ONE), "record": [1]},
        {"kind": "started", "cell": str(ONE), "record": {"attempt": 1}},
    ]
    (tmp_path / "main-1.jsonl").write_bytes(b"".join(map(seal, [whole, *odd])))
    tail = JournalTail(tmp_path)
    assert kinds(tail) == [("calling", str(ONE))]
    assert tail.damaged == 5
