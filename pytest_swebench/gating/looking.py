"""During the run: instances in the order of the looks, and no other cell handed out once the gate is decided."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.stash import handle_of, session_of

if TYPE_CHECKING:
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.reporting.comparison.source import Source
    from pytest_swebench.reporting.gate.asked import GateAsked
    from pytest_swebench.reporting.gate.looks import Watch


def order_for_looks(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the cells of one instance run next to each other, and instances in the order in which they are looked at."""
    if not config.getoption("swe_sequential"):
        return
    from pytest_swebench.items import cell_items
    from pytest_swebench.statistics.sequential import analysis_order

    cells = {id(item): cell for item, cell in cell_items(items)}
    order = analysis_order({cell.instance_id for cell in cells.values()}, handle_of(config).run_id)
    places = {name: place for place, name in enumerate(order)}
    items.sort(key=lambda item: places[cells[id(item)].instance_id] if id(item) in cells else -1)
    session_of(config).chosen_ids = order  # in which images are pulled ahead


def begin_to_look(inbox: Inbox, asked: GateAsked, before: Source, changed: Sequence[str]) -> Watch:
    """Return what looks at the run, with the cells that earlier invocations have done."""
    from dataclasses import replace

    from pytest_swebench.records.journal import read_journals
    from pytest_swebench.records.results import final_records
    from pytest_swebench.records.schema import cell_of
    from pytest_swebench.reporting.gate.looks import Watch
    from pytest_swebench.statistics.data import observation_of
    from pytest_swebench.statistics.sequential import analysis_order

    samples, cells = before.samples(), inbox.all_cells
    pairs = pairs_in(before, inbox, asked)
    held = {now: replace(samples[name], variant=f"{name}@{before.name}") for name, now in pairs}
    known = {name for sample in held.values() for name in sample.answered} - set(changed)
    order = [
        name for name in analysis_order({cell.instance_id for cell in cells}, inbox.handle.run_id) if name in known
    ]
    watch = Watch(asked=asked, before=held, order=order, expected=cells)
    if inbox.left_out:
        for record in final_records(read_journals(inbox.handle.layout.journals).entries):
            if str(cell_of(record)) in inbox.left_out:
                watch.take(cell_of(record), observation_of(record))
    return watch


def decided(config: pytest.Config) -> str:
    """Return why no other cell of the run is needed, "" while one is; what the controller finds stops its workers."""
    if not config.getoption("swe_sequential"):
        return ""
    from pytest_swebench.records.decision import read_decision

    return read_decision(handle_of(config).layout)


def tell_decision(config: pytest.Config, inbox: Inbox) -> None:
    """Let all processes of the run know once the gate is decided."""
    if inbox.watch is None or not inbox.watch.decided:
        return
    from pytest_swebench.records.decision import keep_decision, read_decision

    if not read_decision(handle_of(config).layout):
        with suppress(OSError):  # then the run goes on to its end, and its verdict is the same
            keep_decision(handle_of(config).layout, inbox.watch.decided)


def pairs_in(before: Source, inbox: Inbox, asked: GateAsked) -> Sequence[tuple[str, str]]:
    """Return which variant of the baseline stands against which of the run. Raises SelectionError."""
    from pytest_swebench.reporting.gate.pairing import pairing_of

    return pairing_of(before.samples(), {cell.variant for cell in inbox.all_cells}, asked.against).pairs


def changed_since(config: pytest.Config, before: Source) -> list[str]:
    """Return the instances that are known not to be those of the baseline."""
    from pytest_swebench.datasets.manifest import read_manifest
    from pytest_swebench.records.results import read_plans

    layout, changed = handle_of(config).layout, set()
    for path in {(layout.folder / plan["manifest"]).with_suffix(".json") for plan in read_plans(layout)}:
        manifest = read_manifest(path)
        known = before.digests.keys() & manifest.places.keys()
        changed |= {name for name in known if manifest.instance(name).digest != before.digests[name]}
    return sorted(changed)
