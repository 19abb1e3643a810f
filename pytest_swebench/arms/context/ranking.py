"""Files in the order in which they match an issue, by BM25.

A file counts by its whole text and by its best passage: a long file holds many words by chance, and few together.
"""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from pytest_swebench.arms.context.sources import is_test
from pytest_swebench.arms.context.words import Numbering, words

PASSAGE_LINES: Final = 100
_MAX_WEIGHT: Final = 3  # how often a word of the issue counts at most, however often it stands there
_TEST_SHARE: Final = 0.5  # tests name what they test, so they would crowd out what has to change
_DIGITS: Final = 4  # scores nearer than this are a tie, which the path decides


def ranked(statement: str, files: Mapping[str, str]) -> list[str]:
    """Return the paths of `files` (path to text) that share a word with `statement`, best first.

    The same input gives the same order on every machine.
    """
    counts = Counter(words(statement))
    numbering = Numbering(counts)
    query = [numbering.numbers[word] for word, count in counts.items() for _ in range(min(count, _MAX_WEIGHT))]
    paths = sorted(files)
    wholes: list[array[int]] = []
    passages: list[array[int]] = []
    owners: list[int] = []
    for place, path in enumerate(paths):
        name = numbering.of(path)
        whole = array("i", name)
        for text in _passages(files[path]):
            passage = numbering.of(text)
            whole += passage
            passages.append(name + passage)
            owners.append(place)
        wholes.append(whole)
    best = [0.0] * len(paths)
    for place, score in zip(owners, _scores(query, passages, numbering), strict=True):
        best[place] = max(best[place], score)
    scores = {
        path: round((whole + passage) * (_TEST_SHARE if is_test(path) else 1), _DIGITS)
        for path, whole, passage in zip(paths, _scores(query, wholes, numbering), best, strict=True)
    }
    return sorted((path for path in paths if scores[path] > 0), key=lambda path: (-scores[path], path))


def _passages(text: str) -> Iterator[str]:
    lines = text.split("\n")
    return ("\n".join(lines[at : at + PASSAGE_LINES]) for at in range(0, len(lines), PASSAGE_LINES))


def _scores(query: list[int], documents: list[array[int]], numbering: Numbering) -> list[float]:
    """Return how well each of `documents` matches, 0 for not at all."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it turns its own debugging on
    if not query or not documents:
        return [0.0] * len(documents)
    index = bm25s.BM25(method="lucene", backend="numpy", csc_backend="numpy")
    index.index((documents, numbering.numbers), show_progress=False)
    return [float(score) for score in index.get_scores_from_ids(query)]
