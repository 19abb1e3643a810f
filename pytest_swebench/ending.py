"""The end of a run, in the process that reports: everything settled, what it cost, and the exit status."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench.errors import RecordError
from pytest_swebench.estimating import asked, speaking
from pytest_swebench.gating.after import end_gate, forgiven
from pytest_swebench.stash import GATE, session_of
from pytest_swebench.wiring import captures

if TYPE_CHECKING:
    from pytest_swebench.inbox import Inbox
    from pytest_swebench.session import ExperimentSession

OVER_BUDGET: Final = 8
"""Exit status of a run that a cap on cost or tokens stopped; pytest and its plugins use those up to 7."""


def end_run(config: pytest.Config, inbox: Inbox, status: int | pytest.ExitCode) -> int | pytest.ExitCode:
    """Settle the run and return its exit status; what a person should know of it lies in `inbox.told`."""
    try:
        inbox.finish()
    except (OSError, RecordError) as error:
        run_id = inbox.handle.run_id
        inbox.told.append(f"the run could not be completed: {error}; free space, then go on with --resume={run_id}")
        return pytest.ExitCode.INTERRUPTED
    if inbox.merged is None:
        if not (inbox.selected or inbox.files or inbox.handle.resumed or config.getoption("collectonly")):
            from pytest_swebench.records.layout import discard_unused

            discard_unused(inbox.handle.layout, over=True)
        return status
    session = session_of(config)
    status = forgiven(config, inbox, inbox.exit_status(status, capture=captures(config)))
    if inbox.below(config.getoption("swe_fail_under")) and status == pytest.ExitCode.OK:
        status = pytest.ExitCode.TESTS_FAILED
    status = _generated(config, session, inbox, status)
    try:
        inbox.told += _spending(session, inbox.merged.records)
        tripped = session.calls.ledger.tripped()
    except RecordError as error:
        inbox.told.append(f"what the run has cost is not known: {error}")
        tripped = []
    finally:
        session.calls.close()
    inbox.told += [f"stopped by {one.scope}'s cap: {one.message}" for one in tripped[:_SHOWN]]
    if inbox.refused:
        inbox.told.append("stopped by a refusal that every other cell would meet as well")
        status = pytest.ExitCode.TESTS_FAILED if status == pytest.ExitCode.INTERRUPTED else status
    if inbox.over_budget and any(one.scope == "run" for one in tripped):
        status = OVER_BUDGET
    if inbox.checkpoint is not None and inbox.checkpoint.problem:
        inbox.told.append(inbox.checkpoint.problem)
    status = end_gate(config, inbox, status, budget_ended=status == OVER_BUDGET)
    return _reported(config, session, inbox, status)  # which tells what the gate said


def _reported(
    config: pytest.Config, session: ExperimentSession, inbox: Inbox, status: int | pytest.ExitCode
) -> int | pytest.ExitCode:
    """Write what `--evaluate` and `--run-report` ask for; a run whose reports cannot be written is no success."""
    option = config.getoption
    if not (option("swe_evaluate") or option("swe_run_report")):
        return status
    if status == pytest.ExitCode.INTERRUPTED:
        way = f"swebench-runner report {inbox.handle.run_id} makes one"
        inbox.told.append(f"reports:     none of a run that was interrupted; {way}")
        return status
    from pytest_swebench.reporting.afterwards import Report, write_reports

    wanted = list(Report) if option("swe_evaluate") else [Report.PAGE]
    done = write_reports(
        inbox.handle.layout.folder,
        wanted,
        unfit=inbox.quarantined,
        redactor=session.redactor,
        baseline=config.stash.get(GATE, None),
    )
    inbox.told += done.lines
    return pytest.ExitCode.TESTS_FAILED if status == pytest.ExitCode.OK and not done.whole else status


_SHOWN: Final = 3


def _generated(
    config: pytest.Config, session: ExperimentSession, inbox: Inbox, status: int | pytest.ExitCode
) -> int | pytest.ExitCode:
    """Write the patches where `--generation-output` says; of a run that only generates, say if they are enough."""
    output = config.getoption("swe_generation_output")
    if not output or inbox.merged is None:
        return status
    from pytest_swebench.records.formats.generation import write_generation
    from pytest_swebench.reporting.patches import judge_partial

    records = inbox.merged.records
    try:
        files = write_generation(config.invocation_params.dir / output, records, session.handle.layout)
    except RecordError as error:
        inbox.told.append(str(error))
        return pytest.ExitCode.TESTS_FAILED
    inbox.told += _patch_files(files)
    if session.grades or status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        return status
    ok = sum(bool(record["patch"].strip()) for record in records if record["type"] == "result")
    allowed = bool(config.getoption("swe_allow_partial"))
    with speaking(config) as heard:
        partial = judge_partial(ok, sum(inbox.selected.values()), allowed=allowed, ask=asked if heard else None)
    inbox.told += filter(None, [partial.message])
    return pytest.ExitCode.OK if partial.go_on else pytest.ExitCode.TESTS_FAILED


def _patch_files(files: Sequence[Path]) -> list[str]:
    """Say where the patches lie, and what the files beside the first one are for."""
    from pytest_swebench.records.formats.generation import invalid_path

    refused = invalid_path(files[0])
    told = [f"patches in:  {os.path.relpath(files[0])}"]
    for file in sorted(files[1:], key=lambda file: (file == refused, file.name)):
        why = "refused ones, with the reasons" if file == refused else "one variant and repetition, fit for grading"
        told.append(f"             {os.path.relpath(file)} ({why})")
    return told


_SERVED: Final = {"cache": "from the cache", "cassette": "from cassettes", "earlier": "paid for by earlier attempts"}


def _spending(session: ExperimentSession, records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say what the endpoints were paid in all, by the run's own ledger, and what of it nobody is sure of."""
    from pytest_swebench.providers.prices import OWN, usd_text
    from pytest_swebench.reporting.tree import count

    spent = session.calls.ledger.spent()
    served: Counter[str] = sum((Counter(record.get("served") or {}) for record in records), Counter())
    if not spent.calls and not served:
        return []
    cap = session.settings.value("max_cost")
    of_cap = f" of at most ${cap:g}" if cap is not None else ""
    line = f"paid: {usd_text(spent.run.usd)}{of_cap}"
    if spent.calls:
        line += f" for {count(spent.calls, 'call')}, {spent.run.tokens:,} tokens"
    for source, answers in sorted(served.items()):
        line += f"; {count(answers, 'answer')} {_SERVED.get(source, source)}"
    if spent.lost:
        line += f"; {spent.lost} without an answer count in full (${spent.lost_usd:.4f})"
    if spent.overruns:
        line += f"; {spent.overruns} charged more than they could by the price list"
    if spent.unpriced:
        line += f"; {spent.unpriced} of unknown price are not in it"
    filed = [f"{asked} as {matched}" for asked, matched in sorted(spent.matched.items()) if matched not in {asked, OWN}]
    return [line, *([f"priced: {', '.join(filed)}"] if filed else [])]
