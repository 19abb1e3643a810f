"""When rejections say the same over and over."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

SIMILAR: Final = 0.7
"""From which difflib ratio on two feedbacks say the same, as atomicguard has it."""

_COMPARED_CHARS: Final = 2_000


def similar(one: str, other: str) -> bool:
    """Say whether two feedbacks are the same in all that matters; of long ones the beginnings decide."""
    one, other = one[:_COMPARED_CHARS], other[:_COMPARED_CHARS]
    # the heuristic for junk would take every common letter of a longer text for noise
    matcher = difflib.SequenceMatcher(a=one, b=other, autojunk=False)
    return matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR


def is_stagnant(feedbacks: Sequence[str], patience: int | None) -> bool:
    """Say whether each of the last `patience` feedbacks is similar to the one before it; never without a patience."""
    if patience is None or len(feedbacks) < patience:
        return False
    return all(similar(one, other) for one, other in pairwise(feedbacks[-patience:]))
