"""The story of one cell as a tree: steps, answers, verdicts of guards, ways back, and how it ended.

It is told from the cell's traces; of an arm that leaves none, from what was said to models and by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.cell import Cell
from pytest_swebench.records.conversation import read_conversation
from pytest_swebench.records.dag import Dag, artifact_as_json, read_dag
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.traceline import event_as_json
from pytest_swebench.records.tracereader import WorkflowTrace, read_traces
from pytest_swebench.reporting.steps import Calls, Teller
from pytest_swebench.reporting.tree import Node, called, count, given, shown

_OUTCOMES: Final = {"resolved": "green", "captured": "green", "infra": "red", "error": "red"}


@dataclass(frozen=True, slots=True)
class Story:
    """All that a run holds of one cell. `record` is its last one, None while there is none.

    `conversation` is that of the latest attempt, `calls` are those of each answer by attempt and agent.
    """

    run_id: str
    cell: Cell
    record: Mapping[str, Any] | None
    traces: Sequence[WorkflowTrace]
    dag: Dag
    conversation: Sequence[Mapping[str, Any]]
    calls: Mapping[int, Mapping[str, Sequence[Calls]]]

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
    attempts = {trace.attempt for trace in traces}
    calls = {attempt: _calls(read_conversation(layout.conversation(cell, attempt))) for attempt in attempts}
    said = read_conversation(layout.conversation(cell))
    return Story(layout.run_id, cell, record, traces, read_dag(layout.dag(cell)), said, calls)


def tell(story: Story, *, full: bool = False) -> Node:
    """Return the tree of a story; texts are cut to their beginnings unless it is to be told in `full`."""
    root = Node(f"{story.cell}   run {story.run_id}", "bold")
    for trace in story.traces:
        later = f" (attempt {trace.attempt} at the cell)" if trace.attempt > 1 else ""
        node, calls = root.add(f"{trace.workflow}{later}", "bold"), story.calls.get(trace.attempt, {})
        Teller(node, trace.workflow, story.dag, calls, full=full).tell(trace.events)
    if story.conversation and (full or not any(trace.events for trace in story.traces)):
        _tell_conversation(root.add("what was said", "bold"), story.conversation, full=full)
    root.children += _ending(story.record, full=full)
    return root


def _calls(conversation: Sequence[Mapping[str, Any]]) -> dict[str, list[Calls]]:
    answers: dict[str, list[Calls]] = {}
    for line in filter(_is_answer, conversation):
        answers.setdefault(line["agent_id"], []).append(line["tool_calls"])
    return answers


def _is_answer(line: Mapping[str, Any]) -> bool:
    """Say whether a message is an answer of the model, and not one that it was told it had given."""
    return line["role"] == "assistant" and line["usage"] is not None


def _tell_conversation(root: Node, lines: Sequence[Mapping[str, Any]], *, full: bool) -> None:
    """Hang messages below `root`, what an agent is told between two of its answers below the first of them."""
    answers: dict[str, Node] = {}
    turns = 0
    for line in lines:
        below = answers.get(line["agent_id"], root)
        agent = f"{line['agent_id']} " if line["agent_id"] else ""
        text = shown(line["content"] or "", full=full)
        if _is_answer(line):
            turns += 1
            answers[line["agent_id"]] = root.add(f"{turns} {agent}says: {text}".rstrip(": "), "cyan")
            for call in line["tool_calls"]:
                answers[line["agent_id"]].add(f"calls {called(call, full=full)}")
        elif line["role"] == "tool":
            below.add(f"{line['tool_name'] or 'a tool'} gives: {given(line['tool_result'], full=full)}", "dim")
        else:
            below.add(f"{agent}is told by {line['role']}: {text}".rstrip(": "), "dim")


def _ending(record: Mapping[str, Any] | None, *, full: bool) -> Iterator[Node]:
    """Yield what became of the cell."""
    if record is None:
        yield Node("no record yet: still at work, or cut short", "yellow")
        return
    verdict = record["verdict"]
    node = Node(f"outcome: {record['outcome']}", _OUTCOMES.get(record["outcome"], "yellow"))
    if record["error"]:
        node.add(shown(f"{record['error']['type']}: {record['error']['message']}", full=full), "red")
    if record["stop"] not in {None, "submitted"}:
        node.add(f"stopped by {record['stop']}", "yellow")
    if record["failed_step"]:
        at = f", at {record['failed_guard']}" if record["failed_guard"] else ""
        node.add(f"failed step: {record['failed_step']}{at}", "yellow")
    if record["notes"]:
        node.add(shown(record["notes"], full=full))
    if verdict:
        tests = _tests(verdict)
        told = "" if tests in record["notes"] else f"; {tests}"
        node.add(f"patch {'applied' if verdict.get('applied') else 'not applied'}{told}")
    if record["integrity"]:
        reasons = "; ".join(record["integrity"]["reasons"])
        node.add(shown(f"integrity: {record['integrity']['state']}{f' ({reasons})' if reasons else ''}", full=full))
    cost = "at an unknown price" if record["cost_usd"] is None else f"for ${record['cost_usd']:.4f}"
    patch = f"a patch of {count(len(record['patch'].splitlines()), 'line')}" if record["patch"] else "no patch"
    again = f", {count(record['retry_count'], 'retry', 'retries')}" if record["retry_count"] else ""
    seconds = record["wall_time_seconds"].get("total", 0.0)
    node.add(
        f"{patch}; {count(record['calls'], 'model call')}{again}, {sum(record['tokens'].values()):,} tokens {cost}; "
        f"{seconds:.1f} s"
    )
    yield node


def _tests(verdict: Mapping[str, Any]) -> str:
    """Return the counts of the hidden tests, or why there are none."""
    tests = verdict.get("tests") or {}
    counts = [
        f"{name} {len(group['success'])}/{len(group['success']) + len(group['failure'])}"
        for name, group in tests.items()
    ]
    return ", ".join(counts) or verdict.get("reason") or "no test results"
