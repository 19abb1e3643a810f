"""The story of one cell as a tree: steps, answers, verdicts of guards, ways back, and how it ended.

It is told from the cell's traces; of an arm that leaves none, from what was said to models and by them.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Stop, Verdict
from pytest_swebench.records.conversation import read_conversation
from pytest_swebench.records.dag import Dag, artifact_as_json, read_dag
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.traceline import event_as_json
from pytest_swebench.records.tracereader import WorkflowTrace, read_traces
from pytest_swebench.reporting.progress.region import STYLES
from pytest_swebench.reporting.progress.words import money
from pytest_swebench.reporting.steps import Teller, Turn
from pytest_swebench.reporting.tree import Node, block, count, given, shown

_TOLD: Final = {
    "system": "system prompt of",
    "user": "message to",
    "assistant": "earlier answer of",
    "tool": "result of a tool for",
}


@dataclass(frozen=True, slots=True)
class Story:
    """All that a run holds of one cell. `record` is its last one, None while there is none.

    `conversation` is that of the latest attempt, `turns` are by attempt and agent.
    """

    run_id: str
    cell: Cell
    record: Mapping[str, Any] | None
    traces: Sequence[WorkflowTrace]
    dag: Dag
    conversation: Sequence[Mapping[str, Any]]
    turns: Mapping[int, Mapping[str, Sequence[Turn]]]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data: the lines and objects as they were stored."""
        return {
            "run_id": self.run_id,
            "cell": str(self.cell),
            "record": self.record,
            "traces": [
                {"workflow": one.workflow, "attempt": one.attempt, "events": list(map(event_as_json, one.events))}
                for one in self.traces
            ],
            "artifacts": list(map(artifact_as_json, self.dag.artifacts)),
            "conversation": list(self.conversation),
        }


def read_story(layout: RunLayout, cell: Cell, record: Mapping[str, Any] | None) -> Story:
    """Read what there is of a cell now; `record` is what the journals say of it."""
    traces = read_traces(layout, cell)
    read = functools.cache(read_conversation)  # each line once, so that what was told of one is known
    turns = {trace.attempt: _turns(read(layout.conversation(cell, trace.attempt))) for trace in traces}
    said = read(layout.conversation(cell))
    return Story(layout.run_id, cell, record, traces, read_dag(layout.dag(cell)), said, turns)


def tell(story: Story, *, full: bool = False) -> Node:
    """Return the tree of a story; texts are cut to their beginnings unless it is to be told in `full`."""
    root = Node(f"{story.cell}   run {story.run_id}", "bold")
    told: list[Turn] = []
    for trace in story.traces:
        later = f" (attempt {trace.attempt} at the cell)" if trace.attempt > 1 else ""
        node = root.add(f"{trace.workflow}{later}", "bold")
        teller = Teller(node, trace.workflow, story.dag, story.turns[trace.attempt], full=full)
        teller.tell(trace.events, _unended(story.record, trace.attempt))
        told += teller.told
    if full or not any(trace.events for trace in story.traces):
        heading = "what else was said" if told else "what was said"
        said = Node(heading, "bold")
        _tell_conversation(said, story.conversation, told, full=full)
        root.children += [said] if said.children else []
    root.fold()
    root.children += _ending(story.record, full=full)
    return root


def _unended(record: Mapping[str, Any] | None, attempt: int) -> str:
    """Return what became of a step whose end nobody told: its arm tells none, or was cut short."""
    if record is None:
        return "not ended"
    if record["error"] or record["attempt"] != attempt:
        return "cut short"
    return "ended" if record["stop"] in {None, "submitted"} else f"stopped by {record['stop']}"


def _turns(conversation: Sequence[Mapping[str, Any]]) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {}
    for line in conversation:
        own = turns.setdefault(line["agent_id"], [])
        if _is_answer(line):
            own.append(Turn(line, []))
        elif line["role"] == "tool" and own and len(own[-1].results) < len(own[-1].calls):
            own[-1].results.append(line)
    return turns


def _is_answer(line: Mapping[str, Any]) -> bool:
    """Say whether a message is an answer of the model, and not one that it was told it had given."""
    return line["role"] == "assistant" and line["usage"] is not None


def _tell_conversation(root: Node, lines: Sequence[Mapping[str, Any]], told: Sequence[Turn], *, full: bool) -> None:
    """Hang messages below `root`, what an agent is told between two of its answers below the first of them.

    Of the turns that are `told` already, only what was said between them is.
    """
    turns = {id(turn.answer): turn for own in _turns(lines).values() for turn in own}
    gave = {id(line) for turn in turns.values() for line in turn.results}
    known = {id(turn.answer) for turn in told}
    last: dict[str, tuple[Node, str]] = {}  # of each agent, where its next message hangs and how that begins
    numbers = Counter[str]()
    for line in lines:
        agent = line["agent_id"]
        text = shown(line["content"] or "", full=full)
        if turn := turns.get(id(line)):
            numbers[agent] += 1
            words = f"turn {numbers[agent]}{f' of {agent}' if agent else ''}"
            if id(line) in known:
                last[agent] = root, f"after {words}, "
            else:
                last[agent] = root.add(f"{words}: {text}".rstrip(": "), "cyan"), ""
                turn.hang(last[agent][0], full=full)
        elif id(line) not in gave:
            below, when = last.get(agent, (root, ""))
            if line["role"] == "tool":
                text = given(line["tool_result"] or "", full=full)
            words = f"{when}{_TOLD.get(line['role'], line['role'])} {agent or 'the model'}"
            below.add(f"{words}: {text}".rstrip(": "), "dim")


def _ending(record: Mapping[str, Any] | None, *, full: bool) -> Iterator[Node]:
    """Yield what became of the cell."""
    if record is None:
        yield Node("no record yet: still at work, or cut short", "yellow")
        return
    node = Node(f"outcome: {record['outcome']}", STYLES[record["outcome"]])
    if record["error"]:
        node.add(shown(f"{record['error']['type']}: {record['error']['message']}", full=full), "red")
        if "traceback" in record["error"]:
            node.add(f"traceback: {record['error']['traceback']}", "dim")
    if record["stop"] not in {None, Stop.SUBMITTED}:
        node.add(f"stopped by {record['stop']}", "yellow")
    if record["failed_step"]:
        why = f", because of: {record['failed_guard']}" if record["failed_guard"] else ""
        node.add(f"failed in step {record['failed_step']}{why}", "yellow")
    if record["notes"]:
        node.add(shown(record["notes"], full=full))
    if record["verdict"]:
        verdict = Verdict(**record["verdict"])
        tests = verdict.summary()
        told = "" if tests in record["notes"] else f"; {tests}"
        node.add(f"patch {'applied' if verdict.applied else 'not applied'}{told}")
    if record["integrity"]:
        reasons = "; ".join(record["integrity"]["reasons"])
        node.add(shown(f"integrity: {record['integrity']['state']}{f' ({reasons})' if reasons else ''}", full=full))
    cost = "at an unknown price" if record["cost_usd"] is None else f"for {money(record['cost_usd'])}"
    patch = f"a patch of {count(len(record['patch'].splitlines()), 'line')}" if record["patch"] else "no patch"
    again = f", {count(record['retry_count'], 'retry', 'retries')}" if record["retry_count"] else ""
    seconds = record["wall_time_seconds"].get("total", 0.0)
    node.add(
        f"{patch}; {count(record['calls'], 'model call')}{again}, {sum(record['tokens'].values()):,} tokens {cost}; "
        f"{seconds:.1f} s"
    )
    if full and record["patch"]:
        node.add("the patch").add(block(record["patch"]))
    yield node
