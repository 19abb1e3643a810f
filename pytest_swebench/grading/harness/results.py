"""What a call of the official harness says about one instance, wherever this release wrote it.

In this order: the run's report `<model>.<run_id>.json`, any other `*.<run_id>.json`, the instance's own `report.json`,
`evaluation_results/*.json`, the instance's own logs. The exit code and the line "1 ran successfully, 0 failed" say
nothing: both stay the same for a patch that does not apply, for a missing image and for a wrong answer (upstream
issues 410, 472 and 637).
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import InfraError
from pytest_swebench.grading import official
from pytest_swebench.outcome import Verdict
from pytest_swebench.records.layout import LOG_FILE, REPORT_FILE

INSTANCE_LOG: Final = "run_instance.log"
"""The harness's own log of an instance, beside the files that a grading leaves."""

_NOT_APPLIED: Final = re.compile(r"^(?:.* - )?>>>>> Patch Apply Failed:?$", re.MULTILINE)
_TIMED_OUT: Final = re.compile(r"\n\nTimeout error: \d+ seconds exceeded\.$")


class State(StrEnum):
    """What a report calls an instance: the names of its lists of ids, `<state>_ids`."""

    INFRA_FAILURE = "infra_failure"
    ERROR = "error"
    EMPTY_PATCH = "empty_patch"
    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a call wrote: the folder it ran in, and the names it was given."""

    folder: Path
    run_id: str
    model: str
    instance_id: str

    @property
    def logs(self) -> Path:
        """The folder of the instance's own files."""
        return self.folder / "logs" / "run_evaluation" / self.run_id / self.model.replace("/", "__") / self.instance_id


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict, the official report on the instance, and the file that decided."""

    verdict: Verdict
    report: dict[str, Any]
    source: str


def read_result(written: Written) -> Result | None:
    """Return what the files say, None where none of them speaks of the instance.

    A patch that applies in no way and tests that ran out of time are `error_ids` upstream; both are answers about
    the patch. Raises InfraError for every other error, for what the harness itself calls a failure of the
    infrastructure, and for files that contradict each other.
    """
    instance_id = written.instance_id
    own = _read(written.logs / REPORT_FILE)
    for path in _reports(written):
        data = _read(path)
        state = _state(data, instance_id)
        if state is None:
            continue
        source = str(path.relative_to(written.folder))
        if state in {State.ERROR, State.INFRA_FAILURE}:
            if answer := _about_the_patch(written, state, source):
                return answer
            reason = data.get("failure_reasons", {}).get(instance_id, "no reason given")
            raise InfraError(f"{instance_id}: the official harness calls it {state} ({reason}) in {source}")
        if state is State.EMPTY_PATCH:
            report = official.ungraded_report(instance_id, applied=False, reason="empty_patch")
            return Result(official.verdict_of(instance_id, report), report, source)
        resolved = state is State.RESOLVED
        report = next((one for one in (own, data) if _state_of_entry(one, instance_id)), {})
        if not report:  # a report of the run alone says no more than this
            return Result(Verdict(resolved=resolved, applied=True, reason=official.NO_RESULTS), {}, source)
        if report[instance_id]["resolved"] is not resolved:
            raise InfraError(f"{instance_id}: {source} says {state}, and its own report.json says otherwise")
        return Result(official.verdict_of(instance_id, report), report, source)
    # upstream may die between the instance and its report: it lists the engine's containers, and one vanishes
    return _about_the_patch(written, State.ERROR, INSTANCE_LOG)


def _reports(written: Written) -> Iterator[Path]:
    """Yield the files that may hold a result, in the order in which they are believed."""
    folder, run_id = written.folder, written.run_id
    first = folder / f"{written.model.replace('/', '__')}.{run_id}.json"
    yield first
    yield from sorted(path for path in folder.glob(f"*.{glob.escape(run_id)}.json") if path != first)
    yield written.logs / REPORT_FILE
    yield from sorted(folder.glob("evaluation_results/*.json"))


def _read(path: Path) -> dict[str, Any]:
    """Return the object in a file; nothing where there is none, or half of one from a harness that died."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _state(data: dict[str, Any], instance_id: str) -> State | None:
    """Return what a report of a run or of an instance says; the worst word counts where there are several."""
    listed = (state for state in State if instance_id in (data.get(f"{state}_ids") or ()))
    return next(listed, None) or _state_of_entry(data, instance_id)


def _state_of_entry(data: dict[str, Any], instance_id: str) -> State | None:
    entry = data.get(instance_id)
    if not isinstance(entry, dict) or not isinstance(entry.get("resolved"), bool):
        return None
    return State.RESOLVED if entry["resolved"] else State.UNRESOLVED


def _about_the_patch(written: Written, state: State, source: str) -> Result | None:
    """Return the answer that an `error` is all the same: nothing applied the patch, or its tests ran out of time."""
    if _NOT_APPLIED.search(_text(written.logs / INSTANCE_LOG)):
        reason = "patch_apply_failed"  # nothing has run by then, so nothing else can have failed
    elif state is State.ERROR and _TIMED_OUT.search(_text(written.logs / LOG_FILE)):
        reason = "tests_timed_out"
    else:
        return None
    applied = reason != "patch_apply_failed"
    report = official.ungraded_report(written.instance_id, applied=applied, reason=reason)
    return Result(official.verdict_of(written.instance_id, report), report, source)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""
