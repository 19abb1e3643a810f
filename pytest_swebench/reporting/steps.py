"""The events of one workflow as a tree: its steps, their answers, what guards said of them, and the ways back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_swebench.records.dag import Dag, StoredArtifact
from pytest_swebench.records.trace import EventType, GuardReport, GuardVerdict, Status, TraceEvent
from pytest_swebench.records.traceline import TracedEvent, shortened
from pytest_swebench.reporting.tree import Node, called, count, given, shown

_ANSWER_HEAD: Final = 120  # characters of an answer that guards have judged: what they say matters more
_VERDICTS: Final = {GuardVerdict.PASS: "green", GuardVerdict.FAIL: "yellow", GuardVerdict.FATAL: "red"}

Calls = Sequence[Mapping[str, Any]]
"""The calls of one answer, as a conversation tells them."""


class Teller:
    """Hangs the events of `workflow` below `root`, one after another.

    `calls` are those of each answer of each agent in this attempt at the cell.
    """

    def __init__(
        self, root: Node, workflow: str, dag: Dag, calls: Mapping[str, Sequence[Calls]], *, full: bool
    ) -> None:
        self._root = root
        self._workflow = workflow
        self._calls = calls
        self._full = full
        self._artifacts = {(one.workflow_id, one.artifact.step, one.artifact.attempt): one for one in dag.artifacts}
        self._step: Node | None = None  # under way, or the last one
        self._name = ""
        self._begun: set[str] = set()
        self._open = False
        self._told_begin = False
        self._answer: Node | None = None
        self._answers = 0
        self._pending: list[tuple[str, Node]] = []  # calls of the last answer that have given nothing so far

    def tell(self, events: Sequence[TracedEvent]) -> None:
        """Tell of `events`, which are all there are."""
        for traced in events:
            self._tell(traced, traced.event)
        self._close("not ended" if self._told_begin else "")

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
                (self._step or self._root).add(self._said(f"no longer holds: {gone}", event.summary), "magenta")
            case EventType.NOTE:
                self._noted(event)

    def _begin(self, step: str) -> None:
        self._close("left" if self._told_begin else "")
        again = ", again" if step in self._begun else ""
        self._begun.add(step)
        self._step = self._root.add(f"{step}{again}")
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
        said = stored.artifact.content or event.summary
        self._answer = self._here(event).add(self._said(words, said if self._full else shortened(said, _ANSWER_HEAD)))

    def _spoken(self, event: TraceEvent, words: str) -> None:
        """Hang what an agent answered, its calls below it; without them where the conversation tells of others."""
        answers = self._calls.get(event.agent, ()) if event.agent else ()
        calls = answers[event.attempt - 1] if 0 < event.attempt <= len(answers) else ()
        names = ", ".join(call["tool_name"] for call in calls)
        if not event.summary.startswith(names):
            calls, names = (), ""
        said = event.summary.removeprefix(names).removeprefix(": ") if names else event.summary
        self._answer = answer = self._here(event).add(self._said(words, said))
        self._pending = [(call["tool_name"], answer.add(called(call, full=self._full))) for call in calls]

    def _noted(self, event: TraceEvent) -> None:
        name = self._pending[0][0] if self._pending else None
        if name is not None and event.summary.startswith(f"{name}: "):
            _, call = self._pending.pop(0)
            call.add(given(event.summary.removeprefix(f"{name}: "), full=self._full), "dim")
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
    words += ["no longer holds"] if stored.artifact.status is Status.SUPERSEDED else []
    return f" ({', '.join(words)})" if words else ""
