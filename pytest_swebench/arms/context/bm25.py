"""BM25 in the variant of Lucene, for one question: documents are kept by the words asked for, and by nothing else.

After Robertson and Zaragoza, The Probabilistic Relevance Framework (2009); the variant is in Kamphuis et al., Which
BM25 Do You Mean? (ECIR 2020). An index of every word, as libraries make it, costs more than one answer is worth.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

_K1: Final = 1.5  # how soon a word that comes again counts no more
_B: Final = 0.75  # how much of a document's length counts against it


class Documents:
    """How many words each document has, and which documents hold a word, how often."""

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._found: defaultdict[str, dict[int, int]] = defaultdict(dict)

    def add(self, length: int, found: Mapping[str, int]) -> None:
        """Add a document of `length` words, among them those `found` so often."""
        self._lengths.append(0)
        self.extend(length, found)

    def extend(self, length: int, found: Mapping[str, int]) -> None:
        """Add more words to the last document."""
        place = len(self._lengths) - 1
        self._lengths[place] += length
        for word, count in found.items():
            documents = self._found[word]
            documents[place] = documents.get(place, 0) + count

    def scores(self, query: Mapping[str, int]) -> array[float]:
        """Return how well each document matches the words of `query` (word to weight), 0 for not at all.

        Terms are added in single precision and in the order of `query`, as the library bm25s does: so an order that
        hangs on the last digit is the same as ever, and with it the requests whose answers are paid for.
        """
        number = len(self._lengths)
        average = sum(self._lengths) / max(number, 1)
        scores = array("f", bytes(4 * number))
        for word, weight in query.items():
            if not (documents := self._found.get(word)):
                continue
            among = len(documents)
            (rarity,) = array("f", [math.log(1 + (number - among + 0.5) / (among + 0.5))])
            shares = array(
                "f",
                (
                    rarity * (count / (_K1 * ((1 - _B) + _B * self._lengths[place] / average) + count))
                    for place, count in documents.items()
                ),
            )
            for _ in range(weight):
                for place, share in zip(documents, shares, strict=True):
                    scores[place] += share
        return scores
