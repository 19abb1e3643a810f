"""Which variant of a run is held against which of its baseline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_swebench.cell import FRAME
from pytest_swebench.errors import SelectionError, unknown


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pairs (of the baseline, of the run), and the variants of the run that have no counterpart."""

    pairs: tuple[tuple[str, str], ...]
    ungated: tuple[str, ...]


def pairing_of(before: Collection[str], now: Collection[str], against: str = "") -> Pairing:
    """Pair variants by name; or all of `now` with `against`; or with the baseline's only one where no name is shared.

    `gold` and `null` frame a run and are gated only against themselves, by `against`. Raises SelectionError where no
    pair can be told.
    """
    tested = [name for name in sorted(now) if name not in FRAME]
    if against:
        if against not in before:
            raise SelectionError(f"--baseline-variant: {unknown('variant', against, before)}")
        chosen = [name for name in sorted(now) if name not in FRAME or name == against]
        return _all_against(against, chosen, before)
    shared = [name for name in tested if name in before]
    if shared:
        return Pairing(tuple((name, name) for name in shared), tuple(name for name in tested if name not in before))
    known = [name for name in sorted(before) if name not in FRAME]
    if len(known) != 1:
        return _all_against("", tested, before)
    return _all_against(known[0], tested, before)


def _all_against(against: str, chosen: Sequence[str], before: Collection[str]) -> Pairing:
    if not against or not chosen:
        raise SelectionError(
            f"no variant of the run ({', '.join(chosen) or 'none but gold and null'}) is in the baseline "
            f"({', '.join(sorted(before))}); name one of the baseline's with --baseline-variant"
        )
    return Pairing(tuple((against, name) for name in chosen), ())
