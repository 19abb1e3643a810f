"""What should be the same in two results, or among the cells of one, and is not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from pytest_swebench.reporting.comparison.source import Source


def drift_between(sources: Sequence[Source]) -> list[str]:
    """Return the conditions that differ, each with its values, and how many instances ran in other images."""
    told = []
    for what in sorted({what for source in sources for what in source.conditions}):
        sets = [source.conditions[what] for source in sources if what in source.conditions]
        if len(set(sets)) > 1:
            told.append(f"{what}: {' against '.join('/'.join(sorted(values)) for values in sets)}")
    other = {
        name
        for a, b in combinations(sources, 2)
        for name in a.images.keys() & b.images.keys()
        if a.images[name] != b.images[name]
    }
    if other:
        told.append(f"image: {len(other)} instances ran in another one, e.g. {min(other)}")
    return told


def changed_between(sources: Sequence[Source]) -> tuple[str, ...]:
    """Return the instances that are known not to be the same in two sources."""
    return tuple(
        sorted(
            {
                name
                for a, b in combinations(sources, 2)
                for name in a.digests.keys() & b.digests.keys()
                if a.digests[name] != b.digests[name]
            }
        )
    )


def mixed_in(source: Source) -> list[str]:
    """Say what was not the same for all cells of a source."""
    return [
        f"its cells differ in {what}: {', '.join(sorted(value or '(unknown)' for value in values))}"
        for what, values in source.conditions.items()
        if len(values) > 1
    ]


def without_digests(labels: Sequence[str], sources: Sequence[Source]) -> list[str]:
    """Say which sources match by the names of instances alone."""
    labelled = zip(labels, sources, strict=True)
    lacking = [label for label, source in labelled if not source.instance_ids <= source.digests.keys()]
    if not lacking:
        return []
    return [f"{', '.join(lacking)}: no digests of instances there, so they are matched by their names alone"]
