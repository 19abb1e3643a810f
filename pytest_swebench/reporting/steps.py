"""The events of one workflow as a tree: its steps, their answers, what guards said of them, and the ways back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.records.dag import Dag, StoredArtifact
from pytest_swebench.records.trace import EventType, GuardReport, GuardVerdict, Status, TraceEvent
from pytest_swebench.records.traceline import TracedEvent
from pytest_swebench.reporting.tree import Node, called, count, given, shown

_VERDICTS: Final = {GuardVerdict.PASS: "green", GuardVerdict.FAIL: "yellow", GuardVerdict.FATAL: "red"}


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer of a model and what the first of its calls gave, as lines of a conversation."""

    answer: Mapping[str, Any]
    results: list[Mapping[str, Any]]

    @property
    def calls(self) -> Sequence[Mapping[str, Any]]:
        """The calls of the answer."""
        calls: Sequence[Mapping[str, Any]] = self.answer["tool_calls"]
        return calls

    def hang(self, node: Node, *, full: bool) -> list[Node]:
        """Hang the calls below `node`, each with what it gave, and return their nodes."""
        nodes = [called(call, full=full) for call in self.calls]
        node.children += nodes
        for call, result in zip(nodes, self.results, strict=False):
            call.add(given(result["tool_result"] or "", full=full), "dim")
        return nodes


