"""Make `boundary_tables.json`, the O'Brien-Fleming boundaries that tests hold ours against.

    python -m tests.statistics.boundary_tables

Another way than ours, with what tests may use and runs may not: numpy's arrays on a fine grid with the trapezoidal
rule, and scipy's root finder. One-sided, K = 2..10 even looks, spending of Lan and DeMets; z to six digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

FILE: Final = Path(__file__).with_suffix(".json")
ALPHAS: Final = (0.1, 0.05, 0.025, 0.01)
LOOKS: Final = range(2, 11)
_LOWEST: Final = -9.0
_POINTS: Final = 6001


def table_of(alpha: float, looks: int) -> list[float]:
    """Return the z of each of so many even looks."""
    fractions = [number / looks for number in range(1, looks + 1)]
    steps = [min(alpha, 2 * norm.sf(norm.isf(alpha / 2) / math.sqrt(one))) for one in fractions]
    return _boundaries(fractions, [now - before for before, now in zip([0.0, *steps], steps, strict=False)])


def _boundaries(fractions: Sequence[float], chances: Sequence[float]) -> list[float]:
    """Return z for each look; the process is a sum of increments with variances that add up to the fractions."""
    found, before = [float(norm.isf(chances[0]))], fractions[0]
    places = np.linspace(_LOWEST * math.sqrt(before), found[0] * math.sqrt(before), _POINTS)
    density = norm.pdf(places, scale=math.sqrt(before))
    for fraction, chance in zip(fractions[1:], chances[1:], strict=True):
        step = math.sqrt(fraction - before)

        def lacking(level: float, step: float = step, chance: float = chance) -> float:
            return float(np.trapezoid(density * norm.sf((level - places) / step), places)) - chance  # noqa: B023

        level = brentq(lacking, 0.0, 12.0, xtol=1e-12)
        found.append(level / math.sqrt(fraction))
        new = np.linspace(_LOWEST * math.sqrt(fraction), level, _POINTS)
        density = np.array([np.trapezoid(density * norm.pdf((x - places) / step) / step, places) for x in new])
        places, before = new, fraction
    return [round(z, 6) for z in found]


def tables() -> dict[str, dict[str, list[float]]]:
    """Return alpha -> number of looks -> boundaries."""
    return {str(alpha): {str(looks): table_of(alpha, looks) for looks in LOOKS} for alpha in ALPHAS}


if __name__ == "__main__":
    lines = [
        f'"{alpha}": {{\n' + ",\n".join(f'"{looks}": {json.dumps(row)}' for looks, row in rows.items()) + "\n}"
        for alpha, rows in tables().items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
