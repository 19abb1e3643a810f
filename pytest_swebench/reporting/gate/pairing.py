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
    if against and against not in before:
        raise SelectionError(f"--baseline-variant: {unknown('variant', against, before)}")
    tested = [name for name in sorted(now) if name not in FRAME]
    chosen = [name for name in sorted(now) if name not in FRAME or name == against]
    if not chosen:
        raise SelectionError(_nothing_tested(before, now))
    if against:
        return _all_against(against, chosen)
    shared = [name for name in tested if name in before]
    if shared:
        return Pairing(tuple((name, name) for name in shared), tuple(name for name in tested if name not in before))
    known = [name for name in sorted(before) if name not in FRAME]
    if len(known) != 1:
        raise SelectionError(
            f"no variant of the run ({', '.join(tested)}) is in the baseline ({', '.join(sorted(before))}); name one "
            "of the baseline's with --baseline-variant"
        )
    return _all_against(known[0], tested)


def _nothing_tested(before: Collection[str], now: Collection[str]) -> str:
    itself = next((name for name in sorted(now) if name in before), "")
    return (
        f"the run has nothing to gate but {' and '.join(sorted(now)) or 'no variant'}, and gold and null are gated "
        "only against themselves; run an arm under test"
        + (f", or hold {itself} against itself with --baseline-variant {itself}" if itself else "")
    )


def _all_against(against: str, chosen: Sequence[str]) -> Pairing:
    return Pairing(tuple((against, name) for name in chosen), ())
