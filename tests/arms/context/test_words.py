from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.context.words import Tally, words


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


def by_the_rule(text: str) -> list[str]:
    """Cut as the docstring of `words` says it, without any short cut."""
    found = []
    for identifier in re.findall(r"\w+", text):
        parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", identifier) if identifier.isascii() else []
        whole = dict.fromkeys(word.lower() for word in (identifier, *parts))
        found += [word for word in whole if len(word) > 1]
    return found


@given(st.text() | st.text(alphabet="abXYZ09_ .\n\x1c\x85é"))
def test_every_text_is_cut_by_one_rule(text: str) -> None:
    assert words(text) == by_the_rule(text)


@given(
    st.lists(st.text(alphabet="abXY9_. \n")), st.lists(st.text(alphabet="abxy_9", min_size=2, max_size=4), max_size=5)
)
def test_tally_counts_all_words_and_each_that_is_asked_for(texts: list[str], asked: list[str]) -> None:
    tally = Tally(asked)
    for text in texts:
        counts = Counter(words(text))
        assert tally.of(text) == (counts.total(), {word: counts[word] for word in asked if word in counts})
