"""What a gate can be expected to say, told before money is spent."""

from __future__ import annotations

import math
from statistics import harmonic_mean
from typing import Final

from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.statistics.data import Sample
from pytest_swebench.statistics.distributions import normal_cdf, t_quantile
from pytest_swebench.statistics.planning import DIFFERENT, SIMILAR

_REPEATED: Final = 3
_OFTEN: Final = 10  # repetitions, more of which nobody pays for
_MOSTLY: Final = 0.5
_LOOKS: Final = {
    Sequential.PLANNED: "; planned looks leave a little more open",
    Sequential.ANYTIME: "; a look after each instance leaves clearly more open, the more the fewer instances there are",
}
_HALF: Final = 0.25  # the variance of a cell at a rate of one half, for which the assumptions were measured


def forecast(baseline: Sample, instances: int, reps: int, asked: GateAsked) -> str:
    """Say how often such a gate ends without a verdict though nothing dropped, and what repetitions would do.

    The baseline's own repetitions tell the luck of a cell; where it has one, what was measured elsewhere does. With
    looks it is told of one at the end, for theirs have no such formula.
    """
    omega2, luck, base_reps = _parts(baseline)
    now = undecided(omega2 + luck / base_reps + luck / reps, instances, harmonic_mean([base_reps, reps]), asked)
    ends = "would end, judged once at its end," if asked.sequential else "ends"
    told = (
        f"gate: {instances} instances x {reps} against {baseline.variant} (x {base_reps:.3g}), a drop of "
        f"{100 * asked.max_drop:g} points tolerated: without any drop it {ends} inconclusive in up to "
        f"{now:.0%} of runs"
    )
    if min(reps, base_reps) < _REPEATED:
        more = undecided(omega2 + 2 * luck / _REPEATED, instances, _REPEATED, asked)
        told += f"; with {_REPEATED} repetitions on both sides in {more:.0%}"
    return told + (_LOOKS[asked.sequential] if asked.sequential else "")


def repetitions_may_decide(baseline: Sample, instances: int, asked: GateAsked) -> bool:
    """Say whether many repetitions of these instances on both sides would mostly decide, if nothing dropped."""
    omega2, luck, _ = _parts(baseline)
    return undecided(omega2 + 2 * luck / _OFTEN, instances, _OFTEN, asked) < _MOSTLY


def undecided(variance: float, instances: int, reps: float, asked: GateAsked) -> float:
    """Return how often the bounds on so many instances show nothing, if nothing dropped.

    `variance` is that of one instance's difference. Unlike `inconclusive_chance` it counts the two instances that the
    bounds add, so it holds for few instances as well.
    """
    n = instances + 2
    error = math.sqrt(instances * variance + 2 / reps) / n
    sd, reach = math.sqrt(instances * variance) / n, t_quantile(asked.confidence, n - 1) * error
    passed, failed = normal_cdf((asked.max_drop - reach) / sd), normal_cdf((-asked.max_drop - reach) / sd)
    return max(0.0, 1 - passed - failed)  # rounding leaves less than nothing


def _parts(baseline: Sample) -> tuple[float, float, float]:
    """Return omega2 of two different variants, the luck of one cell, and the baseline's repetitions."""
    tallies = list(baseline.answered.values())
    least = 1 / (2 * len(tallies))
    rate = min(1 - least, max(least, math.fsum(one.mean for one in tallies) / len(tallies)))
    scale = rate * (1 - rate) / _HALF
    luck = SIMILAR.luck / 2 * scale
    repeated = [one for one in tallies if one.attempted > 1]
    if repeated:
        each = [one.attempted * one.mean * (1 - one.mean) / (one.attempted - 1) for one in repeated]
        luck = math.fsum(each) / len(each)
    return DIFFERENT.omega2 * scale, luck, harmonic_mean([one.attempted for one in tallies])
