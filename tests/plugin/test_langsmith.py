"""Runs that are traced to LangSmith while they go, exported when they are over, or both."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pytest_swebench.cli.export import export_run
from pytest_swebench.records.layout import RunLayout, write_whole
from tests.plugin.conftest import Run, outcomes
from tests.support.langsmith_server import LangSmithServer, env_for, langsmith_server
from tests.support.synthetic import large_run

IDS = ("tinyconf__tinyconf-5", "tinyconf__tinyconf-9")
DEMO = ("-m", "experiment", "--arms=gold,null", f"--instance-ids={','.join(IDS)}", "--outcome=capture", "--run-id=one")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LangSmithServer]:
    """A server, and the environment of somebody who has a key for it and has not asked for tracing."""
    with langsmith_server() as state:
        for name, value in env_for(state.url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("LANGSMITH_TRACING")
        yield state


def export(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_swebench", "export", *arguments]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def told(server: LangSmithServer) -> dict[str, dict[str, Any]]:
    """Return by cell what the server knows of its run and the feedback on it."""
    return {
        run["name"]: {
            "inputs": run["inputs"],
            "ended": bool(run.get("end_time")),
            "outcome": run["outputs"]["outcome"],
            "feedback": server.said_of(run_id),
        }
        for run_id, run in server.runs.items()
    }


def test_traces_carry_variant_run_and_repetition(run: Run, pytester: pytest.Pytester, server: LangSmithServer) -> None:
    result = run(*DEMO, "--count=2", "--langsmith", "-n", "2")
    result.assert_outcomes(passed=8)
    assert "LangSmith" not in result.stdout.str()
    found = told(server)
    assert {name: one["outcome"] for name, one in found.items()} == outcomes(pytester.path)
    for name, one in found.items():
        instance, variant, rep = name.split("/")
        number = int(rep[1:])
        assert one["ended"]
        assert one["inputs"] == {
            "instance_id": instance,
            "variant": variant,
            "arm": variant,
            "model": "",
            "rep": number,
            "run_id": "one",
            "attempt": 1,
        }
        assert one["feedback"] == {
            "variant": variant,
            "run_id": "one",
            "rep": float(number),
            "outcome": one["outcome"],
            "resolved": float(one["outcome"] == "resolved"),
        }


def test_server_that_is_down_is_no_matter_of_the_run(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for name, value in env_for(f"http://127.0.0.1:{unused.getsockname()[1]}").items():
            monkeypatch.setenv(name, value)
        result = run(*DEMO)
    assert result.ret == 0
    result.assert_outcomes(passed=4, warnings=result.parseoutcomes().get("warnings", 0))
    assert sorted(outcomes(pytester.path).values()) == ["resolved", "resolved", "unresolved", "unresolved"]
    assert re.search(r"LangSmith: \d+ of 8 messages did not reach", result.stdout.str() + result.stderr.str())


def test_missing_key_is_told_and_no_matter_of_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGSMITH_API_KEY", raising=False)
    result = run(*DEMO, "--langsmith")
    assert result.ret == 0
    assert "--langsmith: no traces: LANGSMITH_API_KEY is not set" in result.stdout.str()


def test_table_of_their_own_plugin_is_refused_among_workers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cov")
    refused = run(*DEMO, "--langsmith-output", "-n", "2")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    told = refused.stdout.str() + refused.stderr.str()
    assert "--langsmith-output: the table of langsmith's own plugin cannot be drawn under -n" in told
    assert "INTERNALERROR" not in told


def test_exported_run_is_there_once_however_it_came(
    run: Run, pytester: pytest.Pytester, server: LangSmithServer
) -> None:
    run(*DEMO)
    assert server.requests == []
    first = export(pytester.path, "one", "--langsmith")
    assert first.stdout == f"4 cells of run one sent to project 'pytest-swebench' of {server.url}\n", first.stderr
    after_one = told(server)
    assert (len(after_one), len(server.feedback)) == (4, 20)
    assert export(pytester.path, "latest", "--to", "langsmith").returncode == 0
    assert (told(server), len(server.feedback)) == (after_one, 20)
    some = export(pytester.path, str(pytester.path / "results" / "one"), "--langsmith", "--variant=gold")
    assert some.stdout.startswith("2 cells of run one sent")


def test_traced_run_is_exported_without_doubling(run: Run, pytester: pytest.Pytester, server: LangSmithServer) -> None:
    run(*DEMO, "--langsmith")
    live, ids = told(server), set(server.runs)
    assert export(pytester.path, "--langsmith").returncode == 0
    assert (told(server), set(server.runs), len(server.feedback)) == (live, ids, 20)


def test_password_in_an_address_is_not_told(
    tmp_path: Path, server: LangSmithServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = large_run(tmp_path, instances=1, variants=1, reps=1)
    host = server.url.removeprefix("http://")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://someone:pass@word@{host}")
    sent = export(tmp_path, str(made.folder), "--langsmith", "--json")
    assert json.loads(sent.stdout)["result"]["endpoint"] == server.url
    server.refuse = ("/feedback",)
    refused = export(tmp_path, str(made.folder), "--langsmith")
    assert f"reached http://{host};" in refused.stderr
    for told in (sent, refused):
        assert "word@" not in told.stdout + told.stderr


def test_export_that_the_server_refuses_says_how_far_it_came(tmp_path: Path, server: LangSmithServer) -> None:
    made = large_run(tmp_path, instances=2, variants=2, reps=1)
    server.refuse = ("/feedback",)
    refused = export(tmp_path, str(made.folder), "--langsmith")
    assert refused.returncode == 3
    assert refused.stderr.startswith("swebench-runner: LangSmith: 0 of 4 cells reached")
    assert "422" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--langsmith", "--to", "harness"), "give one of them"),
        (("out", "--to", "langsmith"), "takes no folder"),
        (("out",), "neither OUT nor --variant) and --variant (whose cells to write) are missing"),
        (("--to", "harness"), "OUT (the folder to write into) and --variant (whose cells to write) are missing"),
        (("out", "--to", "harness"), "--variant (whose cells to write) is missing"),
    ],
)
def test_what_cannot_be_meant_is_told(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(export_run, ["one", *arguments])
    assert done.exit_code == click.UsageError.exit_code
    assert said in done.output


def test_export_without_a_key_or_a_record_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGSMITH_API_KEY", raising=False)
    made = large_run(tmp_path, instances=1, variants=1, reps=1)
    done = CliRunner().invoke(export_run, [str(made.folder), "--langsmith"])
    assert str(done.exception).startswith("--to langsmith: LANGSMITH_API_KEY is not set")
    monkeypatch.setenv("LANGSMITH_API_KEY", "key-1234567890")
    strange = CliRunner().invoke(export_run, [str(made.folder), "--langsmith", "--variant=arm9"])
    assert "--variant: unknown variant 'arm9'; known: arm0+model-0" in str(strange.exception)
    empty = RunLayout(tmp_path / "results", "empty", "20260101_120000")
    write_whole(empty.journals / "main-1.jsonl", "")
    nothing = CliRunner().invoke(export_run, [str(empty.folder), "--langsmith"])
    assert str(nothing.exception) == "run 'empty': it has no record yet"
