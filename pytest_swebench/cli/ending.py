"""How a run ended, read from its records and from what pytest said: the worst typed error decides the exit code."""

from __future__ import annotations

import os.path
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.cli.child import CTRL_C, Told, run_child
from pytest_swebench.cli.mode import current
from pytest_swebench.cli.outcome import WORST_FIRST, ExitCode, Trouble, code_named, fix_in
from pytest_swebench.cli.verdict import verdict_trouble
from pytest_swebench.errors import InputError
from pytest_swebench.failures import fix_of
from pytest_swebench.outcome import Outcome

if TYPE_CHECKING:
    from pytest_swebench.records.layout import RunLayout
    from pytest_swebench.records.results import Merged

_PASSED, _FAILED, _INTERRUPTED, _NOTHING = 0, 1, 2, 5  # pytest's exit statuses
OVER_BUDGET: Final = 8
"""Ours, of a run that a cap stopped; `pytest_swebench.ending` has it too, and imports pytest."""
_STOPS: Final = (signal.SIGINT, signal.SIGTERM)  # which pytest dies of before it has begun to listen
_TAIL: Final = 10  # lines of a log that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What a run came to. `status` is pytest's, None where there was no pytest; `merged` None where nothing ran.

    `code` is an ExitCode, or that of a gate's verdict, which begin at 10.
    """

    code: int
    trouble: Trouble | None = None
    status: int | None = None
    told: Told = field(default_factory=Told)
    layout: RunLayout | None = None
    merged: Merged | None = None

    def as_json(self) -> dict[str, Any]:
        """Return run, counts, the analysis of the records, and the cells that are missing an answer."""
        told: dict[str, Any] = {"pytest_exit_code": self.status, "notes": list(self.told.notes)}
        if self.told.gate is not None:
            told["gate"] = self.told.gate
        if self.layout is not None:
            told |= {"run_id": self.layout.run_id, "folder": str(self.layout.folder)}
        if self.merged is not None:
            told |= run_json(self.merged)
        return told


def cell_counts(merged: Merged) -> dict[str, int]:
    """Return how many cells were selected, were not run, were left out by the gate, and ended in each outcome."""
    counts = Counter(str(record["outcome"]) for record in merged.records)
    selected = sum(one.selected for one in merged.summaries)
    told = {"selected": selected, "not_run": merged.not_run, "left_by_gate": merged.left_by_gate}
    return {**told, **{str(one): counts[str(one)] for one in Outcome}}


def run_json(merged: Merged) -> dict[str, Any]:
    """Return what `show --json` and `run --json` tell of the records of a run; `analysis` is that of summary.json."""
    from pytest_swebench.records.schema import cell_of

    return {
        "cells": cell_counts(merged),
        "summary": [one.as_json() for one in merged.summaries],
        "analysis": merged.analysis.as_json(),
        "broken": [
            {"cell": str(cell_of(record)), "outcome": record["outcome"], **(record["error"] or {})}
            for record in _broken(merged)
        ],
    }


def run_folder(name: str, root: Path) -> Path:
    """Return the folder of a run: by its id or `latest` in `root`, by its own path, or by a file or a folder around it.

    A file is one that lies in the run's folder; of a folder of runs it is the latest. Raises InputError.
    """
    from pytest_swebench.records.resume import LATEST, find_run, runs_in

    given = Path(os.path.expanduser(name))  # which leaves the home of nobody as it is
    folder = given.parent if os.path.isfile(given) else given
    if os.path.isdir(folder / "journal"):
        return folder.resolve()
    if name and os.path.isdir(given) and (runs := runs_in(given)):
        return runs[0].resolve()
    if os.path.exists(given) and name not in {LATEST, *(folder.name for folder in runs_in(root))}:
        raise InputError(f"{name!r} holds no run: it has no journal/*.jsonl; give results/<run id>")
    return find_run(root, name, "RUN").absolute()


def layout_in(folder: Path) -> RunLayout:
    """Return the layout of the run in `folder`, for reading. Raises InputError for a folder that holds none."""
    from pytest_swebench.records.layout import RunLayout

    layout = RunLayout(folder.parent, folder.name, "")
    if not any(layout.journals.glob("*.jsonl")):
        raise InputError(f"{str(folder)!r} holds no run: it has no journal/*.jsonl; give results/<run id>")
    return layout


def read_run(layout: RunLayout) -> Merged:
    """Return what the journals of a run add up to; nothing is written."""
    from pytest_swebench.records.journal import read_journals
    from pytest_swebench.records.results import merged_of, unfinished
    from pytest_swebench.records.resume import at_work
    from pytest_swebench.records.settle import read_asked, selected_cells

    read = read_journals(layout.journals)
    running = len(unfinished(read.entries)) if at_work(layout.folder) else 0
    return merged_of(read, layout, selected_cells(layout), asked=read_asked(layout), running=running)


def the_same_command(run_id: str) -> str:
    """Say how to go on with a run, where it is not known how it was typed."""
    return f"to go on: the same command with --resume={run_id}"


def by_itself(run_id: str) -> str:
    """Say how to go on with a run whose command names it anew each time."""
    return "to go on: the same command"


def ended(status: int, told: Told, way_on: Callable[[str], str] = the_same_command) -> End:
    """Return how a run ended that pytest left with `status`; `way_on` says how to go on with a run of that id."""
    from pytest_swebench.records.layout import RunLayout

    layout = RunLayout(Path(told.root), told.run_id, told.timestamp) if told.run_id else None
    ran = layout is not None and any(layout.journals.glob("*.jsonl"))
    merged = read_run(layout) if layout is not None and ran else None
    code, trouble = judge(status, told, merged, layout, way_on(told.run_id) if merged is not None else "")
    return End(code=code, trouble=trouble, status=status, told=told, layout=layout if ran else None, merged=merged)


def run_pytest(arguments: Sequence[str], way_on: Callable[[str], str]) -> End:
    """Run pytest to its end as the command that is at work wants it, and say how it ended; `way_on` as in `ended`."""
    return ended(*run_child(arguments, plain=current().plain, env={}), way_on)


def judge(
    status: int, told: Told, merged: Merged | None, layout: RunLayout | None, way_on: str = ""
) -> tuple[int, Trouble | None]:
    """Return exit code and reason.

    Cells without an answer that counts decide before pytest's own status does; but where a gate was judged its verdict
    does, which has counted them: under --baseline they are data, and cells may be left out once it is decided.
    """
    if told.refusal is not None:
        message = " ".join(str(told.refusal["message"]).split())
        return ExitCode(told.refusal["code"]), Trouble(type=told.refusal["type"], message=message, fix=fix_in(message))
    if told.gate is not None:
        return _of_gate(status, told, told.gate["exit"], told.gate["words"])
    at_once = told.unfinished and status == _INTERRUPTED  # by a second Ctrl-C
    if told.interrupt == CTRL_C or -status in _STOPS or at_once:
        missing = f"; {merged.not_run + len(_broken(merged))} selected cells have no answer" if merged else ""
        return ExitCode.INTERRUPTED, Trouble(type=CTRL_C, message=f"the run was interrupted{missing}", way_on=way_on)
    found = [*_of_run(status, told), *_of_cells(merged, layout)]
    for code in WORST_FIRST:
        if (trouble := next((one for of_code, one in found if of_code is code), None)) is not None:
            return code, replace(trouble, way_on=way_on)
    lack = _lack(status, told, merged)
    return (ExitCode.GENERAL, lack) if lack else (ExitCode.OK, None)


def _of_gate(status: int, told: Told, code: int, words: str) -> tuple[int, Trouble | None]:
    """Return the verdict; one that passes leaves what failed beside the cells."""
    if (trouble := verdict_trouble(code, words)) is not None:
        return code, trouble
    if status == _FAILED and not told.below:
        return ExitCode.GENERAL, _pytest_said(f"{words}, but something beside the cells failed", status)
    lack = _lack(status, told, None)
    return (ExitCode.GENERAL, lack) if lack else (ExitCode.OK, None)


def _of_run(status: int, told: Told) -> list[tuple[ExitCode, Trouble]]:
    """Return what stopped the run as a whole, if anything did."""
    if status == OVER_BUDGET:
        message = next((note for note in told.notes if note.startswith("stopped by")), "a cap stopped the run")
        return [(ExitCode.RESOURCES, Trouble(type="BudgetExhausted", message=message, fix=fix_of("BudgetExhausted")))]
    stopped = told.stopped or told.interrupt
    if stopped.startswith("results cannot be stored") or (status == _INTERRUPTED and not stopped):
        message = stopped or (told.notes[-1] if told.notes else "results could not be stored")
        return [(ExitCode.RESOURCES, Trouble(type="RecordError", message=message, fix=fix_of("RecordError")))]
    if status == _INTERRUPTED:
        return [(ExitCode.GENERAL, Trouble(type="Stopped", message=f"the run stopped early: {stopped}"))]
    return []


def _of_cells(merged: Merged | None, layout: RunLayout | None) -> list[tuple[ExitCode, Trouble]]:
    """Return one reason for each exit code that cells without an answer ask for, and one for cells that did not run."""
    if merged is None:
        return []
    groups: dict[ExitCode, list[dict[str, Any]]] = {}
    for record in _broken(merged):
        groups.setdefault(code_named((record["error"] or {}).get("type", "")), []).append(record)
    found = [(code, _cells_trouble(records, merged, layout)) for code, records in groups.items()]
    if missing := merged.not_run:
        selected = sum(one.selected for one in merged.summaries)
        message = f"{missing} of {selected} selected cells were not run"
        found.append((ExitCode.GENERAL, Trouble(type="NotRun", message=message)))
    return found


def _cells_trouble(records: Sequence[dict[str, Any]], merged: Merged, layout: RunLayout | None) -> Trouble:
    """Return what befell a group of cells, in the words of the first."""
    from pytest_swebench.records.schema import cell_of
    from pytest_swebench.reporting.broken import log_of

    first = records[0]
    error = first["error"] or {"type": str(first["outcome"]), "message": first["notes"] or "no reason given"}
    count = f"{len(records)} of {sum(one.selected for one in merged.summaries)} cells have no answer that counts"
    message = f"{count}; {cell_of(first)}: {error['type']}: {' '.join(error['message'].split())}"
    log, tail = log_of(first, layout, _TAIL)
    return Trouble(type=error["type"], message=message, fix=fix_of(error["type"]), log=log, tail=tail)


def _broken(merged: Merged) -> list[dict[str, Any]]:
    return [record for record in merged.records if not Outcome(record["outcome"]).final]


def _lack(status: int, told: Told, merged: Merged | None) -> Trouble | None:
    """Return why the run is no success though every cell has an answer, None where it is one."""
    if told.below:
        return Trouble(type="FailUnder", message=f"--fail-under {told.rate}: {', '.join(told.below)} is below")
    if status == _PASSED:
        return None
    if status == _FAILED and merged is not None and not told.by_status:
        answers = (Outcome(record["outcome"]) for record in merged.records)
        return None if any(not one.passes for one in answers) else _pytest_said("a test that is no cell failed", status)
    if status == _FAILED:
        return _pytest_said(told.notes[-1] if told.notes else "the run stopped before its first cell", status)
    if status == _NOTHING:
        return Trouble(
            type="NothingSelected", message="no cell was selected", fix="see -d, --instances, --language and -k"
        )
    if status < 0:
        return Trouble(type="Killed", message=f"pytest was ended by signal {-status}")
    return _pytest_said("pytest did not run to its end", status)


def _pytest_said(message: str, status: int) -> Trouble:
    return Trouble(type="PytestFailed", message=f"{message} (pytest's exit status {status}; it says why above)")
