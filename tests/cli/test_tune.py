"""`swebench-runner task tune`, as a subprocess that starts real runs against a model on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.llm_server import Drip, LLMServer, ScriptedAnswer, Status
from tests.support.runs import BARE
from tests.support.task_repo import make_repository, task_row

# what it leaves depends on its settings alone, so that there is a best one to find
ARM = '''
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.providers.protocol import Message, Request

FIX = """\\
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""

class Tuned:
    name, version, paid, oracle, takes_turns = "tuned", "1", True, False, True
    def check(self, instances): pass
    def solve(self, context):
        variant = context.variant
        words = (Message("user", f"mend it in {variant.turns} turns"),)
        context.provider.complete(Request(model=variant.model, messages=words, max_tokens=100), timeout_s=20)
        good = variant.temperature == 0 and variant.turns >= 20
        return Solution(patch=FIX if good else "")

def pytest_swebench_arms():
    return [Tuned()]
'''
Tune = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    make_repository(tmp_path / "calc")
    rows = [task_row(tmp_path / "calc", task_id=task_id) for task_id in ("one", "two")]
    (tmp_path / "tasks.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "tuned_arm.py").write_text(ARM)
    return tmp_path


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer([ScriptedAnswer(text="done", usage={"input": 100, "output": 100})]) as server:
        yield server


def environment(place: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in {"OUTPUT_DIR", "PYTEST_ADDOPTS"}}
    path = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "LLM_API_KEY": "test-key-12345"}
    return inherited | own | {"PYTEST_ADDOPTS": f"{BARE} -q"}


@pytest.fixture
def command(server: LLMServer) -> list[str]:
    return [
        *(sys.executable, "-m", "pytest_swebench", "task", "tune", "--seeds=tasks.jsonl", "--arm=tuned", "--model=m-1"),
        *("-p", "tuned_arm"),
        *("--provider=openai", f"--provider-url={server.openai_url}", "--sandbox=local"),
    ]


@pytest.fixture
def tune(place: Path, command: list[str]) -> Tune:
    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more],
            cwd=place,
            env=environment(place),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def reported(place: Path) -> dict[str, Any]:
    (path,) = (place / "results").glob("tuning-tuned-*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_settings_are_tried_until_no_neighbour_is_better(place: Path, tune: Tune, server: LLMServer) -> None:
    grid = ("--try", "temperatures=0,0.5", "--try", "max-turns=10,20", "--price=0,1000", "--max-cost=5")
    done = tune(*grid)
    assert done.returncode == 0, done.stdout + done.stderr
    # an answer costs ten cents, and each trial has two tasks
    found = reported(place)
    tried = [(one["setting"]["temperatures"], one["setting"]["max-turns"]) for one in found["trials"]]
    assert tried == [("0", "10"), ("0.5", "10"), ("0", "20"), ("0.5", "20")]
    assert [one["pass_rate"] for one in found["trials"]] == [0.0, 0.0, 1.0, 0.0]
    assert found["best"]["setting"] == {"temperatures": "0", "max-turns": "20"}
    assert found["best"]["cost_usd"] == pytest.approx(0.2)
    assert found["spent_usd"] == pytest.approx(0.8)
    assert found["start_from"] == "the middle of every axis"
    assert "best: --temperatures=0 --max-turns=20: 2 of 2 passed" in done.stdout
    asked = len(server.requests)
    again = tune(*grid)
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(server.requests) == asked == 8  # nothing is paid twice
    assert reported(place)["start_from"] == "the best of earlier runs"
    assert reported(place)["spent_usd"] == 0


def test_budget_ends_the_search_and_more_of_it_goes_on(place: Path, tune: Tune, server: LLMServer) -> None:
    grid = ("--try", "temperatures=0", "--try", "max-turns=20,30,40", "--price=0,1000")
    stopped = tune(*grid, "--max-cost=0.5")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert "ended: --max-cost ended a trial before its last task; spent $0.5000" in stopped.stdout
    assert len(server.requests) == 5  # two trials, and one task of the third
    assert len(reported(place)["trials"]) == 2
    more = tune(*grid, "--max-cost=0.5")
    assert more.returncode == 0, more.stdout + more.stderr
    assert "ended: no neighbour of the best is better; spent $0.1000" in more.stdout
    assert len(server.requests) == 6


def test_budget_that_is_spent_to_the_cent_ends_the_search(place: Path, tune: Tune, server: LLMServer) -> None:
    done = tune("--try", "temperatures=0", "--try", "max-turns=20,30,40", "--price=0,1000", "--max-cost=0.4")
    assert "ended: 0.4 USD are spent; --max-cost allows more; spent $0.4000" in done.stdout
    assert len(server.requests) == 4


def test_interrupted_search_tells_what_it_has(place: Path, server: LLMServer, command: list[str]) -> None:
    server.behave_from_now_on([Drip()])
    process = subprocess.Popen(
        [*command, "--try", "temperatures=0", "--price=0,1000"],
        cwd=place,
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "ended: interrupted; the same command goes on" in told
    assert not list(place.glob("results/tuning-*"))


def test_number_of_trials_ends_the_search(place: Path, tune: Tune) -> None:
    done = tune("--try", "temperatures=0,0.5", "--trials=1", "--price=0,1000")
    assert "ended: 1 trials were run; --trials allows more" in done.stdout
    assert len(reported(place)["trials"]) == 1


def test_trial_that_cannot_start_ends_the_search(place: Path, tune: Tune, server: LLMServer) -> None:
    refused = tune("--try", "temperatures=hot")
    assert refused.returncode == 1
    assert "ended: --temperatures: 'hot' is not a number" in refused.stdout
    assert refused.stderr.splitlines()[-1].startswith("swebench-runner: --temperatures: 'hot' is not a number")
    assert "pass_rate" not in refused.stdout
    assert not list(place.glob("results/tuning-*"))
    assert not server.requests


def test_resuming_is_what_the_same_command_does(tune: Tune) -> None:
    refused = tune("--resume=tune-tuned-0123456789")
    assert refused.returncode == 1
    assert "the same command without it goes on" in refused.stderr


@pytest.mark.usefixtures("base_image")
def test_tasks_without_an_image_get_the_one_for_tasks(place: Path, command: list[str]) -> None:
    row = {"task_id": "one", "repo": "calc", "ref": "", "timeouts": {"clone": 60, "install": 60, "test": 60}}
    (place / "tasks.jsonl").write_text(json.dumps(row))
    options = [one for one in command if one != "--sandbox=local"]
    options += ["--try", "temperatures=0", "--try", "max-turns=20", "--price=0,1000"]
    done = subprocess.run(
        options, cwd=place, env=environment(place), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 passed" in done.stdout
    (tasks,) = (place / "results").glob("tune-tasks-*.jsonl")
    used = json.loads(tasks.read_text())
    assert used["image"].startswith("swebench-lite:py3.")
    (records,) = (place / "results").glob("tune-tuned-*/results.jsonl")
    assert json.loads(records.read_text().splitlines()[0])["image"] == used["image"]


def test_command_line_of_a_trial_can_be_seen(tune: Tune) -> None:
    done = tune("--show-command", "--max-cost=2")
    assert done.returncode == 0, done.stderr
    for part in ("--arms=tuned", "--temperatures=0.2", "--max-turns=20", "--max-cost=2.000000", "--run-id=tune-tuned-"):
        assert part in done.stdout


def test_axis_that_is_none_is_told(tune: Tune) -> None:
    wrong = tune("--try", "max-turns")
    assert wrong.returncode == 1
    assert "--try 'max-turns'" in wrong.stderr


def test_endpoint_that_breaks_ends_the_search_and_the_same_command_goes_on(
    place: Path, tune: Tune, server: LLMServer
) -> None:
    grid = ("--try", "temperatures=0", "--try", "max-turns=20", "--price=0,1000")
    server.behave_from_now_on([Status(401)])
    broken = tune(*grid, "--json")
    answer = json.loads(broken.stdout)
    assert (broken.returncode, answer["exit_code"], answer["error"]["type"]) == (3, 3, "ProviderRefused")
    assert not list(place.glob("results/tuning-*"))
    server.behave_from_now_on([ScriptedAnswer(text="done", usage={"input": 100, "output": 100})])
    mended = tune(*grid, "--json")
    answer = json.loads(mended.stdout)
    assert (mended.returncode, answer["error"]) == (0, None), mended.stderr
    assert answer["result"]["best"]["pass_rate"] == 1.0
    assert answer["result"]["report"].startswith(str(place / "results" / "tuning-tuned-"))
