"""The tracer against the real LangSmith client and a server on the loopback that records what it is sent."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.events import CellFinished, CellStarted, PhaseStarted
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.langsmith.account import Account
from pytest_swebench.reporting.langsmith.attempt import attempt_of, feedback_of, recorded
from pytest_swebench.reporting.langsmith.tracer import Tracer, make_tracer
from tests.support.langsmith_server import LangSmithServer, env_for, langsmith_server, project
from tests.support.made import made_record

CELL = Cell("django__django-11099", "s1_tdd", 2)
INPUTS = {
    "run_id": "run-7",
    "variant": "s1_tdd",
    "rep": 2,
    "arm": "s1_tdd",
    "model": "m-1",
    "instance_id": "django__django-11099",
}
RECORD: dict[str, Any] = {
    "outcome": "resolved",
    "stop": "submitted",
    "resolved": True,
    "cost_usd": 0.25,
    "tokens": {"input": 10, "output": 5, "cache_read": 0, "cache_write": 0},
    "response_text": "done",
    "tool_calls": [],
    "patch": "diff --git a/x b/x\n",
    "error": None,
}
STARTED = "2026-01-02T03:04:05.678+00:00"
RUN_ONE_CELL = f"""
from pytest_swebench.cell import Cell
from pytest_swebench.events import CellFinished, CellStarted
from pytest_swebench.reporting.langsmith.tracer import make_tracer

def run_one_cell(tracer):
    tracer(CellStarted({CELL!r}, 1, {INPUTS!r}, {STARTED!r}))
    tracer(CellFinished({CELL!r}, {RECORD!r}))
