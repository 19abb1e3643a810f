"""The files that a run's numbers are read from: `summary.json`, with its analysis, and `summary.csv`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_swebench.records.summary import VariantSummary
    from pytest_swebench.statistics.analysis import Analysis, VariantAnalysis

FORMAT_VERSION: Final = 2
"""Version 1 was the list that stands under `variants` now."""
DEFINITIONS: Final = {
    "attempted": "cells that ended as resolved, unresolved, no_patch or limit",
    "graded": "cells that have a verdict: resolved or unresolved",
    "coverage": "attempted (or captured) cells of the selected ones; infra, error and ungraded patches beside graded "
    "ones are missing, never 0",
    "left_by_gate": "cells that were not run since the gate was decided without them; not covered, and not missed",
    "mean_seconds": "of every cell with a record; `seconds` in the analysis is of attempted cells alone",
    "rate": "share of attempted cells that are resolved, as the mean over instances, which weigh alike",
    "interval": "Wilson's 95 % interval of the rate for instances like these; with repetitions on the effective size",
    "rerun_sd": "how much the rate would move if the same instances ran once more, as often",
    "pass_at_k": "share of instances resolved at least once in k repetitions, without bias",
    "pass_hat_k": "share of instances resolved in each of k repetitions",
    "cost_per_resolved": "mean cost of an attempted cell over its mean rate; what lost cells cost is wasted_usd",
    "p50": "median over attempted cells, between neighbours by straight line; p95 likewise",
    "difference": "mean over instances that both have of the variant's rate less the baseline's",
    "p": "exact sign-flip test of the paired differences; adjusted_p by Holm, over all comparisons here",
    "verdict": "better or worse if adjusted_p is below 0.05 and the interval of the difference excludes 0",
    "apart": "oracles and the arms gold and null, which are neither ranked nor compared",
    "unjudged": "variants that no verdict stands for (--generate-only, answers to prompts): no rate and no comparison",
}
_AMOUNTS: Final = ("seconds", "tokens", "cost_usd")


def summary_json(summaries: Sequence[VariantSummary], analysis: Analysis) -> dict[str, Any]:
    """Return the counts of every variant, the analysis of the run, and what its words mean."""
    return {
        "format_version": FORMAT_VERSION,
        "variants": [summary.as_json() for summary in summaries],
        "analysis": analysis.as_json(),
        "definitions": dict(DEFINITIONS),
    }


def summary_csv(summaries: Sequence[VariantSummary], analysis: Analysis) -> str:
    """Return a row a variant with a header line; what is not known is empty."""
    if not summaries:
        return ""
    analysed = {one.sample.variant: one for one in analysis.variants}
    rows = [{**summary.as_json(), **_numbers(analysed.get(summary.variant))} for summary in summaries]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _numbers(one: VariantAnalysis | None) -> dict[str, float | None]:
    """Return what a row has besides counts; all of it is None for a variant without a verdict."""
    interval = one.rate.interval if one else None
    numbers: dict[str, float | None] = {
        "pass_rate": one.rate.rate if one else None,
        "pass_rate_low": interval.low if interval else None,
        "pass_rate_high": interval.high if interval else None,
    }
    for amount in _AMOUNTS:
        spread = one.spreads[amount] if one else None
        numbers[f"p50_{amount}"] = spread.median if spread else None
        numbers[f"p95_{amount}"] = spread.p95 if spread else None
    return numbers | {"cost_per_resolved_usd": one.cost.usd if one else None}
