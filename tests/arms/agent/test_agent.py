"""The arm from start to end, in working copies of the demo, with a scripted model."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.agent.agent import MAX_TURNS, Agent
from pytest_swebench.arms.protocol import Draft
from pytest_swebench.cell import Cell, Variant
from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.errors import BudgetExhausted, InputError, LimitReached
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.patch import changed_paths
from pytest_swebench.providers.admission import make_gate
from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.gate import Gated
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Provider
from pytest_swebench.providers.rate import Limiter
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.trace import EventType
from pytest_swebench.redact import Redactor
from pytest_swebench.run import CellResult, run_cell
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.workplace import Direct
from tests.arms.agent.scripted import Scripted, calls, context, says
from tests.run.bench import Bench
from tests.support.kept import Kept

BODY = """\
    for index, char in enumerate(line):
        if char == "#" and (index == 0 or line[index - 1].isspace()):
"""
MENDED = """\
    quoted = _QUOTED.match(line)
    for index in range(quoted.end() if quoted else 0, len(line)):
        if line[index] == "#" and (index == 0 or line[index - 1].isspace()):
"""
IMPORT = "from collections.abc import Iterator"
LEXER = "tinyconf/lexer.py"
LOOK = calls(("run", {"command": "grep -n strip_comment -r tinyconf"}), ("read_file", {"path": LEXER}), text="I look.")
EDIT = calls(
    ("edit_file", {"path": LEXER, "search": BODY, "replace": MENDED}),
    (
        "edit_file",
        {
            "path": LEXER,
            "search": IMPORT,
            "replace": f'import re\n{IMPORT}\n\n_QUOTED = re.compile(r\'[^=#]*=\\s*"[^"]*"\')',
        },
    ),
)
TEST = calls(("run_tests", {"args": ["-q", "tests"]}))
NOTE = calls(("edit_file", {"path": "notes.txt", "search": "", "replace": "seen"}))
SUBMIT = calls(("submit", {}))


@pytest.fixture
def bed(tmp_path: Path, backend: LocalBackend) -> Bench:
    return Bench(tmp_path / "results", backend)


def run(bed: Bench, model: Provider, *, turns: int | None = None, timeout_s: float | None = None) -> CellResult:
    arm = Agent()
    with closing(Journal(bed.layout.journals / "main.jsonl", Redactor())) as journal:
        context = dataclasses.replace(
            bed.context(arm, journal),
            variants={"agent": Variant("agent", "agent", "m", 0.0, turns)},
            outside=lambda cell, paid_before: Direct(model),
            solve_timeout_s=timeout_s,
        )
        return run_cell(context, Cell("tinyconf__tinyconf-5", "agent", 1))


def is_dead(pid: int) -> bool:
    """Say whether a process is gone, or has only its parent to wait for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_fault_is_found_mended_tested_and_resolved(bed: Bench) -> None:
    model = Scripted([LOOK, EDIT, TEST, SUBMIT])
    record = run(bed, model).record
    assert (record["outcome"], record["stop"], record["calls"]) == ("resolved", "submitted", 4)
    assert "passed" in model.told()[0]
    assert [call["name"] for call in record["tool_calls"]] == [
        *("run", "read_file", "edit_file", "edit_file", "run_tests", "submit")
    ]
    assert record["per_step_tokens"] == {"agent": 60}
    assert record["response_text"] == "I look."
    assert record["notes"] == ""


def test_the_first_request_tells_the_issue_and_nothing_hidden(bed: Bench, instance: Instance) -> None:
    model = Scripted([SUBMIT])
    run(bed, model)
    (request,) = model.requests
    (first,) = request.messages
    assert instance.problem.statement.strip() in first.content
    assert "There is no network" in request.system
    assert [tool.name for tool in request.tools] == ["run", "read_file", "edit_file", "run_tests", "submit"]
    words = "\n".join((request.system, first.content))
    assert not [name for name in instance.hidden.fail_to_pass if name.rpartition("::")[2] in words]
    assert bed.backend.name not in words
    assert "/tmp" not in words  # or a recording of one run would serve no other


def test_files_left_over_are_part_of_the_patch(bed: Bench) -> None:
    record = run(bed, Scripted([EDIT, NOTE, SUBMIT])).record
    assert changed_paths(record["patch"]) == ["notes.txt", LEXER]
    assert record["outcome"] == "resolved"


def test_a_model_that_never_stops_is_cut_at_its_steps_and_its_diff_is_graded(bed: Bench) -> None:
    model = Scripted([EDIT, LOOK])
    record = run(bed, model, turns=5).record
    assert len(model.requests) == 5
    assert (record["outcome"], record["stop"]) == ("resolved", "steps")
    assert record["notes"] == "the model had its 5 turns; --max-turns gives more"


def test_time_ends_it_inside_a_command_and_the_diff_is_graded(bed: Bench) -> None:
    model = Scripted([EDIT, calls(("run", {"command": "sleep 600"}))])
    record = run(bed, model, timeout_s=4.0).record
    assert (record["outcome"], record["stop"]) == ("resolved", "time")
    assert [call["name"] for call in record["tool_calls"]][2:] == ["run"]
    assert record["per_step_tokens"] == {"agent": 30}


