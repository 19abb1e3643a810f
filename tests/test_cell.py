from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.cell import Cell, digest, parse_cell, slug

SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
NAMES = st.text(SAFE, min_size=1, max_size=40)
CELLS = st.builds(Cell, NAMES, NAMES, st.integers(1, 10_000))


@given(CELLS)
def test_cell_id_reads_back(cell: Cell) -> None:
    assert parse_cell(str(cell)) == cell


@given(CELLS, st.sampled_from(["tests/test_x.py::test_y", "a[1]/test_x.py::TestZ::test_y", "d r/t.py::t[", "é.py::t"]))
def test_node_id_reads_back(cell: Cell, function: str) -> None:
    assert parse_cell(f"{function}[{cell}]") == cell


@given(st.lists(CELLS, min_size=2, max_size=2, unique=True))
def test_different_cells_have_different_ids(cells: list[Cell]) -> None:
    assert str(cells[0]) != str(cells[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tests/test_x.py::test_y",
        "tests/test_x.py::test_y[1-2]",
        "django__django-1/gold",
        "django__django-1/gold/r0",
        "django__django-1/gold/r01",
        "django__django-1/gold/2",
        "django__django-1/gold/r1/r2",
        "/gold/r1",
        "a/b/r1]",
    ],
)
def test_what_is_no_cell_is_none(text: str) -> None:
    assert parse_cell(text) is None


@given(st.text(max_size=60))
def test_slug_holds_safe_characters_only(text: str) -> None:
    assert set(slug(text)) <= set(SAFE)


@given(NAMES)
def test_slug_of_a_slug_is_itself(text: str) -> None:
    assert slug(slug(text)) == slug(text)


def test_slug_keeps_model_names_readable() -> None:
    assert slug("meta-llama/Llama 3.1 (8B)") == "meta-llama-Llama-3.1-8B"


@given(st.dictionaries(st.text(), st.integers() | st.none() | st.lists(st.text()), max_size=5))
def test_digest_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    reordered = dict(reversed(value.items()))
    assert digest(value) == digest(reordered)
    assert digest(value) == digest(json.loads(json.dumps(value)))
    assert digest(value) != digest({**value, "another": 1})
