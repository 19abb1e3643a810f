"""One set of results to compare, whoever made it: cells, what identifies instances, and what they were made under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from pytest_swebench.cell import digest
from pytest_swebench.statistics.data import Observation, Sample, tabulate

RUN: Final = "a run"  # the only kind that can be gone on with
RESULTS: Final = "a file of results"
SAVED: Final = "a saved baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a run, a report, a folder of the leaderboard or a log of Inspect holds.

    `planned` is variant -> cells that were asked for. `digests` and `images` are by instance, where they are known.
    `conditions` are what should be the same on both sides, each with all values that it had. `notes` say how the file
    was understood, for a person. `ended_on` is the day of the last answer, where it is known. `origin` tells two runs
    apart that came to the same results, and copies do not have another. `unjudged` are variants that no verdict
    stands for, and that are none of the cells; `why_unjudged` says so, and what would change it. `imported` are
    variants whose patches were given to a run of ours, so that its repetitions are of the same answers.
    """

    path: Path
    name: str
    kind: str
    cells: tuple[Observation, ...]
    planned: Mapping[str, int] = field(default_factory=dict)
    oracles: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    digests: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    origin: str = ""
    unjudged: frozenset[str] = frozenset()
    why_unjudged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ended_on: date | None = None

    @property
    def instance_ids(self) -> set[str]:
        return {cell.instance_id for cell in self.cells}

    @property
    def given(self) -> frozenset[str]:
        """The variants whose answers no run of ours makes anew."""
        ours = self.kind in (RUN, RESULTS, SAVED)
        return self.imported if ours else frozenset(cell.variant for cell in self.cells)

    def samples(self) -> dict[str, Sample]:
        """Return variant -> sample. Raises InputError for a cell that comes twice."""
        return tabulate(self.cells, self.planned, oracles=self.oracles)

    @property
    def content(self) -> str:
        """A digest of outcomes and origin: two sources that agree in it are copies of one."""
        told = ([one.variant, one.instance_id, one.rep, str(one.outcome), str(one.cost_usd)] for one in self.cells)
        return digest([self.origin, sorted(told)])
