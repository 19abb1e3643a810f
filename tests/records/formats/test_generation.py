from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.errors import InputError, RecordError
from pytest_swebench.grading.validation import PatchKind, Validation
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.formats.generation import invalid_path, part_path, write_generation
from pytest_swebench.records.formats.predictions import read_predictions
from pytest_swebench.records.layout import INVALID_FILE, RunLayout, write_whole
from tests.support.made import made_record


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "results", "run-1", "20260101_000000")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refused(cell: Cell, layout: RunLayout, patch: str) -> dict[str, Any]:
    write_whole(layout.cell_folder(cell) / INVALID_FILE, patch)
    found = Validation(PatchKind.DOES_NOT_APPLY, "error: patch failed: a.py:1", len(patch))
    return made_record(cell, Outcome.NO_PATCH, patch="", validation=found.as_json())


def test_file_holds_a_line_a_patch_in_the_shape_of_predictions(tmp_path: Path, layout: RunLayout) -> None:
    path = tmp_path / "out" / "patches.jsonl"
    left = made_record(Cell("a__a-1", "singleshot", 1), Outcome.NO_PATCH, patch="é \udcff\n")
    nothing = made_record(Cell("a__a-2", "singleshot", 1), Outcome.NO_PATCH, patch="")
    scenario = made_record(Cell("greet", "singleshot", 1), Outcome.CAPTURED, kind=Kind.SCENARIO)
    assert write_generation(path, [left, nothing, scenario], layout) == [path]
    assert lines(path) == [
        {
            "instance_id": "a__a-1",
            "model_name_or_path": "singleshot",
            "model_patch": "é \udcff\n",
            "patch": "é \udcff\n",
            "format_version": 1,
            "variant": "singleshot",
            "rep": 1,
            "stop": None,
            "cost_usd": 0.25,
            "tokens": left["tokens"],
        }
    ]


def test_file_is_read_back_as_predictions(tmp_path: Path, layout: RunLayout) -> None:
    path = tmp_path / "patches.jsonl"
    records = [made_record(Cell(f"a__a-{number}", "singleshot", 1)) for number in (1, 2)]
    write_generation(path, records, layout)
    imported = read_predictions(path)
    assert imported.problems == []
    assert [(one.instance_id, one.patch, one.model) for one in imported.predictions] == [
        (record["instance_id"], record["patch"], "singleshot") for record in records
    ]


def test_file_is_written_even_if_nothing_was_won(tmp_path: Path, layout: RunLayout) -> None:
    path = tmp_path / "patches.jsonl"
    assert write_generation(path, [], layout) == [path]
    assert path.read_bytes() == b""


def test_refused_patches_stand_beside_it_with_their_reasons(tmp_path: Path, layout: RunLayout) -> None:
    path, cell = tmp_path / "patches.jsonl", Cell("a__a-1", "singleshot", 1)
    assert write_generation(path, [refused(cell, layout, "no \udcff diff\n")], layout) == [path, invalid_path(path)]
    (line,) = lines(tmp_path / "patches.invalid.jsonl")
    assert line["patch"] == line["model_patch"] == "no \udcff diff\n"
    assert (line["kind"], line["reason"]) == ("does_not_apply", "error: patch failed: a.py:1")


def test_refused_patches_of_before_are_gone_once_there_are_none(tmp_path: Path, layout: RunLayout) -> None:
    path, cell = tmp_path / "patches.jsonl", Cell("a__a-1", "singleshot", 1)
    write_generation(path, [refused(cell, layout, "no diff\n")], layout)
    write_generation(path, [made_record(cell)], layout)
    assert not invalid_path(path).exists()


def test_several_variants_and_repetitions_get_a_file_each(tmp_path: Path, layout: RunLayout) -> None:
    path = tmp_path / "patches"
    origins = [("s1", 1), ("s1", 2), ("s2", 1)]
    records = [made_record(Cell("a__a-1", variant, rep)) for variant, rep in origins]
    parts = [part_path(path, variant, rep) for variant, rep in origins]
    assert write_generation(path, records, layout) == [path, *parts]
    assert parts[1] == tmp_path / "patches.s1_run2.jsonl"
    assert [line for part in parts for line in lines(part)] == lines(path)
    assert all(read_predictions(part).problems == [] for part in parts)


def test_file_of_several_variants_is_refused_with_the_file_to_give(tmp_path: Path, layout: RunLayout) -> None:
    path = tmp_path / "patches.jsonl"
    write_generation(path, [made_record(Cell("a__a-1", "s1", rep)) for rep in (1, 2)], layout)
    with pytest.raises(InputError) as caught:
        read_predictions(path)
    assert str(caught.value) == (
        f"--patches {str(path)!r} holds patches of 2 variants and repetitions (s1 r1, s1 r2), and one is graded at a "
        f"time; give the file of one, e.g. {str(tmp_path / 'patches.s1_run1.jsonl')!r}"
    )


@pytest.mark.parametrize("name", ["patch", "model_patch"])
def test_edited_patch_counts_once_it_stands_alone(tmp_path: Path, layout: RunLayout, name: str) -> None:
    path = tmp_path / "patches.jsonl"
    write_generation(path, [made_record(Cell(f"a__a-{number}", "s1", 1)) for number in (1, 2)], layout)
    first, second = lines(path)
    first[name] = "mine\n"
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    imported = read_predictions(path)
    assert [one.instance_id for one in imported.predictions] == ["a__a-2"]
    assert "'model_patch' and 'patch' of 'a__a-1' differ" in imported.problems[0]
    del first["patch" if name == "model_patch" else "model_patch"]
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    assert read_predictions(path).predictions[0].patch == "mine\n"


def test_line_of_a_later_format_is_left_out(tmp_path: Path, layout: RunLayout) -> None:
    path = tmp_path / "patches.jsonl"
    write_generation(path, [made_record(Cell("a__a-1", "s1", 1))], layout)
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(InputError, match="'format_version' is 2, and this release reads 1; upgrade it"):
        read_predictions(path)


def test_file_that_cannot_be_written_is_told(tmp_path: Path, layout: RunLayout) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="cannot be written"):
        write_generation(tmp_path / "file" / "patches.jsonl", [], layout)
