from __future__ import annotations

import logging

from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.context.bm25 import Documents

WORDS = ["span", "merge", "unit", "parse", "other"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30)


def by_the_library(documents: list[list[str]], query: dict[str, int]) -> list[float]:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it turns its own debugging on
    numbers = {word: number for number, word in enumerate(WORDS)}
    index = bm25s.BM25(method="lucene", backend="numpy", csc_backend="numpy")
    index.index(([[numbers[word] for word in text] for text in documents], numbers), show_progress=False)
    asked = [numbers[word] for word, weight in query.items() for _ in range(weight)]
    return [float(score) for score in index.get_scores_from_ids(asked)]


@given(st.lists(texts, min_size=1, max_size=12), st.dictionaries(st.sampled_from(WORDS), st.integers(1, 3), min_size=1))
def test_scores_are_those_of_the_library_to_the_last_digit(documents: list[list[str]], query: dict[str, int]) -> None:
    ours = Documents()
    for text in documents:
        ours.add(len(text), {word: text.count(word) for word in query if word in text})
    assert list(ours.scores(query)) == by_the_library(documents, query)


def test_document_that_grows_counts_as_one() -> None:
    grown, whole = Documents(), Documents()
    grown.add(2, {"span": 1})
    grown.extend(5, {"span": 2, "merge": 1})
    whole.add(7, {"span": 3, "merge": 1})
    for documents in (grown, whole):
        documents.add(4, {"unit": 1})
    query = {"span": 1, "merge": 2}
    assert list(grown.scores(query)) == list(whole.scores(query))
    assert grown.scores(query)[0] > grown.scores(query)[1] == 0


def test_nothing_asked_or_nothing_there_scores_nothing() -> None:
    empty, wordless = Documents(), Documents()
    wordless.add(0, {})
    assert list(empty.scores({"span": 1})) == []
    assert list(wordless.scores({"span": 1})) == list(wordless.scores({})) == [0.0]
