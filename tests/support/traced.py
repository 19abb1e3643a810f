"""Workflows and agents that were traced: what the writer of traces is told by those who are at work."""

from __future__ import annotations

from pytest_swebench.records.trace import (
    Artifact,
    Escalation,
    EventType,
    GuardReport,
    GuardVerdict,
    Status,
    Trace,
    TraceEvent,
)

NO_TEST = "the test passes on the unpatched tree, so it does not show the fault:\n1 passed in 0.12s"
BACK = Escalation(
    targets=("ap_analysis",),
    invalidated=("ap_analysis", "ap_gen_test"),
    e_count=1,
    e_max=1,
    failure_summary="Error patterns: passes unpatched",
    trigger="STAGNATION",
    stagnant_guard="test_red",
)


def attempt(
    trace: Trace, step: str, number: int, guards: dict[str, str], *, status: Status = Status.ACCEPTED, tokens: int = 900
) -> None:
    """Tell of one answer; `guards` maps those that were asked to their feedback, "" where they let it pass."""
    said = f"answer {number} of {step}"
    trace.event(TraceEvent(type=EventType.ATTEMPT, step=step, attempt=number, summary=said))
    reports = []
    for guard, feedback in guards.items():
        verdict = GuardVerdict.FAIL if feedback else GuardVerdict.PASS
        trace.event(
            TraceEvent(
                type=EventType.GUARD, step=step, guard=guard, verdict=verdict, attempt=number, summary=feedback[:40]
            )
        )
        reports.append(GuardReport(passed=not feedback, feedback=feedback, guard=guard, duration_s=0.25))
    trace.artifact(
        Artifact(
            artifact_id=f"{step}-{number}",
            step=step,
            attempt=number,
            content=said,
            status=status,
            report=GuardReport(passed=reports[-1].passed, guard=reports[-1].guard, sub_results=tuple(reports)),
            metadata={"total_tokens": tokens},
        )
    )


def passed(trace: Trace, step: str) -> None:
    trace.event(TraceEvent(type=EventType.STEP_PASS, step=step))


def started(trace: Trace, step: str, e_count: int = 0) -> None:
    trace.event(TraceEvent(type=EventType.STEP_START, step=step, e_count=e_count))


def go_back_once(trace: Trace) -> None:
    """Tell of a workflow whose test is never red, which goes back once, then runs into its end."""
    started(trace, "ap_analysis")
    attempt(trace, "ap_analysis", 1, {"analysis": ""}, status=Status.SUPERSEDED)
    passed(trace, "ap_analysis")
    started(trace, "ap_gen_test")
    for number in (1, 2):
        attempt(trace, "ap_gen_test", number, {"test_syntax": "", "test_red": NO_TEST}, status=Status.REJECTED)
    trace.event(TraceEvent(type=EventType.STAGNATION, step="ap_gen_test", guard="test_red", summary="2 alike"))
    trace.event(TraceEvent(type=EventType.ESCALATE, step="ap_gen_test", e_count=1, escalation=BACK))
    trace.event(TraceEvent(type=EventType.CASCADE_INVALIDATE, step="ap_analysis", summary="gone back from ap_gen_test"))
    started(trace, "ap_analysis")
    attempt(trace, "ap_analysis", 2, {"analysis": ""})
    passed(trace, "ap_analysis")
    started(trace, "ap_gen_test", 1)
    attempt(trace, "ap_gen_test", 3, {"test_syntax": "it does not parse"}, status=Status.REJECTED)
    trace.event(
        TraceEvent(type=EventType.STEP_FAIL, step="ap_gen_test", guard="test_syntax", summary="rejected 3 times")
    )
    trace.event(TraceEvent(type=EventType.ESCALATE, step="ap_gen_test", summary="no way back is left"))


def talk(trace: Trace) -> None:
    """Tell of two agents, one of whom reviews the other."""

    def event(type: EventType, agent: str, summary: str, turn: int = 0) -> None:
        trace.event(TraceEvent(type=type, step=agent, agent=agent, attempt=turn, summary=summary))

    event(EventType.STEP_START, "patcher", "has the floor, 4 turns left")
    event(EventType.ATTEMPT, "patcher", "run: let me look", 1)
    event(EventType.NOTE, "patcher", "run: calc.py\nREADME.md", 1)
    event(EventType.ATTEMPT, "patcher", "propose_patch", 2)
    event(EventType.STEP_PASS, "patcher", "proposed, number 1 of 2")
    event(EventType.STEP_START, "reviewer", "has the floor, 2 turns left")
    event(EventType.ATTEMPT, "reviewer", "approve", 1)
    trace.event(
        TraceEvent(
            type=EventType.GUARD,
            step="team",
            agent="reviewer",
            guard="review",
            verdict=GuardVerdict.PASS,
            summary="it mends the fault",
        )
    )
    event(EventType.STEP_PASS, "reviewer", "approve: it mends the fault")
    trace.event(TraceEvent(type=EventType.NOTE, step="team", summary="the approved patch is applied"))
