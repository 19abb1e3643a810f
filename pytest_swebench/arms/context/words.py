"""Text cut into words as retrieval compares them: identifiers whole and in parts, all in lower case."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from itertools import chain
from typing import Final

_IDENTIFIER: Final = re.compile(r"\w+")
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(text: str) -> list[str]:
    """Return the words of `text`: of `getHTTPUrl_v2` itself, `get`, `http`, `url`; single characters are left out."""
    return list(chain.from_iterable(map(_cut, _IDENTIFIER.findall(text))))


class Numbering(dict[str, tuple[int, ...]]):
    """Numbers the words of texts from 1 on; a word that nobody asks for has the number 0. Remembers what it cut."""

    def __init__(self, asked: Iterable[str]) -> None:
        super().__init__()
        self.numbers = {"": 0} | {word: number for number, word in enumerate(dict.fromkeys(asked), 1)}

    def of(self, text: str) -> array[int]:
        """Return the numbers of `words(text)`."""
        return array("i", chain.from_iterable(map(self.__getitem__, _IDENTIFIER.findall(text))))

    def __missing__(self, identifier: str) -> tuple[int, ...]:
        self[identifier] = numbers = tuple(self.numbers.get(word, 0) for word in _cut(identifier))
        return numbers


def _cut(identifier: str) -> tuple[str, ...]:
    # which letters are capitals is told for ASCII only; other words stay whole
    parts = (part.lower() for part in _PART.findall(identifier)) if identifier.isascii() else ()
    return tuple(dict.fromkeys(word for word in (identifier.lower(), *parts) if len(word) > 1))