"""
ENOUGH_S = 120.0  # only a bound for a stuck test: everything arrives as soon as it is sent


@pytest.fixture
def server() -> Iterator[LangSmithServer]:
    with langsmith_server() as state:
        yield state


def tracer_for(url: str, notices: list[str], **more: str) -> Tracer:
    tracer = make_tracer(env_for(url, **more), notices.append)
    assert tracer is not None
    return tracer


def trace(tracer: Tracer, record: dict[str, Any] = RECORD, attempt: int = 1) -> None:
    tracer(CellStarted(CELL, attempt, INPUTS, STARTED))
    tracer(PhaseStarted(CELL, "solve"))
    tracer(CellFinished(CELL, record))


def test_closing_waits_as_long_as_messages_arrive(server: LangSmithServer) -> None:
    """Twenty of them here, at 0.2 seconds each, with a wait of 3 seconds for any."""
    notices: list[str] = []
    tracer = tracer_for(server.url, notices)
    server.delay_s = 0.2
    for rep in range(1, 11):
        tracer(CellStarted(Cell("a__a-1", "v", rep), 1, INPUTS, STARTED))
    tracer.close(3.0, ENOUGH_S)
    assert notices == []
    assert len(server.sent("PATCH", "/runs")) == 10


def test_password_in_an_address_stays_out_of_what_is_told(server: LangSmithServer) -> None:
    notices: list[str] = []
    server.refuse = ("/runs",)
    host = server.url.removeprefix("http://")
    tracer = tracer_for(f"http://someone:pass@word@{host}", notices)
    trace(tracer)
    tracer.close(ENOUGH_S)
    assert f"did not reach http://{host}; " in notices[-1]
    assert "word@" not in "".join(notices)
    assert "word@" not in repr(Account(key="k", endpoint=f"http://a:pass@word@{host}", project="p"))


def test_a_cell_becomes_a_run_with_its_inputs_and_outputs(server: LangSmithServer) -> None:
    notices: list[str] = []
    tracer = tracer_for(server.url, notices)
    trace(tracer)
    tracer.close(ENOUGH_S)
    (started,) = server.sent("POST", "/runs")
    (ended,) = server.sent("PATCH", f"/runs/{started['id']}")
    assert started["name"] == "django__django-11099/s1_tdd/r2"
    assert started["session_name"] == "pytest-swebench"
    assert started["inputs"] == {**INPUTS, "attempt": 1}
    assert ended["outputs"]["outcome"] == "resolved"
    assert ended["outputs"]["resolved"] is True
    assert ended["outputs"]["cost_usd"] == 0.25
    assert ended["outputs"]["tokens"]["input"] == 10
    assert ended["outputs"]["patch_chars"] == len(RECORD["patch"])
    assert ended.get("error") is None
    assert ended["end_time"] > started["start_time"]
    assert notices == []


def test_feedback_carries_variant_run_id_and_rep(server: LangSmithServer) -> None:
    tracer = tracer_for(server.url, [])
    trace(tracer)
    tracer.close(ENOUGH_S)
    run_id = server.sent("POST", "/runs")[0]["id"]
    said = {body["key"]: body for body in server.sent("POST", "/feedback")}
    assert {key: body.get("value", body.get("score")) for key, body in said.items()} == {
        "variant": "s1_tdd",
        "run_id": "run-7",
        "rep": 2.0,
        "outcome": "resolved",
        "resolved": 1.0,
    }
    assert {body["run_id"] for body in said.values()} == {run_id}
    assert {body["session_id"] for body in said.values()} == {project("pytest-swebench")["id"]}


def test_an_existing_project_is_used_as_it_is(server: LangSmithServer) -> None:
    server.projects.append("mine")
    tracer = tracer_for(server.url, [], LANGSMITH_PROJECT="mine")
    trace(tracer)
    tracer.close(ENOUGH_S)
    assert server.sent("POST", "/sessions") == []
    assert server.sent("POST", "/runs")[0]["session_name"] == "mine"
    assert {body["session_id"] for body in server.sent("POST", "/feedback")} == {project("mine")["id"]}


def test_the_error_of_a_cell_is_the_error_of_its_run(server: LangSmithServer) -> None:
    tracer = tracer_for(server.url, [])
    error = {"type": "SandboxLost", "message": "the container died"}
    trace(tracer, {**RECORD, "outcome": "infra", "resolved": None, "error": error})
    tracer.close(ENOUGH_S)
    assert server.sent("PATCH", "/runs")[0]["error"] == "SandboxLost: the container died"
    assert {body["key"] for body in server.sent("POST", "/feedback")} == {"variant", "run_id", "rep", "outcome"}


def test_attempts_of_one_cell_are_runs_of_their_own(server: LangSmithServer) -> None:
    tracer = tracer_for(server.url, [])
    trace(tracer)
    trace(tracer, attempt=2)
    tracer.close(ENOUGH_S)
    assert sorted(run["inputs"]["attempt"] for run in server.runs.values()) == [1, 2]
    assert len(server.sent("PATCH", "/runs")) == 2


def test_ids_are_of_version_7_and_of_one_attempt_alone() -> None:
    inputs = {**INPUTS, "attempt": 1}
    one = attempt_of("p", str(CELL), inputs, STARTED)
    assert attempt_of("p", str(CELL), inputs, STARTED) == one
    assert (one.id.version, one.id.variant) == (7, uuid.RFC_4122)
    assert one.id.int >> 80 == 1767323045678  # 2026-01-02 03:04:05.678 in ms
    others = [
        attempt_of("q", str(CELL), inputs, STARTED),
        attempt_of("p", "other", inputs, STARTED),
        attempt_of("p", str(CELL), {**inputs, "attempt": 2}, STARTED),
        attempt_of("p", str(CELL), {**inputs, "run_id": "run-8"}, STARTED),
    ]
    assert len({one.id, *(other.id for other in others)}) == 5


def test_a_cell_cut_off_is_ended_as_interrupted(server: LangSmithServer) -> None:
    tracer = tracer_for(server.url, [])
    tracer(CellStarted(CELL, 1, INPUTS, STARTED))
    tracer.close(ENOUGH_S)
    tracer.close(ENOUGH_S)
    assert [body["error"] for body in server.sent("PATCH", "/runs")] == ["interrupted"]
    assert server.sent("POST", "/feedback") == []


def test_a_refused_trace_is_told_once_and_logs_no_traceback(
    server: LangSmithServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuse = ("/feedback",)
    notices: list[str] = []
    tracer = tracer_for(server.url, notices)
    with caplog.at_level(logging.WARNING):
        trace(tracer)
        trace(tracer)
        tracer.close(ENOUGH_S)
    assert len([notice for notice in notices if "did not reach" in notice]) == 1
    assert "2 of 4 messages" in notices[-1]
    assert "422" in notices[-1]
    assert [entry.getMessage() for entry in caplog.records] == []


def test_warnings_made_errors_meanwhile_lose_no_trace(server: LangSmithServer) -> None:
    # pytest sets the filters of the whole process anew around every test, whatever other threads are importing
    script = f"""
