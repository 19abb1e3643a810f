"""`swebench-runner run` interrupted or killed: what is paid for is kept, and the last line says how to go on."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.running import KEY, NAME, PROGRAM, Run, asking, records
from tests.cli.running import env as env
from tests.cli.running import run as run
from tests.support.llm_server import LLMServer
from tests.support.recorded import RecordedAnswers

GONE_S = 10.0  # what a run may take to end once nobody waits for it
SLOW_TO_STOP = """
import time
from pathlib import Path
from pytest_swebench.arms.protocol import Solution

class Arm:
    name, version, paid, oracle = "slow", "1", False, False
    def check(self, instances): pass
    def solve(self, context):
        try:
            Path("begun").touch()
            time.sleep(60)
        except KeyboardInterrupt:
            Path("stopping").touch()
            time.sleep(60)
        return Solution()

def pytest_swebench_arms():
    return [Arm()]
"""


@contextmanager
def started(
    folder: Path, env: dict[str, str], arguments: tuple[str, ...], server: LLMServer
) -> Iterator[subprocess.Popen[str]]:
    """Start the command, and go on once its run waits for the model."""
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=env | {"LLM_API_KEY": KEY},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.requests
        yield process
    finally:
        process.kill()
        process.communicate()


def child_of(pid: int) -> int:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (child,) = map(int, found)
    return child


def test_interrupted_run_ends_with_the_line_that_goes_on(run: Run, tmp_path: Path, env: dict[str, str]) -> None:
    answers = RecordedAnswers(delay_s=0.5)
    with LLMServer(answers) as server:
        asked = asking(server, "--arms", "singleshot", "--count", "3", "--", "--price=1,1")
        with started(tmp_path, env, asked, server) as process:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 130, out + err
        told = err.splitlines()
        assert re.match(r"swebench-runner: the run was interrupted; [23] selected cells have no answer", told[0])
        line = told[-1].removeprefix("to go on: swebench-runner ")
        assert line != told[-1]
        assert (out + err).count("to go on: ") == 1
        again = run(*shlex.split(line), LLM_API_KEY=KEY)
        assert again.returncode == 0, again.stdout + again.stderr
    assert len(records(tmp_path)) == 3
    assert set(answers.asked.values()) == {1}  # what was on its way is waited for, kept, and not paid again


def test_interrupted_quick_run_goes_on_by_the_command_that_can(run: Run, tmp_path: Path, env: dict[str, str]) -> None:
    with LLMServer(RecordedAnswers(delay_s=1.0)) as server:
        saved = {"PROVIDER": "openai", "MODEL": "demo-model", "BASE_URL": server.openai_url, "INSTANCES": NAME}
        saved |= {"SWEBENCH_DATASET": "demo", "SWEBENCH_PRICE": "1,2", "ARMS": "singleshot"}
        with started(tmp_path, env | saved, ("quick",), server) as process:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 130, out + err
        line = err.splitlines()[-1].removeprefix("to go on: swebench-runner ")
        assert line.startswith("run --provider=openai --resume=")
        again = run(*shlex.split(line), **saved, LLM_API_KEY=KEY)
        assert again.returncode == 0, again.stdout + again.stderr
    assert len(records(tmp_path)) == 1


def until(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists()


def test_second_ctrl_c_stops_at_once_and_is_no_fault(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "conftest.py").write_text(SLOW_TO_STOP)
    process = subprocess.Popen(
        [*PROGRAM, "run", "-d", "demo", "--arms", "slow", "--instances", "tinyconf-5"],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for mark in ("begun", "stopping"):
            until(tmp_path / mark)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=GONE_S)
    finally:
        process.kill()
    assert process.returncode == 130, out + err
    assert "stopped at once" in out
    assert out.splitlines()[-1].startswith("result: run=")
    assert err.startswith("swebench-runner: the run was interrupted; 1 selected cells have no answer")
    assert (out + err).count("to go on: ") == 1  # not once by pytest and once by the command
    assert err.splitlines()[-1].startswith("to go on: swebench-runner run -d demo --arms slow ")


def test_run_does_not_outlive_its_command(tmp_path: Path, env: dict[str, str]) -> None:
    with LLMServer(RecordedAnswers(delay_s=1.0)) as server:
        asked = asking(server, "--arms", "singleshot", "--", "--price=1,1")
        with started(tmp_path, env, asked, server) as process:
            child = child_of(process.pid)
            process.kill()
            process.wait()
            deadline = time.monotonic() + GONE_S
            while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            assert not Path(f"/proc/{child}").exists()
