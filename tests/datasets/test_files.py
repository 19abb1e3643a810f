from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.files import read_instances
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import DatasetError
from tests.datasets.rows_to_test import classic_row, complete_row

ROWS = [complete_row(instance_id=f"acme__shop-{number}") for number in range(1, 201)]


def load(path: Path, split: str = "test") -> list[Instance]:
    return [instance for _, instance in read_instances(path, split)]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@pytest.fixture
def expected(tmp_path: Path) -> list[Instance]:
    return load(write_jsonl(tmp_path / "expected.jsonl", ROWS))


def test_all_formats_hold_the_same_instances(tmp_path: Path, expected: list[Instance]) -> None:
    as_list, by_id = tmp_path / "list.json", tmp_path / "by_id.json"
    as_list.write_text(json.dumps(ROWS))
    without_ids = [{name: value for name, value in row.items() if name != "instance_id"} for row in ROWS]
    by_id.write_text(json.dumps({row["instance_id"]: rest for row, rest in zip(ROWS, without_ids, strict=True)}))

    assert len(expected) == 200
    assert load(as_list) == expected
    assert load(by_id) == expected
    assert load(write_parquet(tmp_path / "rows.parquet", ROWS)) == expected


def test_lists_in_parquet_load(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "rows.parquet", [classic_row(FAIL_TO_PASS=["a", "b"])])

    assert load(path)[0].hidden.fail_to_pass == ("a", "b")


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
def test_folder_gives_the_split_asked_for(tmp_path: Path, suffix: str) -> None:
    for split in ("test", "dev"):
        rows = [classic_row(instance_id=f"{split}-1")]
        file = tmp_path / f"{split}{suffix}"
        if suffix == ".parquet":
            write_parquet(file, rows)
        else:
            file.write_text(json.dumps(rows if suffix == ".json" else rows[0]))

    assert [instance.instance_id for instance in load(tmp_path, "dev")] == ["dev-1"]
    with pytest.raises(DatasetError, match="unknown split 'tset'; did you mean 'test'\\? known: dev, test"):
        load(tmp_path, "tset")


def test_folders_saved_by_the_datasets_library_load(tmp_path: Path, expected: list[Instance]) -> None:
    import datasets

    split = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"test": split, "dev": split.select([2])}).save_to_disk(str(tmp_path / "all"))
    split.save_to_disk(str(tmp_path / "one"))

    assert load(tmp_path / "all") == expected
    assert load(tmp_path / "all", "dev") == [expected[2]]
    assert load(tmp_path / "one") == expected
    with pytest.raises(DatasetError, match="unknown split 'train'; known: dev, test"):
        load(tmp_path / "all", "train")


def test_kind_is_told_by_the_name_of_the_id(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "mixed.jsonl",
        [
            classic_row(),
            {"task_id": "t", "repo": "shop", "ref": ""},
            {"scenario_id": "s", "prompt": "Hello."},
        ],
    )

    issue, task, scenario = load(path)

    assert [issue.kind, task.kind, scenario.kind] == [Kind.ISSUE, Kind.TASK, Kind.SCENARIO]
    assert task.source is not None
    assert task.source.url == str(tmp_path / "shop")


def test_blank_lines_a_byte_order_mark_and_odd_line_separators_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = json.dumps(classic_row(problem_statement="one\u2028two\x85three"), ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + f"{row}\r\n\n  \n".encode())

    assert [instance.problem.statement for instance in load(path)] == ["one\u2028two\x85three"]


def test_malformed_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = json.dumps(classic_row())
    path.write_text(f'{row}\n{row}\n{{"instance_id": oops}}\n')

    with pytest.raises(DatasetError, match=r"rows\.jsonl:3: malformed JSON at column 17: Expecting value"):
        load(path)


def test_malformed_file_is_named_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[\n  {"a": 1},\n  {"a" 2}\n]')

    with pytest.raises(DatasetError, match=r"rows\.json: malformed JSON at line 3, column 8"):
        load(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'["not", "a row"]\n', r"a\.jsonl:1: expected an object with the fields of a row, found list"),
        ("a.jsonl", b'{"id": "x"}\n', r"a\.jsonl:1: a row needs one of 'instance_id' .* found: 'id'"),
        ("a.jsonl", b'{"a": "\xff"}\n', r"a\.jsonl:1: not UTF-8 text"),
        ("a.json", b'"text"', r"a\.json: expected a list of rows or an object of them by id, found str"),
        ("a.json", b"[1]", r"a\.json: row 1: expected an object"),
        ("a.parquet", b"PAR1 but not really", r"a\.parquet: not a parquet file"),
        ("a.csv", b"a,b", r"cannot read '\.csv' files; accepted: \.jsonl, \.json, \.parquet, or a folder"),
    ],
)
def test_unusable_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DatasetError, match=message):
        load(tmp_path / name)


def test_bad_row_of_a_parquet_file_is_named_by_number(tmp_path: Path) -> None:
    rows = [*ROWS[:99], complete_row(instance_id="a b")]

    with pytest.raises(DatasetError, match=r"rows\.parquet: row 100: field 'instance_id'"):
        load(write_parquet(tmp_path / "rows.parquet", rows))


def test_damaged_saved_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "dataset_info.json").write_text("{}")

    with pytest.raises(DatasetError, match="test: not a dataset that can be read"):
        load(tmp_path)