import sys, warnings
{RUN_ONE_CELL}
tracer = make_tracer({env_for(server.url)!r}, print)
run_one_cell(tracer)
for _ in range(3_000_000):
    warnings.resetwarnings()
    warnings.simplefilter("error")
    if hasattr(sys.modules.get("langsmith.client"), "Client"):
        break
tracer.close({ENOUGH_S})
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ENOUGH_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(server.sent("POST", "/runs")) == 1
    assert len(server.sent("POST", "/feedback")) == 5


def test_a_dead_endpoint_neither_raises_nor_prints_nor_holds_the_process() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    script = f"""
{RUN_ONE_CELL}
tracer = make_tracer({env_for(url)!r}, print)
run_one_cell(tracer)
tracer.close(0.1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=ENOUGH_S, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(f"LangSmith: 2 of 2 messages did not reach {url}")


def test_a_missing_key_is_one_notice() -> None:
    notices: list[str] = []
    assert make_tracer({"LANGSMITH_TRACING": "1"}, notices.append) is None
    assert len(notices) == 1
    assert "LANGSMITH_API_KEY" in notices[0]


def test_the_option_asks_as_the_variable_does(server: LangSmithServer) -> None:
    env = {name: value for name, value in env_for(server.url).items() if name != "LANGSMITH_TRACING"}
    notices: list[str] = []
    assert make_tracer(env, notices.append, asked=True) is not None
    assert make_tracer({}, notices.append, asked=True) is None
    assert [notice[:26] for notice in notices] == ["--langsmith: no traces: LA"]


def test_a_missing_package_is_one_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langsmith", None)
    notices: list[str] = []
    assert make_tracer(env_for("http://127.0.0.1:9"), notices.append) is None
    assert len(notices) == 1
    assert "pytest-swebench[langsmith]" in notices[0]


@pytest.mark.parametrize("tracing", [None, "", "false", "0", "off"])
def test_tracing_that_was_not_asked_for_is_silent(tracing: str | None) -> None:
    env = {"LANGSMITH_API_KEY": "key"} | ({} if tracing is None else {"LANGSMITH_TRACING": tracing})
    notices: list[str] = []
    assert make_tracer(env, notices.append) is None
    assert notices == []


def test_a_record_gives_the_attempt_that_tracing_gave(server: LangSmithServer) -> None:
    record = made_record(CELL, run_id="run-7", started_at=STARTED)
    tracer = tracer_for(server.url, [])
    inputs = {name: record[name] for name in ("run_id", "arm", "model")}
    tracer(CellStarted(CELL, 1, inputs, STARTED))
    tracer(CellFinished(CELL, record))
    tracer.close(ENOUGH_S)
    attempt, ending = recorded("pytest-swebench", record)
    (run,) = server.runs.values()
    assert (run["id"], run["inputs"], run["outputs"]) == (str(attempt.id), attempt.inputs, ending.outputs)


def test_a_cell_that_never_began_is_placed_where_it_was_given_up() -> None:
    record = made_record(CELL, Outcome.INFRA) | {"started_at": "", "finished_at": STARTED}
    attempt, ending = recorded("p", record)
    assert attempt.started_at == ending.at == datetime.fromisoformat(STARTED)


def test_numbers_are_scores_and_words_are_values() -> None:
    record = {"outcome": "captured", "resolved": None}
    assert feedback_of({"variant": "v", "run_id": "r", "rep": 3}, record) == (
        ("variant", {"value": "v"}),
        ("run_id", {"value": "r"}),
        ("rep", {"score": 3.0}),
        ("outcome", {"value": "captured"}),
    )


def test_the_key_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Account(key="secret", endpoint="http://x", project="p"))


def test_importing_the_tracer_does_not_load_langsmith() -> None:
    names = ", ".join(f"pytest_swebench.reporting.langsmith.{name}" for name in ("tracer", "export"))
    script = f"import sys, {names}; print('langsmith' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=ENOUGH_S, check=True)
    assert done.stdout.strip() == "False"
