"""The pytest child of a command: what it tells, and how it ends when the command is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cli.child import PARENT, WITNESS, Told, run_child
from pytest_swebench.cli.witness import Witness
from tests.support.runs import BARE

STARTED = "started"
SLEEPING = f"""
    import time
    from pathlib import Path

    def test_sleeps():
        Path({STARTED!r}).touch()
        time.sleep(60)
"""
RUNNING = """
import json, sys
from pytest_swebench.cli.child import run_child
status, told = run_child(["-p", "no:cacheprovider", "test_it.py"], plain=True, env={"MARK": "here"})
print("\\n" + json.dumps([status, told.interrupt]))
"""
ALONE = {"PYTEST_ADDOPTS": BARE}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_handed_on_and_the_child_tells_that_it_was_stopped(
    pytester: pytest.Pytester, sent: signal.Signals
) -> None:
    pytester.makepyfile(test_it=SLEEPING)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNING], stdout=subprocess.PIPE, text=True, env=os.environ | ALONE
    )
    deadline = time.monotonic() + 30
    while not Path(STARTED).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(sent)
    out, _ = process.communicate(timeout=30)
    expected = [2, "KeyboardInterrupt"] if sent == signal.SIGINT else [-signal.SIGTERM, ""]  # no experiment, no handler
    assert json.loads(out.splitlines()[-1]) == expected


def ran(pytester: pytest.Pytester, test: str, *options: str, **env: str) -> tuple[int, Told]:
    pytester.makepyfile(test_it=test)
    return run_child(["-p", "no:cacheprovider", *options], plain=True, env={**ALONE, **env})


def test_the_child_sees_no_terminal_nobody_to_answer_and_what_it_is_given(pytester: pytest.Pytester) -> None:
    test = """
        import os, sys

        def test_surroundings():
            assert os.environ["MARK"] == "here"
            assert os.environ["TERM"] == "dumb"
            assert os.fstat(0).st_rdev == os.stat(os.devnull).st_rdev
    """
    status, told = ran(pytester, test, "-s", "test_it.py", MARK="here")
    assert (status, told) == (0, Told())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-m", "experiment", "--dataset=dmo"], {"type": "DatasetError", "code": 1}),
        (["-m", "experiment", "--arms=goold"], {"type": "InputError", "code": 1}),
        (["nowhere.py"], {"type": "UsageError", "code": 1}),
    ],
)
def test_refusal_is_told_by_the_type_of_our_error(
    pytester: pytest.Pytester, options: list[str], expected: dict[str, Any]
) -> None:
    status, told = ran(pytester, "def test_it(): pass", *options)
    assert status == 4
    assert told.refusal is not None
    assert {name: told.refusal[name] for name in expected} == expected
    assert told.refusal["message"]


def test_child_that_dies_at_the_command_line_tells_nothing(pytester: pytest.Pytester) -> None:
    assert ran(pytester, "", "--no-such-option") == (4, Told())


def test_pytest_without_our_plugin_tells_what_it_can(pytester: pytest.Pytester) -> None:
    assert ran(pytester, "def test_it(): pass", "-p", "no:swebench", "test_it.py") == (0, Told())


def test_run_that_stops_itself_is_told_from_ctrl_c(pytester: pytest.Pytester) -> None:
    test = "def test_it(request):\n    request.session.shouldstop = 'enough for today'\n"
    status, told = ran(pytester, test, "test_it.py")
    assert (status, told.interrupt) == (2, "enough for today")


def test_run_says_its_name_and_what_its_end_said(pytester: pytest.Pytester) -> None:
    given = ["-m", "experiment", "--dataset=demo", "--arms=null", "--max-instances=1", "--run-id=mine"]
    status, told = ran(pytester, "", *given, "--fail-under=0.5", "-n1")
    assert (status, told.run_id, told.root) == (1, "mine", str(pytester.path / "results"))
    assert (told.by_status, told.below, told.rate) == (True, ("null",), 0.5)
    assert (told.interrupt, told.stopped, told.refusal) == ("", "", None)


def test_signals_are_left_alone_outside_the_main_thread(pytester: pytest.Pytester) -> None:
    before = signal.getsignal(signal.SIGTERM)
    found: list[tuple[int, Told]] = []
    thread = threading.Thread(target=lambda: found.append(ran(pytester, "def test_it(): pass", "test_it.py")))
    thread.start()
    thread.join()
    assert found == [(0, Told())]
    assert signal.getsignal(signal.SIGTERM) is before


def test_run_whose_command_was_gone_before_it_looked_ends(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SLEEPING)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    told = pytester.path / "told.json"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest_swebench.cli.witness", "-p", "no:cacheprovider", "test_it.py"],
        env={**os.environ, **ALONE, WITNESS: str(told), PARENT: str(gone.pid)},
        capture_output=True,
        check=False,
        timeout=45,
    )
    assert done.returncode == -signal.SIGTERM


def test_what_is_told_is_never_half_written(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    path = tmp_path / "told.json"
    witness = Witness(pytestconfig, path)
    witness.pytest_sessionstart()
    with path.open(encoding="utf-8") as before:
        witness.interrupt = "enough"
        witness.write(None)
        assert (found := json.load(before))["unfinished"], found
    assert (Told.read(path).interrupt, Told.read(path).unfinished) == ("enough", False)
