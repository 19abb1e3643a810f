from __future__ import annotations

import pytest

from pytest_swebench.arms.context.named import named_files

TRACKED = ["README.md", "calc/__init__.py", "calc/big.py", "calc/ops.py", "e.py", "tests/test_ops.py"]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("see calc/ops.py.", ["calc/ops.py"]),
        ("see `ops.py`, then README.md", ["calc/ops.py", "README.md"]),
        ("README.md and calc/ops.py and README.md", ["README.md", "calc/ops.py"]),
        ("calc.ops.add fails", ["calc/ops.py"]),
        ("from calc.ops import add; tests/test_ops.py", ["tests/test_ops.py", "calc/ops.py"]),
        ("calc.unknown.thing", ["calc/__init__.py"]),
        ("the word ops or calc alone names nothing", []),
        ("e.g. this", []),
        ("", []),
    ],
)
def test_statement_names_files_in_many_ways(statement: str, found: list[str]) -> None:
    assert named_files(statement, TRACKED) == found


@pytest.mark.parametrize("statement", ["see models.py", "models.Field breaks"])
def test_name_that_many_files_have_names_none(statement: str) -> None:
    few = [f"app{number}/models.py" for number in range(3)]
    assert named_files(statement, few) == few
    assert named_files(statement, [*few, "app3/models.py"]) == []
    assert named_files(f"{statement} in app2/models.py", [*few, "app3/models.py"]) == ["app2/models.py"]
