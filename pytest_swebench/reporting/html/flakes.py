"""Flakes and integrity of the page: what stands beside the verdicts, and which instances can judge at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_swebench.outcome import IntegrityState, Outcome
from pytest_swebench.records.flakes import Ledger
from pytest_swebench.records.summary import VariantSummary
from pytest_swebench.reporting.html import bars
from pytest_swebench.reporting.html.charts import DRAWN
from pytest_swebench.reporting.html.figures import Figures
from pytest_swebench.reporting.html.markup import Markup, join, tag
from pytest_swebench.reporting.html.pagedata import PageData
from pytest_swebench.reporting.html.tables import cells, instance_link, percent, table
from pytest_swebench.reporting.reading import by_numbers
from pytest_swebench.reporting.tree import count
from pytest_swebench.statistics.data import Sample
from pytest_swebench.statistics.rate import rate_of

_LEDGERS: Final = 60  # rows, those that are unfit first
_TESTS: Final = 80
_WHENCE: Final = "Counted over all runs in this run's folder of results, not over this run alone."


def integrity(data: PageData, figures: Figures) -> Markup:
    """Return resolved cells by integrity, instances by consistency, the ledgers, and what is in quarantine."""
    return join(
        _states(data.summaries),
        _consistency(figures),
        tag("h2", "Can the instances judge?"),
        tag("p", _WHENCE, class_="soft"),
        _quarantine(data, figures),
        ledger_table(data.ledgers),
        _tests(data.ledgers),
    )


def _states(summaries: Sequence[VariantSummary]) -> Markup:
    states = [str(state) for state in IntegrityState]
    rows = [
        (
            one.variant,
            *(cells(one.integrity.get(state, 0), one.variant, outcome="resolved", integrity=state) for state in states),
        )
        for one in summaries
        if one.count(Outcome.RESOLVED)
    ]
    if not rows:
        return tag("p", "Nothing resolved.")
    head = ("variant", *(state.replace("_", " ") for state in states))
    return table("Resolved cells by integrity", head, rows)


def _consistency(figures: Figures) -> Markup | None:
    """Return how many of its repeated instances a variant resolves always, sometimes and never."""
    rows = []
    for name, one in figures.variants.items():
        repeated = [tally for tally in one.sample.answered.values() if tally.attempted > 1]
        if not repeated:
            continue
        always = sum(tally.resolved == tally.attempted for tally in repeated)
        never = sum(not tally.resolved for tally in repeated)
        some = len(repeated) - always - never
        rows.append(
            bars.Stack(
                name,
                (
                    bars.Part("every time", "always", always, str(always)),
                    bars.Part("now and then: flaky", "some", some, str(some)),
                    bars.Part("never", "never", never, str(never)),
                ),
            )
        )
    if not rows:
        return None
    label = "Repeated instances resolved every time, now and then, and never: " + "; ".join(
        f"{row.name} {', '.join(part.told for part in row.parts)}" for row in rows[:DRAWN]
    )
    return join(
        tag("h2", "Consistency over repetitions"),
        bars.stacks(rows[:DRAWN], label),
        tag("p", tag("a", "the flaky ones in the matrix", href="#/matrix?only=flaky")),
    )


def _quarantine(data: PageData, figures: Figures) -> Markup:
    if not data.unfit:
        return tag("p", "No instance of this run is in quarantine.")
    unfit = [(instance_link(name), reason) for name, reason in sorted(data.unfit.items())]
    rows = []
    for name, one in figures.variants.items():
        kept = rate_of(without(one.sample, data.unfit))
        moved = None if kept.rate is None or one.rate.rate is None else kept.rate - one.rate.rate
        rows.append(
            (name, percent(one.rate.rate), percent(kept.rate), "-" if moved is None else f"{100 * moved:+.1f} pp")
        )
    return join(
        table("Instances in quarantine", ("instance", "why"), unfit, words=["why"]),
        table("Rates with and without them", ("variant", "with", "without", "moves by"), rows) if rows else None,
    )


def without(sample: Sample, unfit: Mapping[str, str]) -> Sample:
    """Return a sample without the instances in quarantine."""
    return sample.only(name for name in sample.tallies if name not in unfit)


def ledger_table(ledgers: Mapping[str, Ledger]) -> Markup:
    """Return what gold and null came to on each instance, the unfit first."""
    if not ledgers:
        told = "Nobody has checked these instances yet: swebench-runner validate-env runs gold and null on them."
        return tag("p", told)
    ordered = sorted(ledgers.items(), key=lambda one: (not one[1].reason, by_numbers(one[0])))
    rows = [
        (
            instance_link(name),
            f"{one.gold_resolved}/{one.gold}",
            f"{one.null_resolved}/{one.null}",
            str(one.offline or "-"),
            str(len(one.flaky) or "-"),
            one.reason or "fit",
        )
        for name, one in ordered[:_LEDGERS]
    ]
    more = len(ordered) - len(rows)
    head = ("instance", "gold resolves", "null resolves", "missed a network", "flaky tests", "says")
    return join(
        table("Self-check: the reference patch must resolve, an empty one must not", head, rows, words=["says"]),
        tag("p", f"... and {count(more, 'instance')} more") if more else None,
    )


def _tests(ledgers: Mapping[str, Ledger]) -> Markup | None:
    found = [(name, one, test) for name, one in sorted(ledgers.items()) for test in (*one.failing, *one.flaky)]
    if not found:
        return None
    rows = []
    for name, one, test in found[:_TESTS]:
        passes, runs = one.tests[test]
        rows.append((instance_link(name), test, f"{passes} of {runs}", percent(passes / runs)))
    more = len(found) - len(rows)
    head = ("instance", "test", "passes with gold", "share")
    return join(
        table("Tests that fail with the reference patch, always or now and then", head, rows, words=["test"]),
        tag("p", f"... and {count(more, 'test')} more") if more else None,
    )
