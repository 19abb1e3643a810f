"""Everything that may be said of a run, as one object: terminal, summary files and reports are made from it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_swebench.cell import FRAME, IMPORTED
from pytest_swebench.statistics.comparison import Comparison, compare_all
from pytest_swebench.statistics.cost import CostPerResolved, Spread, cost_per_resolved, spread
from pytest_swebench.statistics.data import (
    COVERAGE_FLOOR,
    Sample,
    awaits_verdict,
    judged,
    observation_of,
    tabulate,
)
from pytest_swebench.statistics.passk import PassK, pass_k
from pytest_swebench.statistics.rate import CONFIDENCE, Rate, rate_of

ANALYSIS_VERSION: Final = 1
_USUAL_SD: Final = 1.5  # points between runs of 500 instances (arXiv 2602.07150)
_MANY_VARIANTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantAnalysis:
    """One variant: its rate, what it takes, and with repetitions pass@k and pass^k for k = all of them.

    Patches of one set that are graded several times are no repetitions: such a variant has neither these nor an sd.
    """

    sample: Sample
    rate: Rate
    cost: CostPerResolved
    spreads: Mapping[str, Spread | None]
    passes: PassK | None

    def as_json(self) -> dict[str, Any]:
        """Return all of it by name."""
        return {
            **self.rate.as_json(),
            "oracle": self.sample.oracle,
            "lost": self.sample.lost,
            "cost_per_resolved": self.cost.as_json(),
            "wasted_usd": self.sample.wasted_usd,
            **{amount: found and found.as_json() for amount, found in self.spreads.items()},
            "pass_k": self.passes and self.passes.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All variants in the order of names, and their comparisons with p adjusted for all of these.

    `apart` names oracles and the frame, which are neither ranked nor compared; `unjudged` the variants that are none
    of these, for no patch of theirs has a verdict, or they only answered prompts. `given` are those whose answers no
    rerun makes anew: predictions, and results of other tools.
    """

    variants: tuple[VariantAnalysis, ...]
    comparisons: tuple[Comparison, ...]
    confidence: float
    against: str
    apart: frozenset[str] = frozenset()
    unjudged: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()

    @property
    def hints(self) -> list[str]:
        """What would make the analysis say more."""
        hints = []
        if self.many_pairs:
            fewer = len(self.held) - 1
            hints.append(f"name a baseline to test {fewer} instead of {len(self.comparisons)} pairs")
        if self.only_once:
            hints.append(self.one_repetition())
        return hints

    @property
    def held(self) -> list[VariantAnalysis]:
        """The variants under test."""
        return [one for one in self.variants if one.sample.variant not in self.apart]

    @property
    def many_pairs(self) -> bool:
        """Whether a named baseline would leave far fewer comparisons."""
        return len(self.comparisons) >= len(self.held) >= _MANY_VARIANTS and any(one.sample.reps for one in self.held)

    @property
    def only_once(self) -> bool:
        """Whether there are answers, and no instance has two of one variant under test."""
        return max((one.passes.k if one.passes else min(one.sample.reps, 1) for one in self.held), default=0) == 1

    def one_repetition(self, left_out: int = 0) -> str:
        """Say what a single repetition leaves open, at this number of instances.

        No advice where cells are still to come; `left_out` of them were left out on purpose.
        """
        samples = [one.sample for one in self.held]
        luck = _USUAL_SD * math.sqrt(500 / max(len(sample.answered) for sample in samples))
        said = f"rerun luck is not measured (often sd {luck:.1f} pp)"
        if self.given.issuperset(sample.variant for sample in samples):
            return f"one set of answers: {said}; make them again"
        cells = [[tally.attempted + tally.lost for tally in sample.tallies.values()] for sample in samples]
        to_come = sum(sample.planned - sum(seen) for sample, seen in zip(samples, cells, strict=True)) > left_out
        if to_come or any(max(seen, default=0) > 1 for seen in cells):  # a second one was lost
            return f"one repetition so far: {said}"
        return f"one repetition: {said}; use --count 3"

    def as_json(self) -> dict[str, Any]:
        """Return all of it; the same records give the same bytes, in whatever order they come."""
        return {
            "format_version": ANALYSIS_VERSION,
            "confidence": self.confidence,
            "against": self.against or None,
            "apart": sorted(self.apart),
            "unjudged": sorted(self.unjudged),
            "variants": [one.as_json() for one in self.variants],
            "comparisons": [one.as_json() for one in self.comparisons],
            "hints": self.hints,
        }


def analyse(
    records: Iterable[Mapping[str, Any]],
    planned: Mapping[str, int] | None = None,
    *,
    against: str = "",
    confidence: float = CONFIDENCE,
    floor: float = COVERAGE_FLOOR,
    by_repository: bool = False,
) -> Analysis:
    """Analyse the final records of a run, one a cell; `planned` says how many cells of each variant were selected.

    Variants without a verdict and prompt scenarios are no part of it; oracles and the frame are held against nothing,
    unless one is `against`. Raises InputError for a cell that comes twice and SelectionError for an unknown `against`.
    """
    rows = list(records)
    found = judged(
        (one for row in rows if (one := observation_of(row)) is not None),
        planned or {},
        patches={row["variant"] for row in rows if awaits_verdict(row)},
        scenarios=Counter(row["variant"] for row in rows if row.get("type", "result") != "result"),
    )
    oracles = {row["variant"] for row in rows if row.get("oracle")}
    samples = tabulate(found.observations, found.planned, oracles=oracles)
    frame = {row["variant"] for row in rows if row.get("arm") in FRAME}
    imported = frozenset(row["variant"] for row in rows if row.get("arm") == IMPORTED)
    apart = frozenset(name for name in oracles | frame if name in samples and name != against)
    return analyse_samples(
        samples,
        against=against,
        apart=apart,
        unjudged=found.unjudged,
        given=imported,
        same=imported,
        confidence=confidence,
        floor=floor,
        by_repository=by_repository,
    )


def analyse_samples(
    samples: Mapping[str, Sample],
    *,
    compared: Iterable[Comparison] | None = None,
    against: str = "",
    apart: frozenset[str] = frozenset(),
    unjudged: frozenset[str] = frozenset(),
    given: frozenset[str] = frozenset(),
    same: frozenset[str] = frozenset(),
    confidence: float = CONFIDENCE,
    floor: float = COVERAGE_FLOOR,
    by_repository: bool = False,
) -> Analysis:
    """Analyse samples, wherever they come from; `compared` are comparisons that were chosen and adjusted already.

    Those named in `apart` are compared with nothing. Repetitions of those in `same` are of the same answers.
    """
    if compared is None:
        held = {name: sample for name, sample in samples.items() if name not in apart}
        compared = compare_all(held, against=against, confidence=confidence, floor=floor, by_repository=by_repository)
    return Analysis(
        variants=tuple(_variant(sample, confidence, repeated=name not in same) for name, sample in samples.items()),
        comparisons=tuple(compared),
        confidence=confidence,
        against=against,
        apart=apart,
        unjudged=unjudged,
        given=given,
    )


def _variant(sample: Sample, confidence: float, *, repeated: bool) -> VariantAnalysis:
    rate = rate_of(sample, confidence)
    return VariantAnalysis(
        sample=sample,
        rate=rate if repeated else replace(rate, consistency=None, rerun_sd=None, single_run_sd=None),
        cost=cost_per_resolved(sample, confidence),
        spreads={amount: spread(values) for amount, values in sample.amounts.items()},
        passes=pass_k(sample, sample.reps, confidence) if repeated and sample.reps > 1 else None,
    )
