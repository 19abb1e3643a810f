"""Why a variant is in no rate and in no comparison though it has answers: no verdict stands for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_swebench.reporting.tree import count

_NAMED: Final = 3


def ungraded(patches: int, run: str, variants: Sequence[str] = ()) -> str:
    """Say of patches of these variants (none: all of the run) that nobody graded one, and what grades them."""
    told = count(patches, "patch without a verdict", "patches without a verdict")
    return f"{_who(variants)}{told}, so no rate and no comparison; {grading_of(run)}"


def captured(answers: int, run: str, variants: Sequence[str] = ()) -> str:
    """Say of answers to prompts, in the same way, that they have no verdict, and what shows them."""
    told = f"{count(answers, 'captured answer')}, which nothing grades"
    return f"{_who(variants)}{told}, so no rate and no comparison; swebench-runner report {run} shows them"


def grading_of(run: str) -> str:
    """Say what grades the patches of a run that left them ungraded."""
    return f"the same command without --generate-only (`run` for `generate`), with --resume={run}, grades them"


def _who(variants: Sequence[str]) -> str:
    more = f" and {len(variants) - _NAMED} more" if len(variants) > _NAMED else ""
    return f"{', '.join(variants[:_NAMED])}{more}: " if variants else ""
