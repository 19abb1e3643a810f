from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import RecordError
from pytest_swebench.records.writers import JSONLWriter, RelayPool, WriterPool


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_pool_makes_one_file_a_variant_and_repetition(tmp_path: Path) -> None:
    pool = WriterPool("run-1", "abc1234", directory=tmp_path, timestamp="20260101_120000")
    for variant, rep in (("base", 1), ("base", 2), ("tdd", 1)):
        pool.get(variant, rep).write_result(scenario_id="s1", answer=f"{variant} {rep}")
    assert pool.get("base", 1) is pool.get("base", 1)
    pool.get("base", 1).write_result(scenario_id="s2", answer="é")
    pool.close_all()
    pool.close_all()
    assert [path.name for path in pool.paths()] == [
        "base_run1_20260101_120000.jsonl",
        "base_run2_20260101_120000.jsonl",
        "tdd_run1_20260101_120000.jsonl",
    ]
    assert lines(tmp_path / "base_run1_20260101_120000.jsonl") == [
        {
            "type": "run_metadata",
            "run_id": "run-1",
            "git_commit": "abc1234",
            "timestamp": "20260101_120000",
            "variant": "base",
            "rep": 1,
        },
        {"type": "scenario_result", "run_id": "run-1", "scenario_id": "s1", "answer": "base 1"},
        {"type": "scenario_result", "run_id": "run-1", "scenario_id": "s2", "answer": "é"},
    ]


def test_pool_works_with_run_and_commit_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pool = WriterPool("run-1", "abc1234")
    pool.get("base", 3).write_result(x=1)
    pool.close_all()
    (path,) = pool.paths()
    assert path.parent == Path("results")
    assert re.fullmatch(r"base_run3_\d{8}_\d{6}\.jsonl", path.name)


def test_every_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    pool = WriterPool("run-1", "", directory=tmp_path, timestamp="t")
    for count in range(1, 4):
        pool.get("base", 1).write_result(number=count)
        assert len(lines(tmp_path / "base_run1_t.jsonl")) == 1 + count
    pool.close_all()


def test_same_run_continues_its_file_with_one_metadata_line(tmp_path: Path) -> None:
    for number in range(2):
        pool = WriterPool("run-1", "", directory=tmp_path, timestamp="t")
        pool.get("base", 1).write_result(number=number)
        pool.close_all()
    (path,) = tmp_path.iterdir()
    assert [line.get("number", line["type"]) for line in lines(path)] == ["run_metadata", 0, 1]


@pytest.mark.parametrize("there", ['{"type": "run_metadata", "run_id": "run-0"}\n', "", "notes\n", "[1]\n", "\xff"])
def test_name_taken_by_something_else_gets_the_run_id(tmp_path: Path, there: str) -> None:
    taken = tmp_path / "base_run1_t.jsonl"
    taken.write_bytes(there.encode("latin-1"))
    pool = WriterPool("run-1", "", directory=tmp_path, timestamp="t")
    pool.get("base", 1).write_result(number=1)
    pool.close_all()
    assert taken.read_bytes() == there.encode("latin-1")
    assert pool.paths() == [tmp_path / "base_run1_t_run-1.jsonl"]
    assert lines(pool.paths()[0])[0]["run_id"] == "run-1"


def test_names_of_variants_become_safe_file_names(tmp_path: Path) -> None:
    pool = WriterPool("run-1", "", directory=tmp_path, timestamp="t")
    pool.get("../acme/large model", 1).write_result(x=1)
    pool.close_all()
    assert [path.name for path in tmp_path.iterdir()] == ["..-acme-large-model_run1_t.jsonl"]


def test_no_file_before_the_first_result(tmp_path: Path) -> None:
    pool = WriterPool("run-1", "", directory=tmp_path, timestamp="t")
    pool.get("base", 1).write_metadata(model="m")
    pool.close_all()
    assert pool.paths() == []
    assert list(tmp_path.iterdir()) == []


def test_metadata_joins_the_first_line_and_comes_before_results(tmp_path: Path) -> None:
    writer = JSONLWriter("run-1", "abc", "own.jsonl", tmp_path)
    assert not writer.started
    writer.write_metadata(model="m-1")
    writer.write_metadata(note="second thoughts")
    writer.write_result(type="my_result", value=1)
    with pytest.raises(RecordError, match=r"own\.jsonl: metadata must be written before the first result"):
        writer.write_metadata(late=True)
    writer.close()
    assert lines(tmp_path / "own.jsonl") == [
        {"type": "run_metadata", "run_id": "run-1", "git_commit": "abc", "model": "m-1", "note": "second thoughts"},
        {"type": "my_result", "run_id": "run-1", "value": 1},
    ]


def test_writer_without_a_name_names_its_file_after_the_run(tmp_path: Path) -> None:
    writer = JSONLWriter("run-1", "", directory=tmp_path)
    writer.write_result(x=1)
    writer.close()
    assert re.fullmatch(r"run-1_\d{8}_\d{6}\.jsonl", writer.path.name)


def test_undecodable_bytes_of_a_patch_are_written_as_escapes(tmp_path: Path) -> None:
    writer = JSONLWriter("run-1", "", "own.jsonl", tmp_path)
    writer.write_result(patch="-caf\udce9\n")
    writer.close()
    assert lines(tmp_path / "own.jsonl")[1]["patch"] == "-caf\udce9\n"


def test_relay_sends_what_the_writer_would_have_written() -> None:
    sent: list[tuple[str, int, dict[str, Any], dict[str, Any]]] = []
    pool = RelayPool("run-1", lambda *line: sent.append(line))
    pool.get("base", 2).write_metadata(model="m-1")
    pool.get("base", 2).write_result(scenario_id="s1")
    pool.get("tdd", 1).write_result(type="other", run_id="mine")
    pool.close_all()
    assert sent == [
        ("base", 2, {"model": "m-1"}, {"type": "scenario_result", "run_id": "run-1", "scenario_id": "s1"}),
        ("tdd", 1, {}, {"type": "other", "run_id": "mine"}),
    ]


def test_relay_takes_no_new_metadata_after_a_result() -> None:
    sent: list[dict[str, Any]] = []
    writer = RelayPool("run-1", lambda variant, rep, metadata, line: sent.append(metadata)).get("base", 2)
    for _ in range(2):  # every test of a session says the same
        writer.write_metadata(model="m-1")
        writer.write_result(scenario_id="s1")
    with pytest.raises(RecordError, match=r"variant 'base', repetition 2: .*new or changed: 'model', 'late'"):
        writer.write_metadata(model="m-2", late=1)
    assert sent == [{"model": "m-1"}] * 2


def test_writer_takes_the_same_metadata_again(tmp_path: Path) -> None:
    writer = JSONLWriter("run-1", "", "own.jsonl", tmp_path)
    for number in range(2):
        writer.write_metadata(model="m-1")
        writer.write_result(number=number)
    writer.close()
    assert [line.get("number") for line in lines(tmp_path / "own.jsonl")] == [None, 0, 1]
