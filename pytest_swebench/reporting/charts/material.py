"""What charts are drawn from: the analysis of a run and the cells behind it, without anything of matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.reading import RunView, by_numbers, repository, slim
from pytest_swebench.statistics.analysis import Analysis, VariantAnalysis, analyse
from pytest_swebench.statistics.comparison import Comparison
from pytest_swebench.statistics.data import Interval, Sample, awaits_verdict, observation_of
from pytest_swebench.statistics.distributions import t_quantile

KINDS: Final = ("input", "output", "cache_read", "cache_write")
_COUNTED: Final = frozenset({Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.LIMIT})


@dataclass(frozen=True, slots=True)
class Material:
    """The slim records of a run, one a cell, and what the analysis makes of them.

    `judged_apart` are the variants whose verdicts came from a file.
    """

    run_id: str
    records: Sequence[Mapping[str, Any]]
    analysis: Analysis
    judged_apart: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What stands below every chart and table: whose verdicts are not the run's own; "" where all are."""
        names = ", ".join(self.judged_apart)
        return f"verdicts of {names} come from a file, not from this run's grading" if names else ""

    @property
    def by_rate(self) -> list[VariantAnalysis]:
        """Variants with an answer, the best first; those that see more than others come last."""
        return [one for one in self.ranked if one.rate.rate is not None]

    @property
    def ranked(self) -> list[VariantAnalysis]:
        """All variants: the best first, then those that see more than others, then those without an answer."""

        def place(one: VariantAnalysis) -> tuple[bool, bool, float, str]:
            rate, name = one.rate.rate, one.rate.variant
            return rate is None, self.apart(name), -(rate or 0.0), name

        return sorted(self.analysis.variants, key=place)

    @property
    def unanswered(self) -> list[VariantAnalysis]:
        """Variants of which every cell broke."""
        return [one for one in self.ranked if one.rate.rate is None]

    def apart(self, variant: str) -> bool:
        """Say whether a variant is held against none: an oracle, or one that frames what others can reach."""
        return variant in self.analysis.apart

    @property
    def answered(self) -> list[VariantAnalysis]:
        """The same, at least one. Raises InputError where no variant has an answer."""
        if not self.by_rate:
            raise InputError("no cell has an answer that counts: all of them broke")
        return self.by_rate

    @property
    def counted(self) -> list[Mapping[str, Any]]:
        """The cells that have an answer."""
        return [record for record in self.records if record["outcome"] in _COUNTED]

    @property
    def instances(self) -> list[str]:
        """Instance ids by repository, within one by how often they are resolved, the hardest last."""
        solved: dict[str, list[bool]] = {}
        for record in self.records:
            known = solved.setdefault(record["instance_id"], [])
            if record["outcome"] in _COUNTED:
                known.append(record["outcome"] == Outcome.RESOLVED)
        shares = {name: fmean(own) if own else -1.0 for name, own in solved.items()}
        return sorted(solved, key=lambda name: (by_numbers(repository(name)), -shares[name], by_numbers(name)))

    def per_step(self, variant: str) -> dict[str, float]:
        """Return the median number of tokens of each step of a cell, in the order of steps."""
        own = [one["per_step_tokens"] for one in self.counted if one["variant"] == variant and one["per_step_tokens"]]
        steps = dict.fromkeys(step for one in own for step in one)
        return {step: median(one.get(step, 0) for one in own) for step in steps}

    def per_kind(self, variant: str) -> dict[str, float]:
        """Return the median number of tokens of each kind in a cell."""
        own = [one["tokens"] for one in self.counted if one["variant"] == variant]
        return {kind: median(one[kind] for one in own) if own else 0.0 for kind in KINDS}

    def seconds(self, variant: str, part: str) -> list[tuple[float, bool]]:
        """Return what cells took for a part (`solve`, `grade`), shortest first, and whether a limit ended them."""
        own = [one for one in self.counted if one["variant"] == variant and part in one["wall_time_seconds"]]
        return sorted((one["wall_time_seconds"][part], one["outcome"] == Outcome.LIMIT) for one in own)


def material_of(view: RunView, resolved: Mapping[str, Iterable[str]] | None = None) -> Material:
    """Return the material of a run; `resolved` (variant -> instance ids) takes the place of its verdicts.

    Raises InputError for a run without a cell to draw, and for a variant or an instance that it does not have.
    """
    records = [slim(record) for record in view.records()]
    told = _overridden(records, resolved, view.instance_ids) if resolved is not None else records
    analysis = analyse(told, view.selected)
    drawn = [one for one in told if observation_of(one) is not None and one["variant"] not in analysis.unjudged]
    if not drawn:
        raise InputError(
            f"run {view.layout.run_id!r} has no cell that a chart could show: none has a record, or none of its "
            "patches and answers was graded; give a run that grades patches"
        )
    return Material(view.layout.run_id, drawn, analysis, tuple(sorted(resolved or ())))


def mean_interval(sample: Sample, amount: str) -> tuple[float, Interval | None] | None:
    """Return the mean of an amount of a cell over instances, with its t interval; None where it is not known."""
    means = [value for tally in sample.answered.values() if (value := tally.mean_of(amount)) is not None]
    if not means or len(means) < len(sample.answered):
        return None
    mean = fmean(means)
    if len(means) < 2:
        return mean, None
    reach = t_quantile(0.975, len(means) - 1) * stdev(means) / math.sqrt(len(means))
    return mean, Interval(max(0.0, mean - reach), mean + reach)


def fisher_p(comparison: Comparison, samples: Mapping[str, Sample]) -> float:
    """Return Fisher's exact p of the cells of two variants, which ignores that they share their instances."""
    a, b = samples[comparison.baseline], samples[comparison.variant]
    total, solved = a.attempted + b.attempted, a.resolved + b.resolved

    def log_p(first: int) -> float:
        return _log_choose(a.attempted, first) + _log_choose(b.attempted, solved - first) - _log_choose(total, solved)

    seen = log_p(a.resolved)
    possible = range(max(0, solved - b.attempted), min(solved, a.attempted) + 1)
    # as unlikely as what was seen, or more; the slack lets tables of the same probability count as such
    return min(1.0, math.fsum(math.exp(one) for first in possible if (one := log_p(first)) <= seen + 1e-7))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _overridden(
    records: Iterable[Mapping[str, Any]], resolved: Mapping[str, Iterable[str]], instance_ids: Iterable[str]
) -> list[Mapping[str, Any]]:
    solved = {variant: frozenset(names) for variant, names in resolved.items()}
    lines = list(records)
    if strange := sorted(solved.keys() - {line["variant"] for line in lines}):
        from pytest_swebench.errors import unknown

        raise InputError(f"--resolved: {unknown('variant', strange[0], {line['variant'] for line in lines})}")
    there = frozenset(instance_ids)
    for variant, names in solved.items():
        if strange := sorted(names - there):
            more = f" and {len(strange) - 1} more" if strange[1:] else ""
            raise InputError(
                f"--resolved: of {variant!r} it names {strange[0]!r}{more}, which the run does not have; "
                f"take out what is not of its {len(there)} instances"
            )
    told = []
    for line in lines:
        given = line["variant"] in solved and line["type"] == "result"
        if given and (line["outcome"] in _COUNTED or awaits_verdict(line)):
            hit = line["instance_id"] in solved[line["variant"]]
            has_patch = line["outcome"] == Outcome.RESOLVED or awaits_verdict(line)
            outcome = Outcome.RESOLVED if hit else Outcome.UNRESOLVED if has_patch else line["outcome"]
            line = {**line, "outcome": str(outcome), "resolved": hit}
        told.append(line)
    return told
