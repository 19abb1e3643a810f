"""Saved baselines as sources: small files of outcomes, one letter a repetition, with what they were made under."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeGuard

from pytest_swebench.cell import IMPORTED
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.source import SAVED, Source
from pytest_swebench.statistics.data import Observation

FOLDER: Final = "baselines"
"""Where they lie, in a project that keeps them."""
FORMAT_VERSION: Final = 1
TYPE: Final = "baseline"
_LETTERS: Final = {
    Outcome.RESOLVED: "r",
    Outcome.UNRESOLVED: "u",
    Outcome.NO_PATCH: "n",
    Outcome.LIMIT: "l",
    Outcome.INFRA: "i",
    Outcome.ERROR: "e",
}
_OUTCOMES: Final = {letter: outcome for outcome, letter in _LETTERS.items()}
_ABSENT: Final = "."


def is_saved(data: object) -> TypeGuard[dict[str, Any]]:
    """Say whether JSON data is a saved baseline."""
    return isinstance(data, dict) and data.get("type") == TYPE


def letters(reps: Mapping[int, Outcome]) -> str:
    """Return the outcomes of repetitions 1, 2, ... as letters."""
    return "".join(_LETTERS[reps[rep]] if rep in reps else _ABSENT for rep in range(1, max(reps) + 1))


def source_of_saved(path: Path, data: Mapping[str, Any]) -> Source:
    """Return what a saved baseline holds. Raises InputError for one of an unknown format, or damaged."""
    if data.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{str(path)!r}: format {data.get('format_version')!r} of a baseline is unknown, {FORMAT_VERSION} is "
            "known; save it again with this version"
        )
    try:
        cells = tuple(
            Observation(instance_id=instance, variant=variant, rep=rep, outcome=_OUTCOMES[letter])
            for variant, of_variant in data["cells"].items()
            for instance, letters in of_variant.items()
            for rep, letter in enumerate(letters, 1)
            if letter != _ABSENT
        )
        source = Source(
            path=path,
            name=path.stem,
            kind=SAVED,
            cells=cells,
            planned={variant: int(count) for variant, count in data["planned"].items()},
            oracles=frozenset(data["oracles"]),
            imported=frozenset(variant for variant in data["cells"] if variant.partition("+")[0] == IMPORTED),
            digests=dict(data["digests"]),
            images=dict(data["images"]),
            conditions={what: frozenset(values) for what, values in data["conditions"].items()},
            origin=str(data["origin"]),
            ended_on=datetime.fromisoformat(data.get("ended_on") or data["saved_at"]).date(),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, error) from error
    if not cells:
        raise InputError(f"{str(path)!r} holds no graded results, though it is a saved baseline; save it again")
    return source


def damaged(path: Path, error: Exception) -> InputError:
    """Return the error for a saved baseline that is not shaped as one."""
    return InputError(f"{str(path)!r} is not shaped as a saved baseline: {error!r}; save it again")