class Teller:
    """Hangs the events of `workflow` below `root`, one after another.

    `turns` are those of each agent in this attempt at the cell; `told` has those of them whose calls were told.
    """

    def __init__(self, root: Node, workflow: str, dag: Dag, turns: Mapping[str, Sequence[Turn]], *, full: bool) -> None:
        self.told: list[Turn] = []
        self._root = root
        self._workflow = workflow
        self._alone = False
        self._turns = turns
        self._full = full
        self._artifacts = {(one.workflow_id, one.artifact.step, one.artifact.attempt): one for one in dag.artifacts}
        self._step: Node | None = None  # under way, or the last one
        self._name = ""
        self._begun: set[str] = set()
        self._open = False
        self._told_begin = False
        self._answer: Node | None = None
        self._answers = 0
        self._pending: list[tuple[str, Node | None]] = []  # calls of the last answer; None: what it gave was told

    def tell(self, events: Sequence[TracedEvent], unended: str) -> None:
        """Tell of `events`, which are all there are; `unended` is what became of a step whose end they do not tell."""
        begun = [traced.event for traced in events if traced.event.type in {EventType.STEP_START, EventType.ATTEMPT}]
        starts = sum(event.type is EventType.STEP_START for event in begun)
        self._alone = starts <= 1 and {event.step for event in begun} == {self._workflow}
        for traced in events:
            self._tell(traced, traced.event)
        self._close(unended)

    def _tell(self, traced: TracedEvent, event: TraceEvent) -> None:
        match event.type:
            case EventType.STEP_START:
                self._begin(event.step)
                self._told_begin = True
                if event.summary:
                    self._here(event).add(self._text(event.summary), "dim")
            case EventType.ATTEMPT:
                self._answered(traced, event)
            case EventType.GUARD:
                self._judged(traced, event)
            case EventType.STEP_PASS:
                self._end(event, "passed", "green")
            case EventType.STEP_FAIL:
                # a workflow that is one agent's has no guard to fail at: a limit ends it, and what stands is graded
                how = ("stopped", "yellow") if event.step == self._workflow else ("failed", "red")
                self._end(event, *how)
            case EventType.STAGNATION:
                guard = f" at {event.guard}" if event.guard else ""
                self._here(event).add(self._said(f"stagnation{guard}", event.summary), "magenta")
            case EventType.ESCALATE:
                self._escalated(event)
            case EventType.CASCADE_INVALIDATE:
                gone = ", ".join(event.escalation.invalidated) if event.escalation else event.step
                (self._step or self._root).add(self._said(f"to be done again: {gone}", event.summary), "magenta")
            case EventType.NOTE:
                self._noted(event)

    def _begin(self, step: str) -> None:
        self._close("left" if self._told_begin else "")
        again = ", again" if step in self._begun else ""
        self._begun.add(step)
        self._step = self._root if self._alone and not again else self._root.add(f"{step}{again}")
        self._name, self._open, self._told_begin = step, True, False
        self._answer, self._answers, self._pending = None, 0, []

    def _close(self, how: str, style: str = "") -> None:
        if self._step is not None and self._open:
            self._step.text += f" - {', '.join(filter(None, (how, count(self._answers, 'answer'))))}"
            self._step.style, self._open = style, False

    def _here(self, event: TraceEvent) -> Node:
        """Return the node of the event's step, if that is under way or was last, else the workflow's."""
        return self._step if self._step is not None and self._name == event.step else self._root

    def _answered(self, traced: TracedEvent, event: TraceEvent) -> None:
        if not self._open or self._name != event.step:
            self._begin(event.step)
        self._answers += 1
        stored = self._artifacts.get((traced.workflow_id, event.step, event.attempt))
        # agents take turns; what leaves an artifact is one more attempt at it
        words = f"{'turn' if event.agent and stored is None else 'attempt'} {event.attempt}{_state(stored)}"
        if stored is None:
            self._spoken(event, words)
            return
        self._answer = self._here(event).add(self._said(words, stored.artifact.content or event.summary))

    def _spoken(self, event: TraceEvent, words: str) -> None:
        """Hang what an agent answered, its calls below it; without them where the conversation tells of others."""
        turns = self._turns.get(event.agent, ()) if event.agent else ()
        turn = turns[event.attempt - 1] if 0 < event.attempt <= len(turns) else None
        names = ", ".join(call["tool_name"] for call in turn.calls) if turn else ""
        if turn is None or not names or not event.summary.startswith(names):
            self._answer, self._pending = self._here(event).add(self._said(words, event.summary)), []
            return
        self.told.append(turn)
        said = event.summary.removeprefix(names).removeprefix(": ")
        self._answer = self._here(event).add(self._said(words, turn.answer["content"] or said))
        nodes = turn.hang(self._answer, full=self._full)
        silent = [None] * len(turn.results) + nodes[len(turn.results) :]
        self._pending = [(call["tool_name"], node) for call, node in zip(turn.calls, silent, strict=True)]

    def _noted(self, event: TraceEvent) -> None:
        if self._pending and event.summary.startswith((f"{self._pending[0][0]}: ", f"{self._pending[0][0]}(")):
            name, call = self._pending.pop(0)
            if call is not None:
                _, _, gave = event.summary.partition("\n-> ")
                call.add(given(gave or event.summary.removeprefix(f"{name}: "), full=self._full), "dim")
            return
        below = self._answer if self._open and self._answer is not None else self._here(event)
        below.add(given(event.summary, full=self._full))

    def _judged(self, traced: TracedEvent, event: TraceEvent) -> None:
        verdict = GuardVerdict.FAIL if event.verdict is None else event.verdict
        stored = self._artifacts.get((traced.workflow_id, event.step, event.attempt))
        report = _report_of(stored.artifact.report, event.guard) if self._full and stored is not None else None
        by = f" by {event.agent}" if event.agent not in {"", event.step} else ""
        said = event.summary if report is None else report.feedback
        below = self._answer if self._open and self._answer is not None else self._here(event)
        below.add(self._said(f"{verdict} {event.guard}{by}", said), _VERDICTS[verdict])

    def _end(self, event: TraceEvent, how: str, style: str) -> None:
        if self._open and self._name == event.step:
            self._close(how, style)
            if event.summary:
                self._here(event).add(self._text(event.summary), style)
        else:
            self._here(event).add(self._said(f"{event.step} - {how}", event.summary), style)

    def _escalated(self, event: TraceEvent) -> None:
        node, back = self._here(event), event.escalation
        if back is None:
            node.add(self._said("a person has to look", event.summary), "red")
            return
        at = f" at {back.stagnant_guard}" if back.stagnant_guard else ""
        why = f"{back.trigger.lower().replace('_', ' ')}{at}"
        words = f"back to {', '.join(back.targets)} ({back.e_count} of {back.e_max}), for {why}"
        node.add(self._said(words, back.failure_summary or event.summary), "magenta")
        self._close("went back", "yellow")

    def _said(self, words: str, text: str) -> str:
        shown = self._text(text)
        return f"{words}: {shown}" if shown else words

    def _text(self, text: str) -> str:
        return shown(text, full=self._full)


def _report_of(report: GuardReport | None, guard: str) -> GuardReport | None:
    """Return what `guard` said, as one of several or alone."""
    if report is None:
        return None
    found = next((found for one in report.sub_results if (found := _report_of(one, guard))), None)
    return found or (report if report.guard == guard else None)


def _state(stored: StoredArtifact | None) -> str:
    """Return what an answer cost and whether it was dropped later."""
    if stored is None:
        return ""
    tokens = stored.artifact.metadata.get("total_tokens")
    words = [f"{tokens:,} tokens"] if tokens else []
    words += ["dropped later"] if stored.artifact.status is Status.SUPERSEDED else []
    return f" ({', '.join(words)})" if words else ""
