"""What the selected cells will cost, told before the first of them runs; above ten dollars a person is asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.stash import session_of

if TYPE_CHECKING:
    from pytest_swebench.cell import Cell
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.providers.estimate import Estimate, Work
    from pytest_swebench.session import ExperimentSession


def announce_cost(config: pytest.Config, inbox: Inbox) -> None:
    """Say once what the cells that are left to run will cost, if anything.

    Ends the run where a person at a terminal does not want to pay so much.
    """
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if inbox.announced or reporter is None or not inbox.to_run:
        return
    inbox.announced = True
    session = session_of(config)
    works = list(_works(session, inbox.to_run))
    if not works:
        return
    from pytest_swebench.providers.estimate import earlier_costs, estimate

    found = estimate(works, earlier_costs(session.handle.layout.root))
    reporter.ensure_newline()
    if found is None:
        reporter.write_line("swebench: no estimate of the cost: nothing tells how much these arms call, or its price")
    elif found.max_usd > 0:
        reporter.write_line(f"swebench: estimated cost {found}{_against_cap(session, found)}", yellow=found.is_high)
        if found.is_high and not _agreed(config):
            pytest.exit("stopped before anything was paid", returncode=1)


def _works(session: ExperimentSession, cells: Sequence[Cell]) -> Iterator[Work]:
    """Yield the work of every variant that calls models, as the plans of the run describe it."""
    from pytest_swebench.datasets.manifest import read_manifest
    from pytest_swebench.providers.estimate import Foretells, Work
    from pytest_swebench.records.results import read_plans

    layout, registry = session.handle.layout, session.registry()
    for plan in read_plans(layout):
        manifest = read_manifest((layout.folder / plan["manifest"]).with_suffix(".json"))
        for name, described in plan["variants"].items():
            if described["timestamp"] != layout.timestamp:  # what an earlier invocation asked for
                continue
            arm = registry.make(described["arm"])
            chosen = [cell for cell in cells if cell.variant == name and cell.instance_id in manifest.places]
            if not arm.paid or not chosen or session.calls.mode == "replay":
                continue
            tariff = session.calls.ledger.prices.at(described["provider"], session.settings.value("provider_url") or "")
            problems = [manifest.instance(cell.instance_id).problem for cell in chosen]
            yield Work(
                provider_name=described["provider"],
                arm=described["arm"],
                model=described["model"],
                tariff=tariff,
                cells=len(chosen),
                expected=[arm.expected(problem) for problem in problems] if isinstance(arm, Foretells) else (),
            )


def _against_cap(session: ExperimentSession, found: Estimate) -> str:
    cap = session.settings.value("max_cost")
    if cap is None or found.max_usd <= cap:
        return ""
    sure = "will" if found.min_usd > cap else "may"
    return f"; --max-cost {cap:g} {sure} stop it before the end"


def _agreed(config: pytest.Config) -> bool:
    """Ask whether to go on where somebody can answer; elsewhere the warning has to do."""
    with speaking(config) as heard:
        return not heard or input("Go on? [y/N] ").strip().lower() in {"y", "yes"}


@contextmanager
def speaking(config: pytest.Config) -> Iterator[bool]:
    """Give the terminal back from pytest's capture, and say whether a person sits there to answer."""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
        yield sys.stdin is not None and os.isatty(0) and os.isatty(1) and not os.environ.get("CI")
