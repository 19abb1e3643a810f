from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.context.words import Numbering, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("getHTTPUrl_v2", ["gethttpurl_v2", "get", "http", "url"]),
        ("snake_case_name", ["snake_case_name", "snake", "case", "name"]),
        ("CamelCase", ["camelcase", "camel", "case"]),
        ("plain", ["plain"]),
        ("Plain plain", ["plain", "plain"]),
        ("django/db/models.py", ["django", "db", "models", "py"]),
        ("x = a.b[10]", ["10"]),
        ("GrößeÄndern", ["größeändern"]),
        ("", []),
    ],
)
def test_identifiers_give_themselves_and_their_parts(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text(), st.lists(st.text(alphabet="abcXY_9", min_size=2, max_size=6), max_size=5))
def test_numbers_stand_for_the_words_asked_for_and_keep_the_length(text: str, asked: list[str]) -> None:
    numbering = Numbering(word.lower() for word in asked)
    known = {number: word for word, number in numbering.numbers.items()}
    numbers = list(numbering.of(text))
    expected = [word if word in numbering.numbers else "" for word in words(text)]
    assert [known[number] for number in numbers] == expected
