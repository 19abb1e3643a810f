"""The comparison itself, within a source or across them: which pairs, on which instances, what stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

from pytest_swebench.cell import FRAME, slug
from pytest_swebench.errors import InputError, SelectionError, unknown
from pytest_swebench.records.flakes import NULL
from pytest_swebench.reporting.comparison.alone import alone_in, alone_told
from pytest_swebench.reporting.comparison.drift import changed_between, drift_between, mixed_in, without_digests
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.statistics.analysis import Analysis, analyse_samples
from pytest_swebench.statistics.comparison import Comparison, adjusted, compare, compare_all
from pytest_swebench.statistics.data import COVERAGE_FLOOR, Sample
from pytest_swebench.statistics.rate import CONFIDENCE

COMPARE_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """What comes of sources: rates of all variants, the comparisons that were asked for, and words of caution.

    Across sources a variant is called `name@source`. `drift` names conditions that differ between sources, `changed`
    the instances that are not the same in all, `alone` by source those that no other has: neither is counted.
    """

    sources: tuple[Source, ...]
    analysis: Analysis
    drift: tuple[str, ...]
    changed: tuple[str, ...]
    alone: Mapping[str, tuple[str, ...]]
    cautions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return all of it; the same sources give the same bytes."""
        return {
            **self.analysis.as_json(),
            "format_version": COMPARE_VERSION,
            "sources": [
                {"name": one.name, "kind": one.kind, "path": str(one.path), "notes": list(one.notes)}
                for one in self.sources
            ],
            "drift": list(self.drift),
            "changed": list(self.changed),
            "alone": {label: list(names) for label, names in self.alone.items()},
            "cautions": list(self.cautions),
        }


def compare_sources(
    sources: Sequence[Source],
    *,
    against: str = "",
    confidence: float = CONFIDENCE,
    floor: float = COVERAGE_FLOOR,
    by_repository: bool = False,
) -> Across:
    """Compare the variants of one source with each other, or those of the first with those of each other source.

    Across sources variants of one name are held against each other, and all against all where no name is shared;
    `against` names one variant to hold all others against. Oracles and the frame are in no pair, unless one is
    `against`, or a source has nothing else. Raises InputError for a source that is given twice, and for one whose
    instances are all other ones; SelectionError for an unknown `against` and for a single variant under test.
    """
    check_sources(sources)
    drift, changed = tuple(drift_between(sources)), changed_between(sources)
    labels = labels_of(sources)
    cautions = [
        f"{label}: {note}"
        for label, source in zip(labels, sources, strict=True)
        for note in (*source.notes, *source.why_unjudged, *mixed_in(source))
    ]
    instances = {label: source.instance_ids for label, source in zip(labels, sources, strict=True)}
    alone = alone_in(instances)
    if len(sources) == 1:
        samples = sources[0].samples()
    else:
        samples = samples_across(sources, changed)
        cautions += [*without_digests(labels, sources), *alone_told(alone, instances)]
    unjudged = _named(sources, [one.unjudged for one in sources])
    if against in unjudged:
        why = "; ".join(why for source in sources for why in source.why_unjudged)
        raise SelectionError(f"--baseline-variant {against!r} is in no comparison: {why}")
    full_name = _full_name(samples, against)
    apart = _apart(samples, full_name)
    held = {name: sample for name, sample in samples.items() if name not in apart}
    if len(held) < 2:
        raise SelectionError(_alone(sources[0], held, apart))
    asked: dict[str, Any] = {"confidence": confidence, "floor": floor, "by_repository": by_repository}
    if len(sources) == 1:
        compared = compare_all(held, against=full_name, **asked)
    else:
        pairs = [(full_name, name) for name in held if name != full_name] if full_name else pairs_across(held)
        compared = _compared(sources, held, pairs, alone, asked)
    analysis = analyse_samples(
        samples,
        compared=compared,
        confidence=confidence,
        against=against,
        apart=apart,
        unjudged=unjudged,
        given=_named(sources, [one.given for one in sources]),
        same=_named(sources, [one.imported for one in sources]),
    )
    if by_repository:
        cautions.append("intervals are for other repositories like these, and rest on few; p is for instances")
    nothing = [name for name, one in samples.items() if one.attempted and not one.resolved and _arm_of(name) != NULL]
    if nothing:
        cautions.append(f"{', '.join(nothing)}: nothing at all is resolved; `analyze-errors` tells why")
    oracles = sorted(name for name, sample in samples.items() if sample.oracle)
    if oracles:
        marked = ", ".join(f"{name}*" for name in oracles)
        cautions.append(f"{marked}: oracle, sees hidden tests or the reference patch; not to be ranked with others")
    return Across(
        sources=tuple(sources), analysis=analysis, drift=drift, changed=changed, alone=alone, cautions=tuple(cautions)
    )


def _named(sources: Sequence[Source], variants: Sequence[frozenset[str]]) -> frozenset[str]:
    """Return variants, given by source, as a comparison calls them."""
    if len(sources) == 1:
        return variants[0]
    labelled = zip(labels_of(sources), variants, strict=True)
    return frozenset(f"{variant}@{label}" for label, own in labelled for variant in own)


def _apart(samples: Mapping[str, Sample], against: str) -> frozenset[str]:
    """Return the oracles and the frame, which the summary of a run compares with nothing either.

    Not `against`, which may be any. Of a source that has nothing else they are what is asked for, unless it is for
    `against` to be held against variants under test.
    """
    frame = {name for name, one in samples.items() if one.oracle or _arm_of(name) in FRAME}
    tested = samples.keys() - frame
    meant = {name for name in frame if _label_of(name) not in set(map(_label_of, tested))}
    held = (tested - {against} or meant) | {against} if against else tested | meant
    return frozenset(samples.keys() - held)


