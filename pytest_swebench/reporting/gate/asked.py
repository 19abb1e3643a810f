"""What a gate was asked for, checked where it is given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pytest_swebench.errors import InputError, unknown
from pytest_swebench.statistics.gate import CONFIDENCE, MAX_DROP, GateMode, parse_drop

_LEAST: Final = 0.5


class Sequential(StrEnum):
    """By which rule a run is looked at on the way."""

    PLANNED = "planned"
    ANYTIME = "anytime"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAsked:
    """The drop that is tolerated (a share), at which one-sided confidence, and what a verdict does.

    `baseline` is as it was typed: a saved name, a run, or any results. `against` is the baseline's variant to hold all
    others against, "" to match by name. `allow_drift` judges although conditions or instances differ. `fatal_from` new
    failures of stable instances are a regression whatever the bounds say, None for no such rule. `sequential` is None
    where nobody looks before the end.
    """

    baseline: str
    max_drop: float = MAX_DROP
    confidence: float = CONFIDENCE
    mode: GateMode = GateMode.STRICT
    against: str = ""
    allow_drift: bool = False
    sequential: Sequential | None = None
    fatal_from: int | None = None

    @property
    def alpha(self) -> float:
        """The chance to be wrong that is left to each side."""
        return 1 - self.confidence


def asked_gate(
    baseline: str | None,
    *,
    max_drop: str | None = None,
    confidence: float | None = None,
    mode: str | None = None,
    against: str | None = None,
    allow_drift: bool | None = None,
    sequential: str | None = None,
    fatal_from: int | None = None,
    markdown: str | None = None,
) -> GateAsked | None:
    """Return the gate that options ask for, None without a baseline. Raises InputError for what cannot be meant."""
    if baseline is None:
        given = {
            "--max-drop": max_drop,
            "--confidence": confidence,
            "--gate": mode,
            "--baseline-variant": against,
            "--allow-drift": allow_drift,
            "--sequential": sequential,
            "--fail-on-new-failures": fatal_from,
            "--gate-markdown": markdown,
        }
        for option, value in given.items():
            if value is not None:
                raise InputError(f"{option}: has no effect without --baseline; give --baseline RUN, or leave it out")
        return None
    if not baseline:
        raise InputError("--baseline '': names nothing; give a saved baseline, a run id, or the path of results")
    if confidence is not None and not _LEAST < confidence < 1:
        raise InputError(f"--confidence {confidence!r}: must lie between 0.5 and 1; give e.g. 0.95")
    if mode is not None and mode not in set(GateMode):
        raise InputError(f"--gate: {unknown('mode', mode, map(str, GateMode))}")
    if sequential is not None and sequential not in set(Sequential):
        raise InputError(
            f"--sequential {sequential!r}: neither planned nor anytime; write --sequential=anytime or "
            "--sequential=planned, for a bare --sequential takes the word that follows it"
        )
    if fatal_from is not None and fatal_from < 1:
        raise InputError(f"--fail-on-new-failures {fatal_from!r}: must be 1 or more; leave it out for no such rule")
    if markdown is not None and (not markdown or Path(markdown).is_dir()):
        raise InputError(f"--gate-markdown {markdown!r}: is no name of a file; give e.g. gate.md")
    return GateAsked(
        baseline=baseline,
        max_drop=MAX_DROP if max_drop is None else parse_drop(max_drop),
        confidence=CONFIDENCE if confidence is None else confidence,
        mode=GateMode.STRICT if mode is None else GateMode(mode),
        against=against or "",
        allow_drift=bool(allow_drift),
        sequential=None if sequential is None else Sequential(sequential),
        fatal_from=fatal_from,
    )
