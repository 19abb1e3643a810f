"""The verdict of a gate: whether the drop against a baseline is shown to be small enough, too large, or neither.

That is non-inferiority by one-sided bounds. A gate passes only by evidence: little data ends inconclusive, never pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.statistics.data import COVERAGE_FLOOR, Interval, Sample, coverage_problem
from pytest_swebench.statistics.distributions import normal_cdf, normal_quantile
from pytest_swebench.statistics.paired import differences_of, pairs_of
from pytest_swebench.statistics.planning import Components

MAX_DROP: Final = 0.03
CONFIDENCE: Final = 0.95
_STABLE: Final = 3
_POINTS: Final = re.compile(r"(\d+(?:\.\d+)?)\s*pp")
_SHARE: Final = re.compile(r"0?\.\d+|0")


class Verdict(StrEnum):
    """What a gate says of a variant."""

    PASS = "pass"
    REGRESSED = "regressed"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    BUDGET_ENDED = "budget ended first"


class GateMode(StrEnum):
    """What a verdict does to the exit status."""

    STRICT = "strict"
    LENIENT = "lenient"
    REPORT = "report"


class GateExit(IntEnum):
    """Exit codes of a gate; pytest's own end below."""

    PASS = 0
    REGRESSED = 10
    INCONCLUSIVE = 11
    NOT_COMPARABLE = 12
    BUDGET_ENDED = 13


_WORST_FIRST: Final = (
    Verdict.NOT_COMPARABLE,
    Verdict.REGRESSED,
    Verdict.BUDGET_ENDED,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One variant's verdict. `bounds` are one-sided and decide; `reason` says why there are none, or what else decided.

    `fails_below` is the upper bound at the level split over all gated variants, which a regression must not reach.
    `newly_failing` are stable instances of the baseline (resolved every time in three repetitions or more) that are
    no longer resolved every time; `stable` counts those that could be.
    """

    variant: str
    baseline: str
    verdict: Verdict
    difference: float | None = None
    bounds: Interval | None = None
    fails_below: float | None = None
    instances: int = 0
    reason: str = ""
    newly_failing: tuple[str, ...] = ()
    stable: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            "variant": self.variant,
            "baseline": self.baseline,
            "verdict": str(self.verdict),
            "difference": self.difference,
            "bounds": self.bounds and self.bounds.as_json(),
            "upper_bound_for_regression": self.fails_below,
            "instances": self.instances,
            "reason": self.reason or None,
            "newly_failing": list(self.newly_failing),
            "stable": self.stable,
        }


def parse_drop(text: str) -> float:
    """Return the share that `3pp` or `0.03` means as --max-drop. Raises InputError for anything else."""
    return parse_share("--max-drop", text)


def parse_share(option: str, text: str) -> float:
    """Return the share below 1 that `3pp` or `0.03` means. Raises InputError for all else, a bare `3` above all."""
    if points := _POINTS.fullmatch(text.strip()):
        share = float(points[1]) / 100
    elif _SHARE.fullmatch(text.strip()):
        share = float(text)
    else:
        raise InputError(f"{option} {text!r}: neither points nor a share below 1; give e.g. 3pp or 0.03")
    if share >= 1:
        raise InputError(f"{option} {text!r}: 100 points or more; give e.g. 3pp or 0.03")
    return share


def judge(
    baseline: Sample,
    variant: Sample,
    *,
    max_drop: float = MAX_DROP,
    confidence: float = CONFIDENCE,
    floor: float = COVERAGE_FLOOR,
    gated: int = 1,
    budget_ended: bool = False,
) -> Judged:
    """Return the verdict on a variant, one of `gated`.

    To pass each must at the whole level, since all must; to fail, the level is split over them.
    """
    pairs = pairs_of(baseline, variant)
    reason = coverage_problem(baseline, variant, floor=floor)
    if not pairs:
        reason = f"no instance has an answer of both {baseline.variant} and {variant.variant}"
    if reason:
        verdict = Verdict.BUDGET_ENDED if budget_ended and pairs else Verdict.NOT_COMPARABLE
        return Judged(variant=variant.variant, baseline=baseline.variant, verdict=verdict, reason=reason)
    differences = differences_of(pairs)
    bounds = differences.bounds(1 - confidence)
    highest = differences.bounds((1 - confidence) / gated).high
    verdict = verdict_of(bounds.low, highest, max_drop)
    if budget_ended and verdict is Verdict.INCONCLUSIVE:
        verdict = Verdict.BUDGET_ENDED
    stable = [pair for pair in pairs if pair.baseline.attempted >= _STABLE and pair.baseline.mean == 1]
    return Judged(
        variant=variant.variant,
        baseline=baseline.variant,
        verdict=verdict,
        difference=differences.mean,
        bounds=bounds,
        fails_below=highest,
        instances=len(pairs),
        newly_failing=tuple(pair.instance_id for pair in stable if pair.variant.mean < 1),
        stable=len(stable),
    )


def fatal_failures(judged: Judged, fatal_from: int) -> Judged:
    """Return the verdict under the second, cheap rule: so many new failures of stable instances are a regression.

    What could not be compared stays so. The rule has no error rate: what is resolved nine times in ten looks stable in
    73 % of baselines with three repetitions, and may fail the next time without any change.
    """
    count = len(judged.newly_failing)
    if judged.bounds is None or judged.verdict is Verdict.REGRESSED or count < fatal_from:
        return judged
    told = f"{count} of {judged.stable} stable instances newly fail, and {fatal_from} are enough"
    return replace(judged, verdict=Verdict.REGRESSED, reason=told)


def verdict_of(low: float, high: float, max_drop: float) -> Verdict:
    """Return the verdict of the two bounds; on the line itself nothing is shown."""
    if low > -max_drop:
        return Verdict.PASS
    return Verdict.REGRESSED if high < -max_drop else Verdict.INCONCLUSIVE


def worst(judged: Sequence[Judged]) -> Verdict:
    """Return the verdict of a gate over several variants; without any there is nothing to compare."""
    found = {one.verdict for one in judged}
    return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.NOT_COMPARABLE)


def exit_code(verdict: Verdict, mode: GateMode = GateMode.STRICT) -> GateExit:
    """Return what the process exits with."""
    codes: Mapping[Verdict, GateExit] = {one: GateExit[one.name] for one in Verdict}
    forgiven = mode is GateMode.REPORT or (mode is GateMode.LENIENT and verdict is Verdict.INCONCLUSIVE)
    return GateExit.PASS if forgiven else codes[verdict]


def inconclusive_chance(
    components: Components, instances: int, reps: int, *, max_drop: float = MAX_DROP, confidence: float = CONFIDENCE
) -> float:
    """Return how often a gate over an unchanged variant ends without a verdict: what to say before money is spent."""
    reach = max_drop / components.variance(instances, reps) ** 0.5
    level = normal_quantile(confidence)
    return 1 - normal_cdf(reach - level) - normal_cdf(-reach - level)
