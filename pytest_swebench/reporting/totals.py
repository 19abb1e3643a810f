"""What stands under the table of variants: all counts together, what is missing of each, and what repetitions show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pytest_swebench.outcome import Outcome
from pytest_swebench.records.summary import VariantSummary
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.analysis import Analysis


def total_line(summaries: Sequence[VariantSummary]) -> str:
    """Return the counts of all variants together: both denominators, coverage and cost; "" where nothing counts.

    Cells of variants without a verdict are in none of the counts; what they cost is.
    """
    judged = [one for one in summaries if not one.unjudged]
    attempted = sum(one.attempted for one in judged)
    selected = sum(one.selected - one.count(Outcome.CAPTURED) + one.waiting for one in judged)
    if not attempted:
        return ""
    share = 100.0 if attempted == selected else min(99.0, 100 * attempted / selected)
    line = f"attempted {attempted} of {selected} cells ({share:.0f}%), graded "
    line += str(sum(one.graded for one in judged))
    costs = [one.cost_usd for one in summaries]
    known = math.fsum(cost for cost in costs if cost is not None)
    return line + (f", total cost ${known:.2f}" if known else "") + (", some of it unknown" if None in costs else "")


def missing_lines(summaries: Sequence[VariantSummary], names: Mapping[str, str], *, running: bool = False) -> list[str]:
    """Return for each variant that lacks answers how many, why, and the coverage that is left.

    What a decided gate left out has a line of its own: nobody misses it.
    """
    lines = []
    for one in summaries:
        lacking = {
            "infra": one.count(Outcome.INFRA),
            "error": one.count(Outcome.ERROR),
            "not graded": one.waiting,
            "not run" + " yet" * running: one.not_run,
        }
        if any(lacking.values()):
            kinds = ", ".join(f"{number} {kind}" for kind, number in lacking.items() if number)
            cells = f"{kinds} of {count(one.selected, 'cell')}"
            lines.append(f"missing: {names[one.variant]} {cells}; coverage {one.coverage or 0.0:.1%}")
        if one.left_by_gate:
            cells = f"{one.left_by_gate} of {count(one.selected, 'cell')}"
            lines.append(f"left out by the gate: {names[one.variant]} {cells}; coverage {one.coverage or 0.0:.1%}")
    return lines


def repetition_line(summaries: Sequence[VariantSummary], analysis: Analysis, names: Mapping[str, str]) -> str:
    """Return what repetitions show of the variants under test: resolved at least once, every time; rerun luck.

    Of those with fewer repetitions than others nothing is told, for that would not compare; and where some instances
    lost a repetition, on how many it rests.
    """
    analysed = {one.sample.variant: one for one in analysis.variants if one.sample.variant not in analysis.apart}
    found = [(one.variant, analysed[one.variant]) for one in summaries if one.variant in analysed]
    tries = max((one.passes.k for _, one in found if one.passes), default=0)
    parts = []
    for variant, one in found:
        passes = one.passes
        if passes is None or passes.k < tries or passes.at_least_once is None or passes.every_time is None:
            continue
        luck = "" if one.rate.rerun_sd is None else f", rerun sd {100 * one.rate.rerun_sd:.1f} pp"
        on = f" on {count(passes.instances, 'instance')}" if passes.dropped else ""
        parts.append(f"{names[variant]} {100 * passes.at_least_once:.1f}/{100 * passes.every_time:.1f}%{on}{luck}")
    return f"at least once/every time in {tries} tries: {'; '.join(parts)}" if parts else ""
