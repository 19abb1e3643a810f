"""Before the run: what keeps it from being judged ends it there, and a forecast says what there is to hope for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.outcomes import Exit

from pytest_swebench.errors import InputError, RecordError
from pytest_swebench.gating.asked import as_told, baseline_path, gate_of, page_asked
from pytest_swebench.gating.looking import begin_to_look, changed_since, pairs_in, tell_decision
from pytest_swebench.stash import GATE, handle_of, inbox_of, session_of

if TYPE_CHECKING:
    from pytest_swebench.cell import Cell
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.reporting.comparison.source import Source
    from pytest_swebench.reporting.gate.asked import GateAsked


class _Stop(Exit):
    """What `pytest.exit` raises; pytest shows the name of an exception before its words, and this one is `gate`."""


_Stop.__name__ = _Stop.__qualname__ = "gate"
_Stop.__module__ = "builtins"  # of which no name is shown


def check_gate(config: pytest.Config) -> None:
    """Check the gate and its baseline before anything is paid.

    Raises InputError for options that cannot be meant. A baseline that nothing can be held against ends the run with
    the exit code of that verdict, unless the gate only reports.
    """
    asked = gate_of(config)
    if asked is None or config.getoption("collectonly"):
        return
    if config.getoption("swe_generate_only"):
        raise InputError("--generate-only: leaves the gate nothing to judge; leave it or --baseline out")
    try:
        config.stash[GATE] = _baseline(config, asked)
    except InputError as error:
        _refuse(config, asked, str(error))


def forecast_gate(config: pytest.Config, inbox: Inbox) -> list[str]:
    """Return what the gate can be expected to find, and begin to look, once the cells of the run are known.

    Ends the run where nothing of it can be held against the baseline.
    """
    asked, before = gate_of(config), config.stash.get(GATE, None)
    if asked is None or before is None or not (cells := inbox.all_cells):
        return []
    from pytest_swebench.reporting.gate.forecast import forecast
    from pytest_swebench.reporting.gate.judging import too_little

    changed, samples = changed_since(config, before), before.samples()
    here = {cell.instance_id for cell in cells} - set(changed)
    common = {name: sample.only(sample.answered.keys() & here) for name, sample in samples.items()}
    try:
        _check_common(before, cells, changed, asked)
        pairs = pairs_in(before, inbox, asked)
        for name, _ in pairs:
            if reason := too_little(common[name], len(common[name].tallies)):
                raise InputError(reason)
    except InputError as error:
        _refuse(config, asked, str(error))
        return []
    if asked.sequential:
        inbox.watch = begin_to_look(inbox, asked, before, changed)
        tell_decision(config, inbox)  # which a run that goes on may have come to before
    told = []
    for name, variant in pairs:
        reps = max(cell.rep for cell in cells if cell.variant == variant)
        if common[name].tallies:
            told.append(forecast(common[name], len(common[name].tallies), reps, asked))
    return told


def _baseline(config: pytest.Config, asked: GateAsked) -> Source:
    from pytest_swebench.reporting.comparison.reading import read_source

    path, folder = baseline_path(config, asked), handle_of(config).layout.folder
    if path.absolute() == folder.absolute():
        raise InputError(f"--baseline {asked.baseline!r}: is this run itself, and nothing differs from itself")
    return read_source(path)


def _check_common(before: Source, cells: Sequence[Cell], changed: Sequence[str], asked: GateAsked) -> None:
    from pytest_swebench.reporting.gate.judging import drift_problem

    known = before.instance_ids
    if not known & {cell.instance_id for cell in cells}:
        raise InputError(
            f"--baseline {asked.baseline!r} and this run have no instance in common, e.g. {min(known)!r} and "
            f"{min(cell.instance_id for cell in cells)!r}; give a run on the same dataset"
        )
    if changed and not asked.allow_drift:
        raise InputError(drift_problem([], changed))


def _refuse(config: pytest.Config, asked: GateAsked, reason: str) -> None:
    """End the run before anything is paid, as not comparable; where a gate only reports, say so and go on."""
    from pytest_swebench.reporting.gate.judging import not_comparable

    session = session_of(config)
    reason = session.redactor.text(reason)
    report = not_comparable(asked, handle_of(config).layout.folder, Path(asked.baseline), reason)
    if report.exit:
        from pytest_swebench.records.layout import discard_unused
        from pytest_swebench.reporting.gate.publishing import publish

        told = [f"{report.verdict}: {reason}"]
        inbox_of(config).verdict = as_told(report)
        try:
            told += publish(report, None, session.env, session.redactor, page=page_asked(config))
        except RecordError as error:
            told.append(str(error))
        if not handle_of(config).resumed:
            discard_unused(handle_of(config).layout)
        if len(told) > 1:
            told.append("nothing was run")  # annotations have lines of their own, and pytest puts marks behind the last
        raise _Stop("\n".join(told), returncode=int(report.exit))
    session.tell([f"gate: {reason}"])
