"""The worked example of the documentation, run as a person would run it."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_swebench.arms.workflow.check import check_workflow
from pytest_swebench.arms.workflow.declaration import Workflow
from pytest_swebench.arms.workflow.guards.registry import GUARDS, guard
from pytest_swebench.arms.workflow.shapes import SHAPES, Patch
from pytest_swebench.records.trace import EventType
from pytest_swebench.records.tracereader import read_trace
from tests.arms.workflows.answers import GOOD, patch
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.runs import without_settings
from tests.support.workflows import step
from tests.test_project import python_block

DOCUMENT = Path(__file__).parents[3] / "docs" / "workflows.md"
INSTANCE = "tinyconf__tinyconf-5"
LOST = GOOD["analysis"] | {"files": ["tinyconf/nowhere.py"]}


def rows(columns: int) -> list[tuple[str, ...]]:
    """Return the document's table rows of so many columns."""
    lines = (line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| "))
    cells = (tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines)
    return [row for row in cells if len(row) == columns]


def listed(shapes: Iterable[object]) -> str:
    return ", ".join(f"`{one}`" for one in shapes)


def test_the_table_of_guards_is_that_of_the_code() -> None:
    table = rows(5)[1:]
    assert [row[:4] for row in table] == [
        (f"`{name}`", f"`{one.judges.__name__}`", listed(it.__name__ for it in one.takes), "yes" if one.oracle else "")
        for name, one in ((name, guard(name)) for name in GUARDS)
    ]
    assert all(row[4] for row in table)


def test_the_table_of_shapes_is_that_of_the_code() -> None:
    known = [(f"`${shape.key}`", f"`{shape.__name__}`", listed(shape.model_fields)) for shape in SHAPES]
    assert rows(3)[1:] == known


def test_the_guard_of_ones_own_judges_a_patch() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (block,) = re.findall(r"^    from .*?(?=^\S)", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block), names)
    short = names["Short"]()
    check_workflow(Workflow(name="w", steps=(step("p", Patch, guards=(short,)),)))
    said = [short.check(None, SimpleNamespace(diff=lambda answer, n=n: "line\n" * n)) for n in (49, 50)]
    assert [report.passed for report in said] == [True, False]
    assert said[1].feedback == "50 lines of diff; keep it below 50"


def example() -> str:
    return python_block(DOCUMENT)


def test_the_example_has_less_than_twenty_lines() -> None:
    assert len(re.findall(r"^.+$", example(), re.MULTILINE)) < 20


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    without_settings(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-loopback")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            'guards=(guard("analysis"),)',
            'guards=(guard("anlysis"),)',
            "unknown guard 'anlysis'; did you mean 'analysis'?",
        ),
        (
            'prompt=FIND, guards=(guard("analysis"),)',
            'prompt=FIND, requires=("mend",)',
            "workflow 'find_and_mend': steps that wait for one another: find -> mend -> find",
        ),
        ("$analysis", "$analyss", "unknown placeholder '$analyss'; did you mean '$analysis'?"),
    ],
)
@pytest.mark.usefixtures("alone")
def test_a_workflow_that_could_not_run_is_refused_before_any_cell(
    pytester: pytest.Pytester, right: str, wrong: str, message: str
) -> None:
    assert right in example()
    pytester.makeconftest(example().replace(right, wrong))
    done = pytester.runpytest_subprocess("-m", "experiment", "--dataset=demo", "--arms=find_and_mend", timeout=120)
    assert message in done.stderr.str() + done.stdout.str()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert not list(pytester.path.glob("results/*/cells/*"))


@pytest.mark.usefixtures("alone")
def test_the_example_is_an_arm_with_its_own_trace(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(example())
    wrong = patch(search="    no such line\n")
    said = [LOST, GOOD["analysis"], wrong, wrong, GOOD["analysis"], GOOD["patch"]]
    with LLMServer([ScriptedAnswer(text=json.dumps(answer)) for answer in said]) as server:
        arguments = ["-m", "experiment", "--dataset=demo", "--arms=find_and_mend", f"--instances={INSTANCE}"]
        model = ["--provider=openai", "--model=some-model", "--price=0", f"--provider-url={server.openai_url}"]
        done = pytester.runpytest_subprocess(*arguments, *model, timeout=120)
        assert len(server.requests) == 6
    done.assert_outcomes(passed=1)
    (results,) = (pytester.path / "results").glob("*/results.jsonl")
    record = json.loads(results.read_text(encoding="utf-8"))
    assert (record["outcome"], record["oracle"], record["retry_count"]) == ("resolved", False, 3)
    assert (record["failed_step"], record["per_step_tokens"]) == (None, {"find": 45, "mend": 45})
    trace = read_trace(results.parent / "traces" / INSTANCE / "find_and_mend" / "rep1" / "find_and_mend.jsonl")
    told = [(traced.event.type, traced.event.step) for traced in trace if traced.event.type is not EventType.ATTEMPT]
    assert [f"{kind} {step}" for kind, step in told] == [
        "STEP_START find",
        "GUARD find",
        "GUARD find",
        "STEP_PASS find",
        "STEP_START mend",
        "GUARD mend",
        "GUARD mend",
        "STAGNATION mend",
        "ESCALATE mend",
        "CASCADE_INVALIDATE find",
        "STEP_START find",
        "GUARD find",
        "STEP_PASS find",
        "STEP_START mend",
        "GUARD mend",
        "GUARD mend",
        "STEP_PASS mend",
    ]
