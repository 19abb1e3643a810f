from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.arms.context.remembered import MOST, best_files
from pytest_swebench.records.journal import seal

CONTENTS = {"a.py": b"def merge(span): ...\n", "b.py": b"span = 1\n", "c.py": b"x = 1\n", "d.py": b"merge span\0"}


def test_first_time_ranks_and_keeps_what_the_second_time_returns(tmp_path: Path) -> None:
    assert best_files("merge span", CONTENTS, 5, tmp_path) == ["a.py", "b.py"]
    (kept,) = tmp_path.glob("rankings/*.json")
    kept.write_bytes(seal({"paths": ["b.py"]}))
    assert best_files("merge span", CONTENTS, 5, tmp_path) == ["b.py"]
    assert best_files("merge span", dict(reversed(CONTENTS.items())), 5, tmp_path) == ["b.py"]


@pytest.mark.parametrize(
    ("statement", "contents", "number", "best"),
    [
        ("span merge x", CONTENTS, 5, ["a.py", "b.py"]),
        ("merge span", CONTENTS | {"c.py": b"merge\n"}, 5, ["a.py", "b.py", "c.py"]),
        ("merge span", {"a.pyd": CONTENTS["a.py"]}, 5, ["a.pyd"]),
        ("merge span", CONTENTS, 1, ["a.py"]),
    ],
)
def test_another_question_has_another_answer(
    tmp_path: Path, statement: str, contents: dict[str, bytes], number: int, best: list[str]
) -> None:
    best_files("merge span", CONTENTS, 5, tmp_path)
    (kept,) = tmp_path.glob("rankings/*.json")
    kept.write_bytes(seal({"paths": ["c.py"]}))
    assert best_files(statement, contents, number, tmp_path) == best
    assert len(list(tmp_path.glob("rankings/*.json"))) == 2


@pytest.mark.parametrize("damage", [b"", b'{"paths":["c.py"]}\n', seal({"paths": ["c.py"]})[:-9]])
def test_damaged_file_tells_nothing_and_is_written_anew(tmp_path: Path, damage: bytes) -> None:
    best_files("merge span", CONTENTS, 5, tmp_path)
    (kept,) = tmp_path.glob("rankings/*.json")
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert best_files("merge span", CONTENTS, 5, tmp_path) == ["a.py", "b.py"]
    assert kept.read_bytes() == whole


def test_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "rankings").write_text("no folder")
    assert best_files("merge span", CONTENTS, 5, tmp_path) == ["a.py", "b.py"]


def test_name_and_statement_may_hold_bytes_that_are_no_text(tmp_path: Path) -> None:
    odd = {b"caf\xe9_merge.py".decode(errors="surrogateescape"): b"merge"}
    for _ in range(2):
        assert best_files("merge \ud800", odd, 5, tmp_path) == list(odd)


def test_older_half_goes_where_there_are_too_many(tmp_path: Path) -> None:
    folder = tmp_path / "rankings"
    folder.mkdir()
    for number in range(MOST):
        (folder / f"{number}.json").touch()
    best_files("merge span", CONTENTS, 5, tmp_path)
    assert len(list(folder.iterdir())) == MOST // 2
    assert best_files("merge span", CONTENTS, 5, tmp_path) == ["a.py", "b.py"]
    assert any(path.stat().st_size for path in folder.iterdir())
