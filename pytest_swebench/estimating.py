"""What the selected cells will cost, told before the first of them runs; above ten dollars a person is asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.errors import RecordError
from pytest_swebench.gating.before import forecast_gate
from pytest_swebench.stash import session_of

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from pytest_swebench.cell import Cell
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.providers.budget import Caps
    from pytest_swebench.providers.estimate import Estimate, Work
    from pytest_swebench.session import ExperimentSession


def announce_cost(config: pytest.Config, inbox: Inbox) -> None:
    """Say once what the cells that are left to run will cost, if anything; forget what an earlier gate decided.

    Ends the run where a person at a terminal does not want to pay so much.
    """
    from pytest_swebench.records.decision import forget_decision

    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if inbox.announced or not inbox.all_cells:
        return
    inbox.announced = True
    forget_decision(inbox.handle.layout)  # this invocation runs what an earlier one left out, or decides anew
    if not inbox.to_run:
        return
    forecast = forecast_gate(config, inbox)
    if reporter is None:
        return
    if forecast:
        from pytest_swebench.reporting.wrapping import wrapped

        _end_line(reporter)
        for line in wrapped((f"swebench: {one}" for one in forecast), reporter._tw.fullwidth):
            reporter.write_line(line)
    session = session_of(config)
    works = list(_works(session, inbox.to_run))
    if not works:
        return
    from pytest_swebench.providers.estimate import WARN_ABOVE_USD, earlier_use, estimate
    from pytest_swebench.providers.prices import usd_text

    found, caps = estimate(works, earlier_use(session.handle.layout.root)), session.calls.ledger.caps
    _end_line(reporter)
    if found is None:
        why = "nothing tells how much these arms call, or its price"
        reporter.write_line(f"swebench: no estimate of the cost: {why}; {_named(caps, works)}")
        _tell_what_can_be_seen(reporter, session, inbox.all_cells)
        return
    if found.max_usd <= 0:
        return
    spent_usd = 0.0
    with suppress(RecordError):  # the next call will tell
        spent_usd = session.calls.ledger.spent().run.usd
    reporter.write_line(f"swebench: estimated cost {found}; {_named(caps, works)}{_against(caps, spent_usd, found)}")
    _tell_what_can_be_seen(reporter, session, inbox.all_cells)
    most_usd = _most_usd(caps, spent_usd, len(works), found)
    if most_usd > WARN_ABOVE_USD:
        sum_usd = usd_text(most_usd)
        why = ", as its cap allows" if most_usd < found.max_usd else ""
        why = " and no --max-cost is set" if caps.max_cost_usd is None else why
        reporter.write_line(f"swebench: WARNING: may cost {sum_usd}{why}", yellow=True, bold=True)
        reporter.flush()
        if not _agreed(config):
            pytest.exit("stopped before anything was paid", returncode=1)


def _tell_what_can_be_seen(reporter: TerminalReporter, session: ExperimentSession, cells: Sequence[Cell]) -> None:
    """Say how large a difference must be for this run to show it, where it holds variants against each other."""
    from pytest_swebench.cell import FRAME
    from pytest_swebench.records.results import read_plans
    from pytest_swebench.reporting.plan import seen_by

    described = {name: data for plan in read_plans(session.handle.layout) for name, data in plan["variants"].items()}
    apart = {name for name, data in described.items() if data["oracle"] or data["arm"] in FRAME}
    held = [cell for cell in cells if cell.variant not in apart]
    if len({cell.variant for cell in held}) < 2:
        return
    instances, reps = {cell.instance_id for cell in held}, {cell.rep for cell in held}
    reporter.write_line(f"swebench: {seen_by(len(instances), len(reps))}")


def _end_line(reporter: TerminalReporter) -> None:
    """End the line that pytest or xdist is still at, such as `ready: 2/2 workers`."""
    reporter.ensure_newline()
    if reporter._tw.width_of_current_line:  # of what they rewrite in place, the reporter knows nothing
        reporter._tw.line()


def _works(session: ExperimentSession, cells: Sequence[Cell]) -> Iterator[Work]:
    """Yield the work of every variant that calls models, as the plans of the run describe it."""
    from pytest_swebench.arms.foretold import work_of
    from pytest_swebench.calling import REPLAY
    from pytest_swebench.datasets.manifest import read_manifest
    from pytest_swebench.matrix import own_cap_usd
    from pytest_swebench.records.results import read_plans

    layout, registry = session.handle.layout, session.registry()
    per_cell_usd = session.calls.ledger.caps.max_cost_per_cell_usd
    for plan in read_plans(layout):
        manifest = read_manifest((layout.folder / plan["manifest"]).with_suffix(".json"))
        for name, described in plan["variants"].items():
            if described["timestamp"] != layout.timestamp:  # what an earlier invocation asked for
                continue
            arm = registry.make(described["arm"])
            chosen = [cell for cell in cells if cell.variant == name and cell.instance_id in manifest.places]
            if not arm.paid or not chosen or REPLAY in (session.calls.mode, described["provider"]):
                continue
            tariff = session.calls.ledger.prices.at(described["provider"], session.settings.value("provider_url") or "")
            yield work_of(
                arm,
                [manifest.instance(cell.instance_id).problem for cell in chosen],
                provider=described["provider"],
                model=described["model"],
                turns=described["max_turns"],
                tariff=tariff,
                cell_cap_usd=own_cap_usd(arm) if per_cell_usd is None else per_cell_usd,
            )


def _named(caps: Caps, works: Sequence[Work]) -> str:
    """Say which caps hold, those that arms bring included."""
    held = {
        "": caps.max_cost_usd,
        " a variant": caps.max_cost_per_variant_usd,
        " a cell": caps.max_cost_per_cell_usd,
    }
    named = [f"${usd:g}{of}" for of, usd in held.items() if usd is not None]
    if caps.max_cost_per_cell_usd is None:
        own = {work.arm: work.cell_cap_usd for work in works if work.cell_cap_usd is not None}
        named += [f"${usd:g} a cell of {arm}" for arm, usd in own.items()]
    named += [] if caps.max_tokens is None else [f"{caps.max_tokens:,} tokens"]
    return f"cap: {', '.join(named)}" if named else "no cap: --max-cost sets one"


def _against(caps: Caps, spent_usd: float, found: Estimate) -> str:
    """Say whether the caps on cost will stop the run, "" where they leave room."""
    from pytest_swebench.providers.prices import usd_text

    left_usd = _left_usd(caps, spent_usd)
    given = [usd for usd in (left_usd, caps.max_cost_per_variant_usd, caps.max_cost_per_cell_usd) if usd is not None]
    least_usd, most_usd = found.reserves_usd
    if given and most_usd > min(given):
        nothing = "nothing can run" if least_usd > min(given) else "not every cell can run"
        return f"; one call reserves up to {usd_text(most_usd)}: with this cap {nothing}"
    if left_usd is None or found.max_usd <= left_usd:
        return ""
    return f", which {'will' if found.min_usd > left_usd else 'may'} stop it before the end"


def _most_usd(caps: Caps, spent_usd: float, variants: int, found: Estimate) -> float:
    """Return the most that is left to pay, by estimate and caps."""
    left_usd = _left_usd(caps, spent_usd)
    bounds = [found.max_usd] if left_usd is None else [found.max_usd, left_usd]
    if caps.max_cost_per_variant_usd is not None:
        bounds.append(caps.max_cost_per_variant_usd * variants)
    return min(bounds)


def _left_usd(caps: Caps, spent_usd: float) -> float | None:
    return None if caps.max_cost_usd is None else max(0.0, caps.max_cost_usd - spent_usd)


def _agreed(config: pytest.Config) -> bool:
    """Ask whether to go on where somebody can answer; elsewhere the warning has to do."""
    with speaking(config) as heard:
        return not heard or asked("Go on?")


def asked(question: str) -> bool:
    """Put a question to the person at the terminal; anything but yes, and no answer at all, is no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


@contextmanager
def speaking(config: pytest.Config) -> Iterator[bool]:
    """Give the terminal back from pytest's capture and the progress, and say whether a person sits there to answer."""
    plugin = config.pluginmanager.get_plugin
    progress = plugin("swebench-progress")
    with progress.aside() if progress is not None else nullcontext(), _uncaptured(plugin("capturemanager")):
        heard = sys.stdin is not None and os.isatty(0) and os.isatty(1) and not os.environ.get("CI")
        if heard and (reporter := plugin("terminalreporter")) is not None:
            reporter.ensure_newline()
        yield heard


@contextmanager
def _uncaptured(capture: Any) -> Iterator[None]:
    """Suspend pytest's capture with its input, which `global_and_fixture_disabled` leaves on the null device."""
    if capture is None:
        yield
        return
    captured = capture._global_capturing
    was_started = captured is not None and captured.is_started()
    capture.suspend_global_capture(in_=True)
    try:
        yield
    finally:
        capture.resume_global_capture()
        if not was_started:  # between tests only the input is captured
            capture.suspend_global_capture()
