"""Runs of any size that nobody ran: manifest, plan, journal, conversations and logs as the real writers leave them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Hidden, Instance, Problem
from pytest_swebench.datasets.manifest import resolve_once
from pytest_swebench.outcome import Outcome, Verdict
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.records.conversation import Conversation
from pytest_swebench.records.journal import Journal, seal
from pytest_swebench.records.layout import LOG_FILE, RunLayout, write_json, write_whole
from pytest_swebench.records.schema import RunInfo, run_metadata
from pytest_swebench.redact import Redactor
from tests.support.made import made_record

RUN = "20260101_120000-abc123"
_SYSTEM = "You mend software."
_SHARES = (
    (Outcome.RESOLVED, 0.42), (Outcome.UNRESOLVED, 0.44), (Outcome.NO_PATCH, 0.05), (Outcome.LIMIT, 0.05),
    (Outcome.INFRA, 0.03), (Outcome.ERROR, 0.01),
)  # fmt: skip


def layout_in(root: Path) -> RunLayout:
    return RunLayout(root / "results", RUN, RUN[:15])


def described(
    layout: RunLayout, variants: Sequence[str], instances: Sequence[Instance], reps: int, *, oracle: bool = False
) -> None:
    """Write the manifest and the plan of a run."""
    info = RunInfo(
        run_id=layout.run_id, timestamp=layout.timestamp, dataset="acme", provider="replay", versions={"swebench": "5"}
    )
    told = {name: run_metadata(info, Variant(name, name, "m-1", 0.2), 1, oracle=oracle) for name in variants}
    resolve_once(layout.folder / "manifests", "m", lambda: list(instances))
    plan = {"dataset": "acme", "instances": len(instances), "reps": reps, "variants": told}
    write_json(layout.folder / "plans" / "p.json", plan)


def instance(name: str, statement: str = "It does not work.", gold: str = "") -> Instance:
    repo = name.rpartition("-")[0].replace("__", "/")
    patch = gold or f"diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-{name}\n+mended\n"
    return Instance(problem=Problem(instance_id=name, statement=statement, repo=repo), hidden=Hidden(gold_patch=patch))


def recorded(layout: RunLayout, records: Sequence[dict[str, Any]]) -> None:
    """Append records to the journal of a process."""
    journal = Journal(layout.journals / "main-1.jsonl", Redactor())
    for record in records:
        name = record.get("instance_id") or record["scenario_id"]
        cell = Cell(name, record["variant"], record["rep"])
        journal.append("record", cell=str(cell), record=record)
    journal.close()


def said(layout: RunLayout, cell: Cell, turns: int, tell: Callable[[int], str], log: str = "") -> None:
    """Write a conversation of so many turns, each with a call of a tool, and the log of the cell's tests."""
    folder = layout.cell_folder(cell)
    folder.mkdir(parents=True, exist_ok=True)
    if log:
        write_whole(folder / LOG_FILE, log)
    conversation = Conversation(layout.conversation(cell), {"run_id": layout.run_id}, Redactor())
    messages: tuple[Message, ...] = (Message("user", tell(0)),)
    for turn in range(1, turns + 1):
        request = Request(messages=messages, model="m-1", system=_SYSTEM)
        call = ToolCall(f"c{turn}", "run", {"command": f"python -m pytest -k part{turn}", "why": tell(turn)})
        answer = Answer(
            text=tell(turn),
            model="m-1",
            stop_reason=StopReason.TOOL_USE,
            usage=Usage(input=1000 * turn, output=80),
            tool_calls=(call,),
        )
        conversation.exchange(request, answer)
        messages += (
            Message("assistant", answer.text, answer.tool_calls),
            Message("tool", tell(-turn), tool_call_id=call.id),
        )
    conversation.conclude(Request(messages=messages, model="m-1", system=_SYSTEM))


def large_run(root: Path, *, instances: int, variants: int, reps: int, seed: int = 7) -> RunLayout:
    """Write a run of random outcomes, journalled without a sync for each."""
    draw = random.Random(seed)
    layout = layout_in(root)
    names = [f"repo{number % 12}__repo{number % 12}-{number}" for number in range(instances)]
    arms = [f"arm{number}+model-{number}" for number in range(variants)]
    described(layout, arms, [instance(name) for name in names], reps)
    layout.journals.mkdir(parents=True)
    kinds, weights = zip(*_SHARES, strict=True)
    with (layout.journals / "gw0-1.jsonl").open("wb") as file:
        for name in names:
            for arm in arms:
                for rep in range(1, reps + 1):
                    cell, outcome = Cell(name, arm, rep), draw.choices(kinds, weights)[0]
                    file.write(seal({"kind": "record", "cell": str(cell), "record": _record(cell, outcome, draw)}))
    return layout


def _record(cell: Cell, outcome: Outcome, draw: random.Random) -> dict[str, Any]:
    failed = outcome is not Outcome.RESOLVED
    tests = {
        "FAIL_TO_PASS": {"success": [] if failed else ["test_mended"], "failure": ["test_mended"] if failed else []},
        "PASS_TO_PASS": {"success": [f"test_part{number}" for number in range(20)], "failure": []},
    }
    broken = outcome in {Outcome.INFRA, Outcome.ERROR}
    lines = "".join(f"+    value = {draw.randrange(10**9)}\n" for _ in range(draw.randrange(2, 12)))
    return made_record(
        cell,
        outcome,
        run_id=RUN,
        patch="" if broken else f"diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,9 @@\n{lines}",
        verdict=Verdict(not failed, True, tests).as_json() if outcome.graded else None,
        error={"type": "SandboxLost", "message": "the container died"} if broken else None,
        cost_usd=round(draw.lognormvariate(-1, 1), 6),
        seconds={"solve": 1.0, "total": round(draw.lognormvariate(4, 0.8), 2)},
    )
