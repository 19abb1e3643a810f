"""`swebench-runner run` and `generate` as people and programs use them: real pytest children, a real endpoint."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.sandbox.images.names import NAMESPACE_VARIABLE
from tests.arms.workflows.answers import GOOD, key_of
from tests.cli.running import KEY, NAME, PROGRAM, Run, asking, records
from tests.cli.running import env as env
from tests.cli.running import run as run
from tests.plugin.test_bad_input import ROW, write_rows
from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.recorded import RecordedAnswers
from tests.support.screen import film


def answer_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one object on standard output."""
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) == {"ok", "exit_code", "error", "result"}
    assert found["exit_code"] == done.returncode
    assert found["ok"] is (done.returncode == 0) is (found["error"] is None)
    return found


def cells(folder: Path) -> list[str]:
    found = records(folder)
    return sorted(f"{one['instance_id']}/{one['variant']}/r{one['rep']}: {one['outcome']}" for one in found)


def right(body: dict[str, Any]) -> ScriptedAnswer:
    key = key_of(body["response_format"]["json_schema"]["schema"])
    return ScriptedAnswer(text=json.dumps(GOOD[key]), usage={"input": 100, "output": 20})


def test_wrong_answers_are_a_success_and_the_pytest_line_does_the_same(run: Run, tmp_path: Path) -> None:
    asked = ("-d", "demo", "--arms", "gold,null", "--instances", "tinyconf-5")
    done = run("run", *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("config: dataset=demo split=test arms=gold,null ")
    assert re.fullmatch(r"result: run=\S+ selected=2 resolved=1 unresolved=1 exit=0", last)
    assert done.stderr == ""
    mine = cells(tmp_path)
    assert len(mine) == 2
    shown = run("run", *asked, "--show-command").stdout
    assert shown.startswith("pytest -m experiment ")
    again = subprocess.run(
        [sys.executable, "-m", *shlex.split(shown), "--output-dir=again/results"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert again.returncode == 1  # to pytest a wrong answer is a failed test
    assert cells(tmp_path / "again") == mine


def test_json_is_alone_on_standard_output_with_snapshots_before_and_after(run: Run, tmp_path: Path) -> None:
    done = run("run", "-d", "demo", "--arms", "gold", "--count", "1", "--json", "--log-file", "logs/run.log")
    found = answer_of(done)["result"]
    assert found["config"]["arms"] == {"value": "gold", "source": "--arms"}
    assert found["command"].startswith("pytest -m experiment ")
    assert found["cells"]["selected"] == found["cells"]["resolved"] == 1
    assert [one["variant"] for one in found["summary"]] == ["gold"]
    assert (found["broken"], found["pytest_exit_code"]) == ([], 0)
    assert Path(found["folder"]) == tmp_path / "results" / found["run_id"]
    told = done.stderr.splitlines()
    assert told[0].startswith("config: ")
    assert told[-1] == f"result: run={found['run_id']} selected=1 resolved=1 exit=0"
    log = (tmp_path / "logs" / "run.log").read_text()
    assert Counter(log.splitlines()) == Counter((done.stderr + done.stdout).splitlines())
    assert log.index("config: ") < log.index("experiment summary") < log.index('"exit_code": 0')
    shown = answer_of(run("show", "--json"))["result"]
    assert (shown["run_id"], shown["cells"]) == (found["run_id"], found["cells"])
    assert [one["outcome"] for one in shown["records"]] == ["resolved"]


def test_a_real_run_asks_by_the_defaults_of_run_and_shows_no_key(run: Run, tmp_path: Path) -> None:
    with LLMServer(right) as server:
        more = ("--instances", NAME, "--max-cost", "1", "--log-file=run.log", "--", "--price=1,2")
        done = run(*asking(server, *more), LLM_API_KEY=KEY)
        assert [one.body["temperature"] for one in server.requests] == [0.1] * 3
    assert done.returncode == 0, done.stdout + done.stderr
    assert cells(tmp_path) == [f"{NAME}/s1_tdd/r1: resolved"]
    assert "swebench: estimated cost" in done.stdout
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert KEY not in done.stdout + done.stderr
    assert not any(KEY.encode() in content for content in written)


def test_provider_that_refuses_is_exit_code_3(run: Run) -> None:
    with LLMServer([Status(401)]) as server:
        done = run(*asking(server, "--instances", NAME, "--json", "--", "--price=1,2"), LLM_API_KEY=KEY)
        assert len(server.requests) == 1
    found = answer_of(done)
    assert (done.returncode, found["error"]["type"]) == (3, "ProviderRefused")
    assert "1 of 1 cells have no answer that counts" in found["error"]["message"]
    assert f"--resume={found['result']['run_id']}" in found["error"]["fix"]
    assert [one["type"] for one in found["result"]["broken"]] == ["ProviderRefused"]


def test_budget_that_ends_the_run_is_exit_code_4(run: Run) -> None:
    with LLMServer(RecordedAnswers()) as server:
        capped = ("--arms", "singleshot", "--count", "4", "--max-cost", "0.034", "--", "--price=1,1")
        done = run(*asking(server, *capped), LLM_API_KEY=KEY)
    assert done.returncode == 4, done.stdout + done.stderr
    told = done.stderr.splitlines()
    assert "cap" in told[0]
    assert told[0].endswith("allow more by --max-cost, then go on with --resume")
    assert told[-1].startswith("to go on: swebench-runner run -d demo -p openai ")


@pytest.mark.parametrize("no_preflight", [(), ("--no-preflight",)])
def test_docker_that_is_not_there_is_exit_code_2_before_anything_is_asked(
    run: Run, tmp_path: Path, no_preflight: tuple[str, ...]
) -> None:
    write_rows(tmp_path / "rows.jsonl", ROW)
    with LLMServer(right) as server:
        asked = ("run", "-d", "rows.jsonl", "-p", "openai", "-m", "m", "--base-url", server.openai_url, "--json")
        engine = f"unix://{tmp_path}/none.sock"
        done = run(*asked, *no_preflight, "--", "--price=1,2", LLM_API_KEY=KEY, DOCKER_HOST=engine)
        assert server.requests == []
    found = answer_of(done)
    assert done.returncode == 2
    assert engine in found["error"]["message"]
    assert found["error"]["fix"]
    assert ("preflight" in (found["result"] or {})) is not bool(no_preflight)


def test_hub_that_cannot_be_reached_is_exit_code_3(run: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening: a connection is refused
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        offline = {"HF_ENDPOINT": address, "SWEBENCH_CACHE_DIR": str(tmp_path), "no_proxy": "*", "http_proxy": ""}
        offline |= {"HF_HUB_OFFLINE": "", "HF_DATASETS_OFFLINE": "", "HTTP_PROXY": ""}
        done = run("run", "-d", "lite", "--arms", "gold", "--no-preflight", "--json", **offline)
    assert (done.returncode, answer_of(done)["error"]["type"]) == (3, "DatasetError")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-d", "dmo"), "unknown dataset 'dmo'; did you mean 'demo'?"),
        (("-d", "demo", "--arms", "goold"), "unknown arm 'goold'; did you mean 'gold'?"),
        (("-d", "demo", "--arms", "gold", "--instances", "nobody"), "nobody"),
        (("-d", "demo", "--arms", "gold", "--", "-k", "nobody"), "no cell was selected"),
        (("-d", "demo", "--arms", "gold", "--", "--no-such-option"), "pytest did not run to its end"),
        (("-d", "demo", "--count", "0"), "0 is not in the range x>=1"),
        (("-d", "demo", "--resume"), "there is no run in"),
    ],
)
def test_what_cannot_be_meant_is_exit_code_1_and_says_why(run: Run, arguments: tuple[str, ...], words: str) -> None:
    first, *rest = arguments
    done = run("run", "--json", first, *rest)
    assert done.returncode == 1
    assert words in answer_of(done)["error"]["message"]


@pytest.mark.parametrize("parallel", [(), ("--max-workers=2",)], ids=["alone", "workers"])
def test_refusal_is_told_once(run: Run, parallel: tuple[str, ...]) -> None:
    done = run("run", "-d", "demo", "--arms", "goold", *parallel)
    assert done.returncode == 1
    assert done.stderr.startswith("swebench-runner: unknown arm 'goold'; did you mean 'gold'?")
    assert (done.stdout + done.stderr).count("unknown arm") == 1


def test_rate_that_is_not_reached_is_exit_code_1(run: Run) -> None:
    done = run("run", "-d", "demo", "--arms", "null", "--count", "1", "--", "--fail-under=0.5")
    assert done.returncode == 1
    assert done.stderr == "swebench-runner: --fail-under 0.5: null is below\n"


def test_patches_are_made_without_a_verdict_and_graded_later(run: Run, tmp_path: Path) -> None:
    made = run("generate", "-d", "demo", "--count", "2", "--generation-output", "patches.jsonl")
    assert made.returncode == 0, made.stdout + made.stderr
    assert {record["outcome"] for record in records(tmp_path)} == {"captured"}
    graded = run("run", "-d", "demo", "--patches", "patches.jsonl", "--output-dir", "graded/results")
    assert graded.returncode == 0, graded.stdout + graded.stderr
    assert {record["variant"] for record in records(tmp_path / "graded")} == {"predictions"}
    assert len(cells(tmp_path / "graded")) == 2


def test_too_few_patches_are_exit_code_1_unless_they_are_allowed(run: Run) -> None:
    asked = ("generate", "-d", "demo", "--instances", "spanlib", "--count", "4")
    few = run(*asked, "--generation-output", "few.jsonl")
    assert few.returncode == 1
    assert "Generated 3/4 patches" in few.stderr
    allowed = run(*asked, "--generation-output", "allowed.jsonl", "--allow-partial")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr


def test_progress_of_a_person_s_terminal_is_kept_and_logged_as_it_stood_in_the_end(
    tmp_path: Path, env: dict[str, str]
) -> None:
    asked = ("run", "-d", "demo", "--arms", "gold", "--count", "8", "--log-file", "run.log")
    seen = film([*PROGRAM, *asked], tmp_path, env | {"TERM": "xterm"}, columns=100, rows=40)
    assert seen.returncode == 0, seen.screen.text
    assert seen.shows("gold", "ETA")  # the region that is drawn again
    assert "config:" not in seen.screen.text  # what only programs need
    lines = (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()
    assert any("experiment summary" in line for line in lines)
    assert not any("ETA" in line or "\x1b" in line for line in lines)
    assert lines[-1].rstrip("=").endswith("s ") or "passed" in lines[-1]


def test_patch_is_graded_where_docker_grades_after_one_preflight(
    run: Run, tmp_path: Path, real_row: Callable[[str], dict[str, Any]]
) -> None:
    name = "pytest-dev__pytest-10356"
    (tmp_path / "rows.jsonl").write_text(json.dumps(real_row(name)) + "\n", encoding="utf-8")
    (tmp_path / ".env").write_text(f"{NAMESPACE_VARIABLE}=registry.example/mirror\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        f"import os, pathlib\npathlib.Path('seen').write_text(os.environ[{NAMESPACE_VARIABLE!r}])\n", encoding="utf-8"
    )
    asked = ("run", "-d", "rows.jsonl", "--arms", "gold")
    first = run(*asked)
    assert first.returncode == 0, first.stdout + first.stderr
    assert (tmp_path / "seen").read_text() == "registry.example/mirror"  # the ground that was tried is the run's
    assert f"evaluating the reference patch of {name}" in first.stdout
    assert cells(tmp_path) == [f"{name}/gold/r1: resolved"]
