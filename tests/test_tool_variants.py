"""The tool-variants experiment: equal abilities, complete recordings, and the whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments.tool_variants.abilities import (
    ABILITIES,
    APPLIKE,
    APPS,
    BASELINE,
    VARIANTS,
    Ability,
    tool_set,
    wire_call,
)
from experiments.tool_variants.answers import ANSWERS
from experiments.tool_variants.arms import ToolArm, request_for
from experiments.tool_variants.record import HERE, MODEL, TEMPERATURE, exchanges, prompts
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Instance, Kind, Problem
from pytest_swebench.errors import InputError, ReplayMiss
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, ToolCall, Usage
from pytest_swebench.providers.replay import ReplayProvider, read_recordings, write_recordings
from pytest_swebench.sandbox.protocol import Sandbox

ROOT = Path(__file__).parents[1]
SAMPLES = 3
_EXAMPLES: dict[str, Any] = {"string": "x", "integer": 30, "array": ["x"]}


def complaints(variant: str, name: str, arguments: dict[str, Any]) -> list[str]:
    """Say what the schema of `name` has against `arguments`."""
    tools = {tool.name: tool.parameters for tool in tool_set(variant)}
    if name not in tools:
        return [f"no tool {name}"]
    schema, found = tools[name], []
    found += [f"{key} is missing" for key in schema["required"] if key not in arguments]
    for key, value in arguments.items():
        field = schema["properties"].get(key)
        if field is None:
            found.append(f"{key} is unknown")
        elif type(value) is not {"string": str, "integer": int, "array": list}[field["type"]]:
            found.append(f"{key} is no {field['type']}")
        elif "enum" in field and value not in field["enum"]:
            found.append(f"{key} cannot be {value}")
    return found


def example(ability: Ability) -> dict[str, Any]:
    """Return arguments that use every field of `ability`, typed as the baseline tool wants them."""
    (schema,) = [tool.parameters for tool in tool_set(BASELINE) if tool.name == ability.tool]
    return {key: field.get("enum", [_EXAMPLES[field["type"]]])[0] for key, field in schema["properties"].items()}


def context_for(tmp_path: Path, provider: ReplayProvider, arm: ToolArm, scenario_id: str, rep: int) -> SolveContext:
    def no_sandbox() -> Sandbox:
        raise AssertionError("a prompt scenario needs no sandbox")

    return SolveContext(
        problem=Problem(instance_id=scenario_id, statement=prompts()[scenario_id]),
        variant=Variant(arm.name, arm.name, MODEL, TEMPERATURE),
        rep=rep,
        provider=provider,
        sandbox=no_sandbox,
        folder=tmp_path,
    )


@pytest.mark.parametrize("ability", ABILITIES, ids=lambda ability: ability.tool)
def test_both_variants_express_every_ability_with_the_same_arguments(ability: Ability) -> None:
    arguments = example(ability)
    assert set(arguments) == {*ability.required, *ability.optional}
    for variant in VARIANTS:
        name, sent = wire_call(variant, ability, arguments)
        assert complaints(variant, name, sent) == []
        assert {key: value for key, value in sent.items() if key != "action"} == arguments


def test_neither_variant_can_do_more_than_the_table() -> None:
    narrow = {tool.name for tool in tool_set(BASELINE)}
    actions = {
        (tool.name, action) for tool in tool_set(APPLIKE) for action in tool.parameters["properties"]["action"]["enum"]
    }
    assert narrow == {ability.tool for ability in ABILITIES}
    assert actions == {(ability.app, ability.action) for ability in ABILITIES}
    assert len(narrow) == len(actions) == len(ABILITIES) == 17
    assert {tool.name for tool in tool_set(APPLIKE)} == set(APPS)


def test_app_tools_say_which_arguments_an_action_needs() -> None:
    described = {tool.name: tool.description for tool in tool_set(APPLIKE)}
    for ability in ABILITIES:
        (line,) = [text for text in described[ability.app].splitlines() if text.startswith(f"- {ability.action}(")]
        assert all(name in line for name in ability.required)
        assert all(f"[{name}]" in line for name in ability.optional)


def test_there_are_twenty_scenarios_in_five_even_categories() -> None:
    rows = [json.loads(line) for line in (HERE / "scenarios.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({row["scenario_id"] for row in rows}) == len({row["prompt"] for row in rows}) == 20
    assert Counter(row["category"] for row in rows) == dict.fromkeys(
        ("single", "several", "lookup", "unclear", "no_tool"), 4
    )
    assert {row["scenario_id"] for row in rows} == set(ANSWERS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_scenario_is_answered_in_every_sample(variant: str) -> None:
    recorded = {(recording.request_digest, recording.sample) for recording in read_recordings(HERE / "answers.jsonl")}
    for prompt in prompts().values():
        for sample in range(1, SAMPLES + 1):
            request = request_for(variant, prompt, model=MODEL, temperature=TEMPERATURE, sample=sample)
            assert (request.digest, sample) in recorded


def test_the_recordings_are_those_of_the_table(tmp_path: Path) -> None:
    write_recordings(tmp_path / "anew.jsonl", exchanges())
    assert (tmp_path / "anew.jsonl").read_bytes() == (HERE / "answers.jsonl").read_bytes()


def test_every_recorded_call_fits_its_tool() -> None:
    for request, answer in exchanges():
        variant = BASELINE if request.tools == tool_set(BASELINE) else APPLIKE
        for call in answer.tool_calls:
            assert complaints(variant, call.name, call.arguments) == []
        assert (answer.stop_reason is StopReason.TOOL_USE) == bool(answer.tool_calls)
        assert answer.text or answer.tool_calls


def test_about_a_third_of_the_recordings_call_tools_without_a_word() -> None:
    answers = [answer for _, answer in exchanges()]
    silent = [answer for answer in answers if not answer.text]
    assert len(answers) == 120
    assert 30 <= len(silent) <= 50


def test_samples_and_variants_differ() -> None:
    for scenario_id, answers in ANSWERS.items():
        assert len(set(map(repr, answers.baseline))) > 1, scenario_id
        assert len(set(map(repr, answers.applike))) > 1, scenario_id
        assert answers.baseline != answers.applike, scenario_id


def test_the_arm_captures_what_was_said_and_called(tmp_path: Path) -> None:
    provider = ReplayProvider(HERE / "answers.jsonl")
    for variant, calls in (
        (BASELINE, ({"name": "add_task", "args": {"title": "Renew passport", "due": "2026-03-06"}},)),
        (APPLIKE, ({"name": "tasks", "args": {"action": "add", "title": "Renew passport", "due": "2026-03-06"}},)),
    ):
        solution = ToolArm(variant).solve(context_for(tmp_path, provider, ToolArm(variant), "renew_passport", 1))
        assert solution.tool_calls == calls
        assert solution.response_text == ""
        assert solution.patch == ""
        assert solution.stop is Stop.SUBMITTED


def test_a_repetition_gets_its_own_sample(tmp_path: Path) -> None:
    provider, arm = ReplayProvider(HERE / "answers.jsonl"), ToolArm(BASELINE)
    said = [arm.solve(context_for(tmp_path, provider, arm, "team_meeting", rep)).response_text for rep in (1, 2, 3)]
    assert said == [sample.text for sample in ANSWERS["team_meeting"].baseline]


@pytest.mark.parametrize(
    ("reason", "stop", "notes"),
    [(StopReason.MAX_TOKENS, Stop.ANSWER_CUT, ""), (StopReason.REFUSAL, Stop.SUBMITTED, "the model refused")],
)
def test_a_cut_or_refused_answer_is_told(tmp_path: Path, reason: StopReason, stop: Stop, notes: str) -> None:
    request = request_for(BASELINE, prompts()["thanks"], model=MODEL, temperature=TEMPERATURE, sample=1)
    call = ToolCall("call_1", "list_tasks", {})
    answer = Answer(text="", model=MODEL, stop_reason=reason, usage=Usage(), tool_calls=(call,))
    write_recordings(tmp_path / "one.jsonl", [(request, answer)])
    arm = ToolArm(BASELINE)
    solution = arm.solve(context_for(tmp_path, ReplayProvider(tmp_path / "one.jsonl"), arm, "thanks", 1))
    assert solution.stop is stop
    assert solution.notes == notes


def test_a_changed_prompt_is_not_answered() -> None:
    provider = ReplayProvider(HERE / "answers.jsonl")
    request = request_for(BASELINE, "What's on tomorrow?", model=MODEL, temperature=TEMPERATURE, sample=1)
    with pytest.raises(ReplayMiss, match=r"answers\.jsonl"):
        provider.complete(request, timeout_s=1.0)


def test_the_arms_declare_what_they_are() -> None:
    arms = [ToolArm(name) for name in VARIANTS]
    assert [arm.name for arm in arms] == ["tools_baseline", "tools_applike"]
    assert all(arm.paid and not arm.oracle for arm in arms)
    assert arms[0].version != arms[1].version


def test_an_instance_with_a_repository_is_refused_before_anything_runs() -> None:
    scenario = Instance(problem=Problem(instance_id="s", statement="hello"), kind=Kind.SCENARIO)
    issue = Instance(problem=Problem(instance_id="django__django-11099", statement="broken"))
    ToolArm(BASELINE).check([scenario])
    with pytest.raises(InputError, match="'django__django-11099' is of kind 'issue'"):
        ToolArm(BASELINE).check([scenario, issue])


def test_requests_of_both_variants_differ_in_tools_alone() -> None:
    one, other = (request_for(name, "hi", model=MODEL, temperature=TEMPERATURE, sample=1) for name in VARIANTS)
    assert one == Request(
        model=MODEL,
        messages=(Message("user", "hi"),),
        system=other.system,
        max_tokens=other.max_tokens,
        temperature=TEMPERATURE,
        tools=one.tools,
    )
    assert one.tools != other.tools


@pytest.mark.parametrize("workers", [0, 2])
def test_the_experiment_runs_from_its_recordings(tmp_path: Path, workers: int) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "LANGSMITH_", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:langsmith_plugin", "-p", "no:cacheprovider"]
    command += ["experiments/test_tool_variants.py", "-m", "experiment", "--count", "3", "-n", str(workers)]
    command += ["--output-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "120 passed" in done.stdout
    files = sorted(tmp_path.glob("tools_*_run*_*.jsonl"))
    assert [path.name.split("_2")[0] for path in files] == [
        f"{variant}_run{rep}" for variant in sorted(VARIANTS) for rep in (1, 2, 3)
    ]
    for path in files:
        metadata, *results = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert metadata["type"] == "run_metadata"
        assert metadata["temperature"] == TEMPERATURE
        assert {result["type"] for result in results} == {"scenario_result"}
        assert sorted(result["scenario_id"] for result in results) == sorted(prompts())
        assert all(result["response_text"] or result["tool_calls"] for result in results)
