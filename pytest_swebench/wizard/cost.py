"""What the chosen run will come to, told before it starts: its variants, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_swebench.cell import Variant
    from pytest_swebench.cli.line import Line
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.providers.estimate import Estimate, Work


def estimated(line: Line, instances: Sequence[Instance], folder: Path) -> Estimate | None:
    """Return bounds of what a run of `line` costs over `instances`, None where nothing tells.

    Raises InputError for an arm that is none, and SelectionError for variants that are told apart by nothing.
    """
    from pytest_swebench.providers.estimate import earlier_use, estimate

    works = _works(line, instances)
    return estimate(works, earlier_use(folder / line.settings.value("output_dir"))) if works else None


def variants_of(line: Line) -> list[Variant]:
    """Return the variants that a run of `line` has. Raises as `estimated` does."""
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.matrix import build_variants, split

    told = {name: split(str(line.config[name]["value"] or "")) for name in ("arms", "model", "temperatures")}
    heats = [None if text == "default" else float(text) for text in told["temperatures"]]
    turns = [int(text) for text in split(line.settings.value("max_turns") or "")]
    arms = [ArmRegistry().make(name) for name in told["arms"]]
    return list(build_variants(arms, told["model"], heats, turns or [None]).values())


def _works(line: Line, instances: Sequence[Instance]) -> list[Work]:
    from pytest_swebench.arms.foretold import work_of
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.matrix import own_cap_usd
    from pytest_swebench.providers.prices import Prices

    provider, url = (str(line.config[name]["value"] or "") for name in ("provider", "provider_url"))
    tariff = Prices(line.settings.value("price") or ()).at(provider, url)
    per_cell_usd = line.settings.value("max_cost_per_cell")
    problems = [one.problem for one in instances]
    works = []
    for variant in variants_of(line):
        arm = ArmRegistry().make(variant.arm)
        if arm.paid:
            cap_usd = own_cap_usd(arm) if per_cell_usd is None else per_cell_usd
            works.append(
                work_of(
                    arm,
                    problems,
                    provider=provider,
                    model=variant.model,
                    turns=variant.turns,
                    tariff=tariff,
                    cell_cap_usd=cap_usd,
                )
            )
    return works
