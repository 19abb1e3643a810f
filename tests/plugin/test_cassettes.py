"""Runs recorded and played again: no call, no key, the same patches and verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Run
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.recorded import RecordedAnswers
from tests.support.runs import lines

SAME = ("patch", "outcome", "resolved", "verdict", "response_text", "tokens", "stop", "notes")
REAL = ("pytest-dev__pytest-10356", "sympy__sympy-24661")


def demo(*more: str) -> tuple[str, ...]:
    return (
        *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "--count=2"),
        *("--provider=openai", "--model=demo-model", "--max-instances=4", *more),
    )


def test_recorded_demo_replays_without_calls_or_key(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        url = f"--provider-url={server.openai_url}"
        assert run(*demo(url, "--price=1,2", "--cassette=record", "--run-id=recorded")).ret == 0
    assert answers.asked.total() == 8
    monkeypatch.delenv("LLM_API_KEY")
    again = run(*demo(url, "--cassette=replay", "--run-id=replayed", "-n", "2"))
    assert again.ret == 0
    assert comparable(pytester.path, "replayed") == comparable(pytester.path, "recorded")
    assert {record["cost_usd"] for record in lines(pytester.path, "replayed")} == {0.0}
    assert {tuple(record["served"].items()) for record in lines(pytester.path, "replayed")} == {(("cassette", 1),)}


def test_changed_prompt_is_told_with_its_step_and_never_answered(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        options = demo(f"--provider-url={server.openai_url}", "--price=1,2", "--max-instances=1", "--count=1")
        assert run(*options, "--cassette=record").ret == 0
        changed = run(*options, "--cassette=replay", "--context-tokens=2500")
    assert answers.asked.total() == 1
    assert changed.ret == 1
    changed.stdout.fnmatch_lines(["*ReplayMiss: step 1 differs *message 1 (user) at character *recorded*asked*"])


def test_once_asks_only_what_is_missing(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        options = demo(f"--provider-url={server.openai_url}", "--price=1,2", "--cassette=once")
        assert run(*options, "--max-instances=2").ret == 0
        assert answers.asked.total() == 4
        assert run(*options).ret == 0
    assert answers.asked.total() == 8


def test_replay_without_cassettes_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    refused = run(*demo("--cassette=replay"))
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*--cassette replay: no cassettes in *record them first*"])


def test_models_have_cassettes_of_their_own(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        options = demo(f"--provider-url={server.openai_url}", "--price=1,2", "--max-instances=1", "--count=1")
        for model in ("one", "two"):
            assert run(*options, f"--model={model}", "--cassette=record").ret == 0
    for model in ("one", "two"):
        assert run(*options, f"--model={model}", "--cassette=replay").ret == 0
    assert answers.asked.total() == 2


def test_cached_answers_are_paid_once_over_runs(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = RecordedAnswers()
    with LLMServer(answers) as server:
        options = demo(f"--provider-url={server.openai_url}", "--price=1,2", "--cache", "--instances=ledgerlib")
        assert run(*options, "--run-id=first").ret == 0
        assert run(*options, "--run-id=second").ret == 0
    assert answers.asked.total() == 8
    assert comparable(pytester.path, "first") == comparable(pytester.path, "second")
    assert {record["cost_usd"] for record in lines(pytester.path, "second")} == {0.0}


def test_real_instances_replay_to_the_same_verdicts(
    run: Run,
    pytester: pytest.Pytester,
    real_row: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    rows = [real_row(name) for name in REAL]
    pytester.path.joinpath("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    patches = {row["problem_statement"][:60]: row["patch"] for row in rows}

    def answer(body: dict[str, Any]) -> ScriptedAnswer:
        prompt = body["messages"][-1]["content"]
        (patch,) = (patch for start, patch in patches.items() if start in prompt)
        return ScriptedAnswer(text=f"Here it is.\n\n```diff\n{patch}```\n")

    options = (
        *("-m", "experiment", "--dataset=rows.jsonl", "--arms=singleshot", "--provider=anthropic"),
        *("--model=some-model", "--price=1,2", "-n", "2"),
    )
    with LLMServer(answer) as server:
        url = f"--provider-url={server.anthropic_url}"
        assert run(*options, url, "--cassette=record", "--run-id=recorded", timeout_s=300).ret == 0
        assert len(server.requests) == len(REAL)
        assert run(*options, url, "--cassette=replay", "--run-id=replayed", timeout_s=300).ret == 0
        assert len(server.requests) == len(REAL)
    assert comparable(pytester.path, "replayed") == comparable(pytester.path, "recorded")
    assert [record["outcome"] for record in lines(pytester.path, "replayed")] == ["resolved"] * len(REAL)


def comparable(folder: Path, run_id: str) -> list[dict[str, Any]]:
    return [{name: record[name] for name in SAME} for record in lines(folder, run_id)]
