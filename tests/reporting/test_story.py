"""What a person reads of one cell."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.records.conversation import Conversation
from pytest_swebench.records.layout import CONVERSATION_FILE, RunLayout, set_aside
from pytest_swebench.records.trace import Artifact, EventType, GuardReport, GuardVerdict, Status, TraceEvent
from pytest_swebench.records.tracewriter import TraceWriter
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.story import read_story, tell
from pytest_swebench.reporting.tree import print_tree
from tests.support.made import made_record
from tests.support.traced import go_back_once, started, talk

CELL = Cell("calc__calc-1", "s1_tdd", 1)


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path, "run-1", "")


def writer(layout: RunLayout, workflow: str = "s1_tdd", attempt: int = 1) -> TraceWriter:
    return TraceWriter(layout, CELL, attempt, workflow, Redactor())


def rendered(layout: RunLayout, record: dict[str, Any] | None, *, width: int = 100, full: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_tree(console, tell(read_story(layout, CELL, record), full=full))
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


def unresolved() -> dict[str, Any]:
    tests = {
        "FAIL_TO_PASS": {"success": [], "failure": ["t"]},
        "PASS_TO_PASS": {"success": ["a", "b"], "failure": []},
    }
    return made_record(
        CELL,
        Outcome.UNRESOLVED,
        calls=5,
        retry_count=3,
        notes="FAIL_TO_PASS 0/1, PASS_TO_PASS 2/2",
        failed_step="ap_gen_test",
        failed_guard="test_red",
        verdict={"resolved": False, "applied": True, "tests": tests},
        integrity={"state": "suspect", "reasons": ["the patch changes a test"]},
    )


@pytest.mark.parametrize("width", [60, 100])
def test_workflow_that_goes_back(layout: RunLayout, snapshot: SnapshotAssertion, width: int) -> None:
    go_back_once(writer(layout))
    assert rendered(layout, unresolved(), width=width) == snapshot


def test_workflow_told_in_full(layout: RunLayout, snapshot: SnapshotAssertion) -> None:
    go_back_once(writer(layout))
    assert rendered(layout, unresolved(), full=True) == snapshot


def test_team_that_talks(layout: RunLayout, snapshot: SnapshotAssertion) -> None:
    talk(writer(layout, "team"))
    verdict = {"resolved": True, "applied": True, "tests": {"FAIL_TO_PASS": {"success": ["t"], "failure": []}}}
    assert rendered(layout, made_record(CELL, verdict=verdict)) == snapshot


def test_cell_that_is_at_work(layout: RunLayout, snapshot: SnapshotAssertion) -> None:
    trace = writer(layout)
    started(trace, "ap_analysis")
    trace.event(TraceEvent(type=EventType.ATTEMPT, step="ap_analysis", attempt=1, summary="900 tokens, end"))
    assert rendered(layout, None) == snapshot


def test_later_attempt_at_a_cell_stands_after_the_first(layout: RunLayout, snapshot: SnapshotAssertion) -> None:
    started(writer(layout, "outer"), "plan")
    started(writer(layout, "outer", 2), "plan")
    # of a third-party arm: no start, no end, a fatal guard of another agent
    trace = writer(layout, "inner", 2)
    trace.event(TraceEvent(type=EventType.ATTEMPT, step="ask", attempt=1, summary="one"))
    trace.event(
        TraceEvent(
            type=EventType.GUARD,
            step="ask",
            guard="look",
            verdict=GuardVerdict.FATAL,
            agent="boss",
            attempt=1,
            summary="no",
        )
    )
    trace.event(TraceEvent(type=EventType.STEP_FAIL, step="else", summary="never begun"))
    trace.event(TraceEvent(type=EventType.NOTE, step="", summary="the time is over"))
    record = made_record(
        CELL,
        Outcome.INFRA,
        error={"type": "KeyError", "message": "'x' (at conftest.py:9)", "traceback": "results/r/error.attempt2.txt"},
        cost_usd=None,
        patch="",
        stop=Stop.TIME,
    )
    assert rendered(layout, record) == snapshot


def exchange(conversation: Conversation, request: Request, text: str, *calls: ToolCall) -> Request:
    stop = StopReason.TOOL_USE if calls else StopReason.END
    conversation.exchange(
        request, Answer(text=text, model="m-1-dated", stop_reason=stop, usage=Usage(9, 3), tool_calls=calls)
    )
    return dataclasses.replace(request, messages=(*request.messages, Message("assistant", text, calls)))


def test_arm_without_a_trace_is_told_by_what_was_said(layout: RunLayout, snapshot: SnapshotAssertion) -> None:
    conversation = Conversation(layout.cell_folder(CELL) / CONVERSATION_FILE, {}, Redactor())
    request = Request(model="m-1", system="You mend code.", messages=(Message("user", "Mend\tthis\x1b[31m."),))
    request = exchange(conversation, request, "", ToolCall("1", "run", {"command": "ls\n-l"}))
    results = (Message("tool", "calc.py\n" + "x" * 300, tool_call_id="1"), Message("user", "One turn is left."))
    exchange(conversation, dataclasses.replace(request, messages=request.messages + results), "It is done.")
    other = dataclasses.replace(request, agent="mender", messages=(*request.messages, *results))
    exchange(conversation, other, "So it is.")
    record = made_record(CELL, Outcome.NO_PATCH, patch="", notes="the answer holds no edit")
    assert rendered(layout, record) == snapshot
    assert rendered(layout, record).count("x") < 450
    assert rendered(layout, record, full=True).count("x") >= 600


def agent_at_work(layout: RunLayout, attempt: int = 1) -> TraceWriter:
    """An agent that has called two tools in one answer, of which the second is still at work."""
    cell = layout.cell_folder(CELL)
    conversation = Conversation(cell / CONVERSATION_FILE, {}, Redactor())
    request = Request(model="m-1", agent="agent", messages=(Message("user", "Mend it."),))
    calls = (ToolCall("1", "run", {"command": "make\nall"}), ToolCall("2", "run_tests", {"args": ["-q"]}))
    exchange(conversation, request, "I build it.", *calls)
    trace = writer(layout, "agent", attempt)
    said = {"step": "agent", "agent": "agent"}
    trace.event(TraceEvent(type=EventType.STEP_START, **said))
    trace.event(TraceEvent(type=EventType.ATTEMPT, attempt=1, summary="run, run_tests: I build it.", **said))
    trace.event(
        TraceEvent(type=EventType.NOTE, attempt=1, summary=f"run(make\nall)\n-> exit code 0 {'cc ' * 90}built", **said)
    )
    return trace


def test_calls_of_an_agent_stand_with_what_they_gave(layout: RunLayout, snapshot: SnapshotAssertion) -> None:
    agent_at_work(layout)
    assert rendered(layout, None) == snapshot


def test_agent_that_a_limit_stops_has_not_failed(layout: RunLayout) -> None:
    trace = agent_at_work(layout)
    trace.event(
        TraceEvent(type=EventType.STEP_FAIL, step="agent", agent="agent", attempt=1, summary="the time is over")
    )
    told = rendered(layout, made_record(CELL, stop=Stop.TIME))
    assert "agent - stopped, 1 answer" in told
    assert "the time is over" in told
    assert "failed" not in told
    assert "stopped by time" in told


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ({"stop": Stop.STEPS}, "stopped by steps"),
        ({"stop": Stop.SUBMITTED}, "ended"),
        ({"outcome": Outcome.INFRA, "error": {"type": "SandboxLost", "message": "gone"}}, "cut short"),
        ({"attempt": 2}, "cut short"),
    ],
)
def test_agent_whose_end_no_event_tells_ends_with_its_cell(layout: RunLayout, fields: dict[str, Any], how: str) -> None:
    agent_at_work(layout)
    told = rendered(layout, made_record(CELL, **fields)).splitlines()
    assert told[1] == f"├── agent - {how}, 1 answer"


def test_turns_alike_are_told_once(layout: RunLayout) -> None:
    conversation = Conversation(layout.cell_folder(CELL) / CONVERSATION_FILE, {}, Redactor())
    request = Request(model="m-1", messages=(Message("user", "Mend it."),))
    for turn, command in enumerate(["ls", "ls", "ls", "pwd", "pwd", "ls"]):
        request = exchange(conversation, request, "", ToolCall(f"c{turn}", "run", {"command": command}))
        result = Message("tool", command.upper(), tool_call_id=f"c{turn}")
        request = dataclasses.replace(request, messages=(*request.messages, result))
    conversation.conclude(request)
    told = [line.strip("│├└─ ") for line in rendered(layout, None).splitlines() if "turn" in line or "run(" in line]
    ls, pwd = "run(command='ls')", "run(command='pwd')"
    assert told == ["turn 1", ls, "turns 2 to 3: alike", "turn 4", pwd, "turn 5: alike", "turn 6", ls]


def test_agent_told_in_full_has_its_results_once_and_texts_as_they_are(
    layout: RunLayout, snapshot: SnapshotAssertion
) -> None:
    conversation = Conversation(layout.cell_folder(CELL) / CONVERSATION_FILE, {}, Redactor())
    request = Request(model="m-1", agent="agent", system="You mend.", messages=(Message("user", "Mend it."),))
    edit = {"path": "calc.py", "search": "def add(a, b):\n    return a - b\n", "replace": "x\n"}
    request = exchange(conversation, request, "I edit.", ToolCall("1", "edit_file", edit))
    told = (Message("tool", "edited\n    return", tool_call_id="1"), Message("user", "One turn is left."))
    request = dataclasses.replace(request, messages=(*request.messages, *told))
    exchange(conversation, request, "It is done.")
    trace = writer(layout, "agent")
    said = {"step": "agent", "agent": "agent"}
    trace.event(TraceEvent(type=EventType.ATTEMPT, attempt=1, summary="edit_file: I edit.", **said))
    trace.event(TraceEvent(type=EventType.NOTE, attempt=1, summary="edit_file(calc.py)\n-> edited", **said))
    record = made_record(CELL, patch="--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-old\n+    new\n")
    assert rendered(layout, record, full=True) == snapshot
    assert "the patch" not in rendered(layout, record)


def test_calls_of_an_earlier_attempt_are_those_it_made(layout: RunLayout) -> None:
    agent_at_work(layout)
    set_aside(layout.cell_folder(CELL), 1)
    trace = writer(layout, "agent", 2)
    # it went another way, and nothing of that was kept
    trace.event(TraceEvent(type=EventType.ATTEMPT, step="agent", agent="agent", attempt=1, summary="submit: Done."))
    trace.event(TraceEvent(type=EventType.NOTE, step="agent", agent="agent", attempt=1, summary="submit: submitted"))
    told = rendered(layout, None)
    first, second = told.split("(attempt 2 at the cell)")
    assert "run(command='make\\nall')" in first
    assert "turn 1: submit: Done." in second
    assert "submit: submitted" in second
    assert "run(" not in second


def test_answer_that_called_something_else_is_told_without_calls(layout: RunLayout) -> None:
    trace = agent_at_work(layout)
    for number, summary in ((2, "run: no line of the conversation"), (0, "of no turn")):
        trace.event(TraceEvent(type=EventType.ATTEMPT, step="agent", agent="agent", attempt=number, summary=summary))
    other = writer(layout, "other")
    other.event(
        TraceEvent(type=EventType.ATTEMPT, step="agent", agent="agent", attempt=1, summary="read_file: I look.")
    )
    told = rendered(layout, None)
    assert "turn 2: run: no line of the conversation" in told
    assert "turn 0: of no turn" in told
    assert "turn 1: read_file: I look." in told
    assert told.count("run(command=") == 1


def test_feedback_is_whole_where_it_is_asked_for_in_full(layout: RunLayout) -> None:
    trace = writer(layout)
    feedback = "word " * 200 + "END"
    trace.event(TraceEvent(type=EventType.ATTEMPT, step="ap", attempt=1, summary="short"))
    trace.event(
        TraceEvent(
            type=EventType.GUARD, step="ap", guard="lint", verdict=GuardVerdict.FAIL, attempt=1, summary=feedback
        )
    )
    report = GuardReport(passed=False, guard="lint", feedback=feedback)
    trace.artifact(
        Artifact(
            artifact_id="abcd",
            step="ap",
            attempt=1,
            content="the answer " * 20 + "LAST",
            status=Status.REJECTED,
            report=GuardReport(
                passed=False, guard="all", feedback="", sub_results=(GuardReport(passed=True, guard="a"), report)
            ),
        )
    )
    short, whole = rendered(layout, None), rendered(layout, None, full=True)
    assert "END" not in short
    assert "attempt 1: the answer" in short
    assert "LAST" not in short
    assert "END" in whole
    assert "LAST" in whole


def test_story_as_data_holds_what_was_stored(layout: RunLayout) -> None:
    go_back_once(writer(layout))
    story = read_story(layout, CELL, unresolved()).as_json()
    assert (story["cell"], story["run_id"], story["record"]) == (str(CELL), "run-1", unresolved())
    (trace,) = story["traces"]
    assert (trace["workflow"], trace["attempt"], len(trace["events"])) == ("s1_tdd", 1, 23)
    assert [one["status"] for one in story["artifacts"]].count("rejected") == 3
    assert story["conversation"] == []
