"""What arms will do for problems, as an estimate of the cost needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_swebench.arms.protocol import Arm
    from pytest_swebench.datasets.instance import Problem
    from pytest_swebench.providers.estimate import Work
    from pytest_swebench.providers.prices import Tariff


def work_of(
    arm: Arm,
    problems: Sequence[Problem],
    *,
    provider: str,
    model: str,
    turns: int | None,
    tariff: Tariff,
    cell_cap_usd: float | None,
) -> Work:
    """Return the work of one variant that calls `model`, with one cell a problem; see `Work`.

    No cell makes more than `turns` calls, if that is a number.
    """
    from pytest_swebench.providers.estimate import Foretells, Work

    return Work(
        provider_name=provider,
        arm=arm.name,
        model=model,
        tariff=tariff,
        cells=len(problems),
        expected=[arm.expected(one).within(turns) for one in problems] if isinstance(arm, Foretells) else [],
        cell_cap_usd=cell_cap_usd,
    )
