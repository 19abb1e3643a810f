"""Files in the order in which they match an issue, by BM25.

A file counts by its whole text and by its best passage: a long file holds many words by chance, and few together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from pytest_swebench.arms.context.bm25 import Documents
from pytest_swebench.arms.context.sources import is_test
from pytest_swebench.arms.context.words import Tally, words

PASSAGE_LINES: Final = 100
_MAX_WEIGHT: Final = 3  # how often a word of the issue counts at most, however often it stands there
_TEST_SHARE: Final = 0.5  # tests name what they test, so they would crowd out what has to change
_DIGITS: Final = 4  # scores nearer than this are a tie, which the path decides


def ranked(statement: str, files: Mapping[str, str]) -> list[str]:
    """Return the paths of `files` (path to text) that share a word with `statement`, best first.

    The same input gives the same order on every machine.
    """
    query = {word: min(count, _MAX_WEIGHT) for word, count in Counter(words(statement)).items()}
    tally = Tally(query)
    paths = sorted(files)
    wholes, passages = Documents(), Documents()
    owners: list[int] = []
    for place, path in enumerate(paths):
        name = tally.of(path)
        wholes.add(*name)
        for text in _passages(files[path]):
            passage = tally.of(text)
            wholes.extend(*passage)
            passages.add(*name)
            passages.extend(*passage)
            owners.append(place)
    best = [0.0] * len(paths)
    for place, score in zip(owners, passages.scores(query), strict=True):
        best[place] = max(best[place], score)
    scores = {
        path: round((whole + passage) * (_TEST_SHARE if is_test(path) else 1), _DIGITS)
        for path, whole, passage in zip(paths, wholes.scores(query), best, strict=True)
    }
    return sorted((path for path in paths if scores[path] > 0), key=lambda path: (-scores[path], path))


def _passages(text: str) -> Iterator[str]:
    lines = text.split("\n")
    return ("\n".join(lines[at : at + PASSAGE_LINES]) for at in range(0, len(lines), PASSAGE_LINES))
