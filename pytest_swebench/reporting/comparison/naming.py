"""Names of variants where there are few columns for them: short, told apart, and what was shortened said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

_AT: Final = "@"


@dataclass(frozen=True, slots=True)
class Shown:
    """`names` is variant -> what stands for it, `letters` source -> its letter where its name is too long.

    `meant` are lines that say which variants are meant by names that would look alike.
    """

    names: dict[str, str]
    letters: dict[str, str]
    meant: tuple[str, ...]


def shown_names(names: Sequence[str], labels: Sequence[str], width: int) -> Shown:
    """Return names of at most `width` columns for variants, which across several sources end in `@<label>`."""
    short = {name: _short(name) for name in names}
    letters: dict[str, str] = {}
    if len(labels) > 1 and any(len(one) > width for one in short.values()):
        letters = dict(zip(labels, ascii_uppercase, strict=False))
        short = {name: _lettered(name, letters) for name in names}
    cut = {name: middle(one, width) for name, one in short.items()}
    alike = Counter(cut.values())
    twice = [name for name in names if alike[cut[name]] > 1]
    marks = {name: f"#{number}" for number, name in enumerate(twice, 1)}
    cut |= {name: middle(short[name], width - len(mark)) + mark for name, mark in marks.items()}
    return Shown(cut, letters, tuple(f"{mark} is {name}" for name, mark in marks.items()))


def middle(name: str, width: int) -> str:
    """Return `name`, cut in the middle if it is longer than `width`."""
    if len(name) <= width:
        return name
    keep = width - 2
    return f"{name[: keep - keep // 2]}..{name[len(name) - keep // 2 :]}"


def _short(name: str) -> str:
    """Return `theirs` for `theirs@theirs`, as the one variant of a file is called."""
    variant, _, label = name.rpartition(_AT)
    return label if variant == label else name


def _lettered(name: str, letters: dict[str, str]) -> str:
    variant, _, label = name.rpartition(_AT)
    return f"{variant}{_AT}{letters[label]}" if label in letters else name
