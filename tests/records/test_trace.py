from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.errors import RecordError
from pytest_swebench.records.journal import seal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import Artifact, Escalation, EventType, GuardVerdict, Status, TraceEvent
from pytest_swebench.records.tracereader import load_trace_escalations, read_trace, read_traces
from pytest_swebench.records.tracewriter import TraceWriter
from pytest_swebench.redact import Redactor
from tests.support.traced import BACK, go_back_once, passed, started

CELL = Cell("calc__calc-1", "s1_tdd+m-1", 2)
SECRET = "sk-traced-0123456789"
WORDS = st.text(max_size=500)  # every character that a str can hold
NAMES = st.lists(st.text(min_size=1, max_size=10), max_size=3).map(tuple)


def layout_in(folder: Path) -> RunLayout:
    return RunLayout(folder, "run-1", "")


def writer(folder: Path, workflow: str = "s1_tdd", attempt: int = 1) -> TraceWriter:
    return TraceWriter(layout_in(folder), CELL, attempt, workflow, Redactor([SECRET]))


def trace_file(folder: Path, name: str = "s1_tdd.jsonl") -> Path:
    return folder / "run-1" / "traces" / "calc__calc-1" / "s1_tdd+m-1" / "rep2" / name


escalations = st.builds(
    Escalation,
    targets=NAMES,
    invalidated=NAMES,
    e_count=st.integers(0, 9),
    e_max=st.integers(0, 9),
    failure_summary=st.text(max_size=2000),
    trigger=st.sampled_from(["STAGNATION", "RMAX_EXHAUSTED", "REVIEW", "RULE"]),
    stagnant_guard=WORDS,
)
events = st.builds(
    TraceEvent,
    type=st.sampled_from(EventType),
    step=WORDS,
    guard=WORDS,
    verdict=st.none() | st.sampled_from(GuardVerdict),
    attempt=st.integers(0, 999),
    e_count=st.integers(0, 9),
    summary=WORDS,
    agent=WORDS,
    escalation=st.none() | escalations,
)


@settings(max_examples=40)
@given(st.lists(events, min_size=1, max_size=4))
def test_what_is_written_is_read_back(told: list[TraceEvent]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for event in told:
            writer(Path(folder)).event(event)
        traced = read_trace(trace_file(Path(folder)))
    assert [one.event for one in traced] == told
    assert len({one.event_id for one in traced}) == len(told)
    assert {one.workflow_id for one in traced} == {"s1_tdd"}
    assert [one.created_at for one in traced] == sorted(one.created_at for one in traced)


def test_line_has_the_fields_of_the_format(tmp_path: Path) -> None:
    writer(tmp_path).event(TraceEvent(type=EventType.ESCALATE, step="ap_gen_test", e_count=1, escalation=BACK))
    writer(tmp_path).event(
        TraceEvent(type=EventType.GUARD, step="ap", guard="lint", verdict=GuardVerdict.FATAL, attempt=2, agent="tester")
    )
    escalate, guard = map(json.loads, trace_file(tmp_path).read_text().splitlines())
    fields = "event_id event_type action_pair_id workflow_id guard_name verdict attempt e_count summary created_at"
    assert list(escalate) == [*fields.split(), "escalation", "crc"]
    assert list(escalate["escalation"]) == [
        "targets", "invalidated", "e_count", "e_max", "failure_summary", "trigger", "stagnant_guard",
    ]  # fmt: skip
    assert (escalate["event_type"], escalate["verdict"], escalate["guard_name"]) == ("ESCALATE", None, None)
    assert list(guard) == [*fields.split(), "agent_id", "crc"]
    assert (guard["verdict"], guard["guard_name"], guard["agent_id"]) == ("FATAL", "lint", "tester")


def test_long_summary_is_cut_after_its_secrets_are_gone(tmp_path: Path) -> None:
    text = "x" * 490 + SECRET + "y" * 100
    writer(tmp_path).event(TraceEvent(type=EventType.NOTE, step="ap", summary=text))
    (traced,) = read_trace(trace_file(tmp_path))
    assert traced.event.summary == "x" * 490 + "[redact" + "..."
    assert len(traced.event.summary) == 500


def test_damaged_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    trace = writer(tmp_path)
    for step in ("one", "two", "three"):
        started(trace, step)
    path = trace_file(tmp_path)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    later = seal({**json.loads(first), "event_type": "INVENTED_LATER"})
    path.write_bytes(first + second.replace(b"two", b"owt") + later + seal({"kind": "else"}) + third[:-30])
    assert [traced.event.step for traced in read_trace(path)] == ["one"]
    started(trace, "four")  # a torn line costs no later one
    assert [traced.event.step for traced in read_trace(path)] == ["one", "four"]


def test_missing_trace_is_empty(tmp_path: Path) -> None:
    assert read_trace(tmp_path / "none.jsonl") == []
    assert read_traces(layout_in(tmp_path), CELL) == []
    assert load_trace_escalations(tmp_path / "run-1") == []


def test_workflows_and_attempts_have_files_of_their_own(tmp_path: Path) -> None:
    started(writer(tmp_path, "s1_tdd", 2), "later")
    started(writer(tmp_path), "first")
    started(writer(tmp_path, "../made by a model"), "second")
    started(writer(tmp_path, "s1_tdd.attempt2"), "third")
    assert {path.name for path in trace_file(tmp_path).parent.iterdir()} == {
        "s1_tdd.jsonl",
        "s1_tdd@attempt2.jsonl",
        "..-made-by-a-model.jsonl",
        "s1_tdd.attempt2.jsonl",
    }
    traces = read_traces(layout_in(tmp_path), CELL)
    assert [(trace.workflow, trace.attempt) for trace in traces] == [
        ("s1_tdd", 1),
        ("..-made-by-a-model", 1),
        ("s1_tdd.attempt2", 1),
        ("s1_tdd", 2),
    ]
    assert [trace.events[0].event.step for trace in traces] == ["first", "second", "third", "later"]
    assert traces[3].events[0].workflow_id == "s1_tdd@attempt2"


def test_nothing_is_made_before_there_is_something_to_tell(tmp_path: Path) -> None:
    writer(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_escalations_of_all_cells_are_found_where_the_writer_puts_them(tmp_path: Path) -> None:
    go_back_once(writer(tmp_path))
    other = Cell("calc__calc-2", "s1_tdd_review", 1)
    back = dataclasses.replace(BACK, trigger="REVIEW", stagnant_guard="")
    quiet, loud = (TraceWriter(layout_in(tmp_path), other, number, "flow", Redactor()) for number in (1, 2))
    passed(quiet, "ap_analysis")
    loud.event(TraceEvent(type=EventType.ESCALATE, step="ap_diff_review", escalation=back))
    found = load_trace_escalations(tmp_path / "run-1")
    assert [(one.cell, one.workflow_id, one.step, one.escalation) for one in found] == [
        (CELL, "s1_tdd", "ap_gen_test", BACK),
        (other, "flow@attempt2", "ap_diff_review", back),
    ]


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    for name in ("traces", "artifact_dags"):
        (tmp_path / "run-1").mkdir(exist_ok=True)
        (tmp_path / "run-1" / name).touch()
    with pytest.raises(RecordError, match=r"s1_tdd\.jsonl.*make that folder writable"):
        started(writer(tmp_path), "one")
    with pytest.raises(RecordError, match=r"artifact_dags.*make that folder writable"):
        writer(tmp_path).artifact(
            Artifact(artifact_id="abcd", step="one", attempt=1, content="", status=Status.PENDING)
        )
