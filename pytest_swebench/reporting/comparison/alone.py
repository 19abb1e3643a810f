"""Instances that only one of several sources has: no rate and no pair across them counts those, and that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

_NAMED: Final = 3


def alone_in(instances: Mapping[str, Set[str]]) -> dict[str, tuple[str, ...]]:
    """Return source -> the instances that no other has, without sources that have none; nothing for one source."""
    if len(instances) < 2:
        return {}
    found = {
        label: tuple(sorted(own.difference(*(other for name, other in instances.items() if name != label))))
        for label, own in ((label, frozenset(own)) for label, own in instances.items())
    }
    return {label: names for label, names in found.items() if names}


def alone_told(alone: Mapping[str, Sequence[str]], instances: Mapping[str, Set[str]]) -> list[str]:
    """Say of each source how many of its instances are left out, with the first of them."""
    return [
        f"{label}: {len(names)} of its {len(instances[label])} instances are in no other source, and left out of rates "
        f"and pairs: {' '.join(names[:_NAMED])}{' ...' * (len(names) > _NAMED)}"
        for label, names in alone.items()
    ]