def test_the_cost_of_a_cell_is_capped_by_the_arm_and_the_diff_is_graded(bed: Bench, tmp_path: Path) -> None:
    caps, prices = Caps(max_tokens=10**8), Prices(["m=40,40"])
    path = tmp_path / "run.sqlite"
    with closing(Ledger(path, caps, prices)) as ledger, closing(Limiter(path)) as limiter:
        gate = make_gate(ledger, limiter, "c", "agent", "scripted", own_cap_usd=Agent.max_cost_usd)
        model = Scripted([EDIT, LOOK])
        record = run(bed, Gated(model, gate)).record
    assert (record["outcome"], record["stop"]) == ("resolved", "cost")
    assert "the arm's own limit $3.00 of c: " in record["notes"]
    assert record["notes"].endswith("--max-cost-per-cell sets another")
    assert 1 < len(model.requests) < MAX_TURNS


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([says("It works as documented.")], Outcome.NO_PATCH),
        ([calls(("fly", {}), ("run", {}))], Outcome.LIMIT),
        ([LOOK], Outcome.LIMIT),
        ([SUBMIT], Outcome.NO_PATCH),
    ],
)
def test_without_a_change_there_is_nothing_to_grade(bed: Bench, steps: list[Any], outcome: Outcome) -> None:
    result = run(bed, Scripted(steps), turns=6)
    assert result.outcome is outcome
    assert result.record["patch"] == ""


def test_a_silent_model_is_noted_and_its_change_counts(bed: Bench) -> None:
    record = run(bed, Scripted([EDIT, says("Done.")])).record
    assert (record["outcome"], record["stop"]) == ("resolved", "submitted")
    assert record["notes"] == "the model stopped calling tools and never submitted"


def test_commands_are_kept_for_the_audit(backend: LocalBackend, instance: Instance, tmp_path: Path) -> None:
    drafts: list[Draft] = []
    trace = Kept()
    model = Scripted([LOOK, TEST, SUBMIT])
    with closing(backend.open(instance)) as sandbox:
        solution = Agent().solve(
            context(model, tmp_path, sandbox=lambda: sandbox, problem=instance.problem, drafts=drafts, trace=trace)
        )
    assert solution.commands[0] == "grep -n strip_comment -r tinyconf"
    assert solution.commands[1].endswith("-m pytest -q tests")
    assert drafts[-1].commands == solution.commands
    assert [event.type for event in trace.events] == [
        EventType.STEP_START,
        *(EventType.ATTEMPT, EventType.NOTE, EventType.NOTE, EventType.ATTEMPT, EventType.NOTE),
        *(EventType.ATTEMPT, EventType.NOTE, EventType.STEP_PASS),
    ]


@pytest.mark.parametrize("limit", [BudgetExhausted("cell", "no money"), LimitReached(Stop.TIME, "no time")])
def test_a_limit_is_told_in_the_trace_and_closes_the_shell(
    backend: LocalBackend, instance: Instance, tmp_path: Path, limit: LimitReached
) -> None:
    trace = Kept()
    model = Scripted([calls(("run", {"command": "sleep 1000 & echo $!"})), limit])
    with closing(backend.open(instance)) as sandbox:
        with pytest.raises(LimitReached):
            Agent().solve(context(model, tmp_path, sandbox=lambda: sandbox, problem=instance.problem, trace=trace))
        pid = int(model.told()[0].splitlines()[1])
        assert is_dead(pid)
    assert (trace.events[-1].type, trace.events[-1].summary) == (EventType.STEP_FAIL, str(limit))


def test_turns_that_are_used_up_are_a_failed_step(backend: LocalBackend, instance: Instance, tmp_path: Path) -> None:
    trace = Kept()
    with closing(backend.open(instance)) as sandbox:
        given = context(
            Scripted([LOOK]), tmp_path, sandbox=lambda: sandbox, problem=instance.problem, turns=2, trace=trace
        )
        assert Agent().solve(given).stop is Stop.STEPS
    assert (trace.events[-1].type, trace.events[-1].attempt) == (EventType.STEP_FAIL, 2)


def test_where_no_network_can_be_lent_nothing_is_offered_and_that_is_noted(
    backend: LocalBackend, instance: Instance, tmp_path: Path
) -> None:
    model = Scripted([SUBMIT])
    with closing(backend.open(instance)) as sandbox:
        given = context(model, tmp_path, sandbox=lambda: sandbox, problem=instance.problem)
        solution = Agent("install").solve(given)
    assert "pip_install" not in [tool.name for tool in model.requests[0].tools]
    assert "no network to give" in solution.notes


def test_pytest_is_offered_for_python_alone(backend: LocalBackend, instance: Instance, tmp_path: Path) -> None:
    model = Scripted([SUBMIT])
    problem = dataclasses.replace(instance.problem, language="go")
    with closing(backend.open(instance)) as sandbox:
        Agent().solve(context(model, tmp_path, sandbox=lambda: sandbox, problem=problem))
    assert [tool.name for tool in model.requests[0].tools] == ["run", "read_file", "edit_file", "submit"]


def test_scenarios_are_refused(instance: Instance) -> None:
    scenario = Instance(problem=Problem(instance_id="talk-1", statement="hello"), kind=Kind.SCENARIO)
    Agent().check([instance])
    with pytest.raises(InputError, match="arm 'agent': 'talk-1' is a prompt scenario"):
        Agent().check([instance, scenario])


def test_the_version_covers_what_an_agent_may_do() -> None:
    assert Agent().version == Agent("none").version
    assert Agent().version != Agent("install").version


def test_its_limits_are_those_of_the_field() -> None:
    assert (MAX_TURNS, Agent.max_cost_usd, Agent.timeout_s, Agent.takes_turns) == (250, 3.0, 3600.0, True)
    assert (Agent.name, Agent.paid, Agent.oracle) == ("agent", True, False)


def test_what_it_costs_is_foretold(instance: Instance) -> None:
    expected = Agent().expected(instance.problem)
    assert 0 < expected.calls[0] < expected.calls[1] <= MAX_TURNS
    assert 0 < expected.input_tokens[0] < expected.input_tokens[1]