def _alone(source: Source, held: Iterable[str], apart: Iterable[str]) -> str:
    """Say that one variant is under test, and what could be done about it."""
    more = "; ".join(source.why_unjudged) or "give another run"
    if apart:
        more += f", or --baseline-variant {min(apart)}"
    who = f"one variant{' under test' * bool(apart)} ({', '.join(held)})"
    return f"{source.name!r} has {who}, and a comparison takes two; {more}"


def _compared(
    sources: Sequence[Source],
    samples: Mapping[str, Sample],
    pairs: Sequence[tuple[str, str]],
    alone: Mapping[str, Sequence[str]],
    asked: Mapping[str, Any],
) -> list[Comparison]:
    """Compare pairs across sources; what either has alone is dropped, with the rate of others there."""
    whole = {
        f"{variant}@{label}": sample
        for label, source in zip(labels_of(sources), sources, strict=True)
        for variant, sample in source.samples().items()
    }
    found = []
    for pair in pairs:
        besides = {
            instance: f"only in {label}"
            for label, instances in alone.items()
            for instance in instances
            if any(instance in whole[name].tallies for name in pair)
        }
        others = [one for name, one in whole.items() if name in samples and name not in pair]
        found.append(compare(samples[pair[0]], samples[pair[1]], others=others, besides=besides, **asked))
    return adjusted(found)


def check_sources(sources: Sequence[Source]) -> None:
    """Raise InputError for no source, for one that is given twice, and for two without a common instance."""
    if not sources:
        raise InputError("nothing to compare; give a run, or two")
    for a, b in combinations(sources, 2):
        if a.path.absolute() == b.path.absolute() or a.content == b.content or _copies(a, b):
            raise InputError(
                f"{str(a.path)!r} and {str(b.path)!r} hold the same results, and nothing differs from itself; give the "
                "other run"
            )
        if not a.instance_ids & b.instance_ids:
            raise InputError(
                f"{str(a.path)!r} and {str(b.path)!r} have no instance in common, e.g. {_example(a)} and "
                f"{_example(b)}; give runs on the same dataset"
            )


def _copies(a: Source, b: Source) -> bool:
    """Say whether two are of one run and came to the same, though one does not know the costs, as a saved one."""
    return bool(a.origin) and a.origin == b.origin and _ends(a) == _ends(b)


def _ends(source: Source) -> set[tuple[str, str, int, str]]:
    return {(cell.variant, cell.instance_id, cell.rep, str(cell.outcome)) for cell in source.cells}


def labels_of(sources: Sequence[Source]) -> list[str]:
    """Return a name for each source that no other has: its own, else with its folder's before, else with a number."""
    names = [slug(source.name) or "run" for source in sources]
    if len(set(names)) < len(names):
        folders = [source.path.absolute().parent.name for source in sources]
        names = [
            slug(f"{folder}-{name}") if names.count(name) > 1 else name
            for folder, name in zip(folders, names, strict=True)
        ]
    return [name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names, 1)]


def samples_across(sources: Sequence[Source], changed: Sequence[str]) -> dict[str, Sample]:
    """Return the samples of all sources under `name@source`, on instances that any two share and none changed."""
    labels = labels_of(sources)
    shared = set().union(*(a.instance_ids & b.instance_ids for a, b in combinations(sources, 2))) - set(changed)
    samples = {}
    for source, label in zip(sources, labels, strict=True):
        for variant, sample in source.samples().items():
            name = f"{variant}@{label}"
            part = _part(sample, shared)
            samples[name] = replace(part, variant=name)
    return samples


def _part(sample: Sample, shared: set[str]) -> Sample:
    """Return a sample without instances that no other source has; what it lacks is still missing in proportion."""
    if sample.tallies.keys() <= shared:
        return sample
    part = sample.only(shared)
    recorded = sum(tally.attempted + tally.lost for tally in sample.tallies.values())
    whole = round(part.planned * sample.planned / recorded) if recorded else sample.planned
    return replace(part, planned=max(part.planned, whole))


def pairs_across(samples: Mapping[str, Sample]) -> list[tuple[str, str]]:
    """Return (baseline, variant) by their names in `samples_across`: those of the first source with all others'.

    Variants of one name are held against each other; where a source shares no name, all against all.
    """
    labels = list(dict.fromkeys(map(_label_of, samples)))
    groups = [[name for name in samples if _label_of(name) == label] for label in labels]
    pairs = []
    for group in groups[1:]:
        own = {name.rpartition("@")[0]: name for name in group}
        same = [(name, own[variant]) for name in groups[0] if (variant := name.rpartition("@")[0]) in own]
        pairs += same or [(a, b) for a in groups[0] for b in group]
    return pairs


def _full_name(samples: Mapping[str, Sample], against: str) -> str:
    """Return the variant that `against` means: its whole name, or a part before `@` that only one has."""
    if not against or against in samples:
        return against
    found = [name for name in samples if name.rpartition("@")[0] == against]
    if len(found) != 1:
        raise SelectionError(f"--baseline-variant: {unknown('variant', against, samples)}")
    return found[0]


def _arm_of(name: str) -> str:
    return name.partition("@")[0]


def _label_of(name: str) -> str:
    return name.rpartition("@")[2] if "@" in name else ""


def _example(source: Source) -> str:
    return repr(min(source.instance_ids, default=""))
