"""A run that there is something to draw of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.reporting.charts.material import Material, material_of
from pytest_swebench.reporting.reading import view_run
from tests.support.made import made_record
from tests.support.synthetic import described, instance, layout_in, recorded

IDS = [f"one__one-{number}" for number in range(12)] + [f"two__two-{number}" for number in range(8)]


def made(tmp_path: Path, **fields: Any) -> RunLayout:
    """Two variants and two repetitions; `new_one` solves the first 15 of 20, `old` the first 5."""
    layout = layout_in(tmp_path)
    described(layout, ["new_one", "old"], [instance(name) for name in IDS], 2)
    records = []
    for number, name in enumerate(IDS):
        for rep in (1, 2):
            for variant, solved in (("new_one", 15), ("old", 5)):
                outcome = Outcome.RESOLVED if number < solved else Outcome.LIMIT if number == 19 else Outcome.UNRESOLVED
                given = {
                    "cost_usd": 0.1 if variant == "old" else 1.0 + number / 10,
                    "seconds": {"solve": 1.0 + number, "grade": 3.0 * (number + 1), "total": 4.0 * (number + 1)},
                    "per_step_tokens": {"ap_plan": 100 * number, "ap_patch": 900} if variant == "new_one" else {},
                }
                records.append(made_record(Cell(name, variant, rep), outcome, **(given | fields)))
    recorded(layout, records)
    return layout


def material(tmp_path: Path, **fields: Any) -> Material:
    return material_of(view_run(made(tmp_path, **fields).folder))
