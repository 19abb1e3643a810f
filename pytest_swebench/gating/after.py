"""After the run: its verdict, where that is told, and the exit status."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.errors import InputError, RecordError
from pytest_swebench.gating.asked import as_told, baseline_path, gate_of, page_asked
from pytest_swebench.gating.looking import begin_to_look, changed_since
from pytest_swebench.stash import GATE, session_of

if TYPE_CHECKING:
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.reporting.gate.asked import GateAsked
    from pytest_swebench.reporting.gate.report import GateReport


def forgiven(config: pytest.Config, inbox: Inbox, status: int | pytest.ExitCode) -> int | pytest.ExitCode:
    """Return the status of a gated run without what its cells alone brought about: an unresolved one is data."""
    if not config.getoption("swe_baseline"):
        return status
    if status == pytest.ExitCode.INTERRUPTED and _decided_early(inbox) and not inbox.failed_apart:
        return pytest.ExitCode.OK
    if status == pytest.ExitCode.TESTS_FAILED and not inbox.failed_apart:
        return pytest.ExitCode.OK
    return status


def end_gate(
    config: pytest.Config, inbox: Inbox, status: int | pytest.ExitCode, *, budget_ended: bool
) -> int | pytest.ExitCode:
    """Judge the run, tell and write what came of it, and return the exit status; other failures keep theirs."""
    asked = gate_of(config)
    if asked is None:
        return status
    if not budget_ended and status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        run_id = inbox.handle.run_id
        inbox.told.append(f"gate: not judged, since the run did not come to its end; go on with --resume={run_id}")
        return status
    from _pytest.junitxml import xml_key

    from pytest_swebench.reporting.gate.publishing import publish
    from pytest_swebench.reporting.gate.text import gate_lines
    from pytest_swebench.reporting.junit import add_gate

    report = _report(config, inbox, asked, budget_ended=budget_ended)
    inbox.told += gate_lines(report)
    if report.exit or not _refused(inbox):  # a refusal that a gate forgives is still what the run ended with
        inbox.verdict = as_told(report)
    session = session_of(config)
    try:
        inbox.annotations = publish(
            report,
            inbox.handle.layout.folder,
            session.env,
            session.redactor,
            command="" if report.looked and report.looked.stopped else _command(asked, inbox),
            page=page_asked(config),
        )
    except RecordError as error:
        inbox.told.append(str(error))
    if (xml := config.stash.get(xml_key, None)) is not None:
        add_gate(xml, report)
    if report.exit:
        return int(report.exit)
    return pytest.ExitCode.OK if budget_ended else status


def _report(config: pytest.Config, inbox: Inbox, asked: GateAsked, *, budget_ended: bool) -> GateReport:
    from pytest_swebench.reporting.gate.judging import gate_run, not_comparable

    folder, baseline, before = inbox.handle.layout.folder, Path(asked.baseline), config.stash.get(GATE, None)
    if reason := _refused(inbox):
        way_on = f"then go on with --resume={inbox.handle.run_id}"
        reason = session_of(config).redactor.text(f"the run was stopped before its end: {reason}, {way_on}")
        return not_comparable(asked, folder, baseline, reason)
    try:
        if asked.sequential and inbox.watch is None and before is not None:  # nothing was left to run
            inbox.watch = begin_to_look(inbox, asked, before, changed_since(config, before))
        looked = inbox.watch.looked() if inbox.watch is not None else None
        baseline = baseline_path(config, asked)
        return gate_run(asked, folder, baseline, looked=looked, budget_ended=budget_ended)
    except InputError as error:
        return not_comparable(asked, folder, baseline, str(error))


def _refused(inbox: Inbox) -> str:
    """Return which refusal stopped the run before a verdict, such as that of its key, "" if none did.

    What had an answer by then is not judged, however much it is: the rest was not left out by chance.
    """
    return "" if _decided_early(inbox) else inbox.refused


def _decided_early(inbox: Inbox) -> bool:
    return inbox.watch is not None and bool(inbox.watch.decided)


def _command(asked: GateAsked, inbox: Inbox) -> str:
    """Return the command that judges the run again."""
    folder = os.path.relpath(inbox.handle.layout.folder)
    drop = f"{asked.max_drop:.12f}".rstrip("0").rstrip(".")  # never 1e-05, which is refused
    words = ["swebench-runner", "gate", folder, "--baseline", asked.baseline, "--max-drop", drop]
    words += ["--confidence", str(asked.confidence), "--gate", str(asked.mode)]
    words += ["--baseline-variant", asked.against] if asked.against else []
    words += ["--allow-drift"] if asked.allow_drift else []
    words += ["--fail-on-new-failures", str(asked.fatal_from)] if asked.fatal_from is not None else []
    return shlex.join(words)
