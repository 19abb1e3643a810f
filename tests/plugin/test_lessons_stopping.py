"""Of the lessons in test_lessons.py those on stopping a run and going on with it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.reaper import LABEL_RUN
from tests.plugin.conftest import Run
from tests.plugin.test_lessons import DEMO, WAITING_ARM, asked_of, processor_s
from tests.plugin.test_resume import evaluation, wait_for, written_rows
from tests.support.llm_server import LLMServer, Status

# 4. What cannot heal is not tried again.


def test_lesson_4_ctrl_c_ends_a_wait_at_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    with LLMServer([Status(429, headers={"retry-after": "120"})]) as server:
        out = pytester.path / "out.txt"
        process = begun(pytester.path, out, *asked_of(server, "--dataset=demo", "--price=0"))
        until(lambda: "backing off" in out.read_text())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == pytest.ExitCode.INTERRUPTED  # the wait would go on for twice as long
    assert len(server.requests) <= 2


# 5. Ctrl-C: the first stops cleanly, the second at once.


@pytest.mark.parametrize(("signals", "workers", "wait_s"), [(1, 2, 300), (2, 1, 300), (2, 2, 4)])
def test_lesson_5_ctrl_c_leaves_no_container_and_tells_how_to_go_on(
    docker_engine: None, run: Run, pytester: pytest.Pytester, workers: int, signals: int, wait_s: int
) -> None:
    written_rows(pytester.path, 2, wait_s=wait_s)
    out = pytester.path / "out.txt"
    options = [option for option in evaluation("gold", workers) if not option.startswith("--run-id")]
    process = begun(pytester.path, out, *options)
    try:
        until(lambda: len(containers(pytester.path)) == workers)
        for _ in range(signals):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.2)
        assert process.wait(timeout=60) == pytest.ExitCode.INTERRUPTED
        until(lambda: containers(pytester.path) == [])
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    last = out.read_text().rstrip().splitlines()[-1]
    assert "Traceback" not in out.read_text()
    (name,) = runs_in(pytester.path)
    assert last == f"to go on: python -m pytest {shlex.join([*options, f'--resume={name}'])}"
    if wait_s < 60:  # then it is no use to wait for the tests
        run(*shlex.split(last)[6:], timeout_s=300).assert_outcomes(passed=2)


def test_lesson_5_second_signal_may_be_sigterm(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(WAITING_ARM)
    pytester.path.joinpath("tinyconf__tinyconf-5.waits").touch()
    out = pytester.path / "out.txt"
    process = begun(pytester.path, out, *DEMO, "--arms=ends", "--instances=tinyconf-5", "--run-id=mine")
    wait_for(pytester.path / "begun")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == pytest.ExitCode.INTERRUPTED
    assert out.read_text().rstrip().splitlines()[-1].endswith("--instances=tinyconf-5 --run-id=mine")
    result = run(*DEMO, "--arms=ends", "--instances=tinyconf-5", "--run-id=mine", "--collect-only")
    assert result.ret == pytest.ExitCode.OK


def test_lesson_5_run_in_which_nothing_began_has_nothing_to_go_on_with(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_collection_modifyitems(): raise KeyboardInterrupt")
    result = run(*DEMO, "--arms=gold")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "to go on" not in result.stdout.str()


# 6. Resuming is the same command.


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["serial", "xdist"])
def test_lesson_6_resumed_run_says_what_it_has_to_do(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(WAITING_ARM)
    broken = pytester.path / "tinyconf__tinyconf-5.infra"
    broken.touch()
    options = (*DEMO, "--arms=ends,null", "--outcome=capture", "--run-id=mine", *workers)
    first = run(*options, "--instances=tinyconf-5,tinyconf-9,spanlib-3", "-k", "tinyconf")
    assert " selected: " not in first.stdout.str()
    broken.unlink()
    options = (*options, "--instances=tinyconf-5,tinyconf-9,spanlib-3")
    run(*options).stdout.fnmatch_lines(["swebench: 6 selected: 3 done, 1 infra again, 2 new"])
    again = run(*options)
    again.stdout.fnmatch_lines(["swebench: 6 selected: 6 done"])
    assert again.ret == pytest.ExitCode.OK
    assert again.stdout.str().count("selected: 6 done") == 1


def test_lesson_6_patches_that_are_to_be_graded_are_told(run: Run) -> None:
    options = (*DEMO, "--arms=gold", "--outcome=capture", "--run-id=mine", "--instances=tinyconf-5")
    run(*options, "--generate-only")
    run(*options).stdout.fnmatch_lines(["swebench: 1 selected: 1 to grade"])
    run(*options, "--no-control").stdout.fnmatch_lines(["swebench: 1 selected: 1 changed"])


@pytest.mark.usefixtures("uncovered")
def test_lesson_6_nothing_left_to_do_takes_no_time(run: Run, pytester: pytest.Pytester) -> None:
    options = (*DEMO, "--arms=gold", "--outcome=capture", "--run-id=mine", "--instances=tinyconf", "--count=2")
    run(*options, "--max-instances=2", "--no-control").assert_outcomes(passed=4)
    used_s = processor_s()
    again = run(*options, "--max-instances=2", "--no-control")
    # of the processor, for the machine may have other things to do; it waits for nothing
    assert processor_s() - used_s < 3
    again.stdout.fnmatch_lines(["swebench: 4 selected: 4 done"])


def begun(folder: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    with out.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def until(holds: object) -> None:
    assert callable(holds)
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)


def containers(folder: Path) -> list[str]:
    """Return the containers of the runs in `folder`."""
    client = connect()
    try:
        return [
            str(one.id)
            for name in runs_in(folder)
            for one in client.containers.list(all=True, ignore_removed=True, filters={"label": f"{LABEL_RUN}={name}"})
        ]
    finally:
        client.close()


def runs_in(folder: Path) -> list[str]:
    return [path.parent.name for path in folder.glob("results/*/journal")]
