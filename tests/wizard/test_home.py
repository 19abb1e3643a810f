from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.wizard.conftest import PROGRAM, Start, going_on, write_rows
from tests.wizard.screens import check_screen

Silent = Callable[..., subprocess.CompletedProcess[str]]
NO = [ScriptedAnswer("no")]


@pytest.fixture
def silent(home: Path, env: dict[str, str]) -> Silent:
    """Run the command where nobody can be asked."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments], cwd=home, env=env | variables, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def saved(server: LLMServer) -> dict[str, str]:
    """Return what setup would have saved for two instances of the demo."""
    kept = {"PROVIDER": "openai", "MODEL": "m", "SWEBENCH_DATASET": "demo", "MAX_INSTANCES": "2"}
    return kept | {"BASE_URL": server.openai_url, "SWEBENCH_PRICE": "0"}


def test_bare_command_without_a_terminal_prints_help(silent: Silent) -> None:
    done = silent()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: swebench-runner")


def test_home_leads_to_help_and_options_and_back_and_out(start: Start, home: Path) -> None:
    one = start().answers("Enter number [2]:", "9").sees("'9': give a number from 1 to 5.")
    one.answers("Enter number [2]:", "3").sees("Common commands:", "Troubleshooting:").answers(
        "Press Enter to go back."
    )
    one.answers("Enter number [2]:", "4").sees("Options").answers("Enter number [3]:")
    assert one.answers("Enter number [2]:", "5").ends() == 0
    check_screen("help", one.shown, home, first="Common commands:", last="Docs:")
    assert list(home.iterdir()) == []


def test_screens_are_cleared_only_where_that_is_asked_for(start: Start) -> None:
    plain = start().answers("Enter number [2]:", "5")
    assert plain.ends() == 0
    cleared = start(SWEBENCH_TUI_CLEAR="1").answers("Enter number [2]:", "5")
    assert cleared.ends() == 0
    assert ("\x1b[2J" in plain.raw, "\x1b[2J" in cleared.raw) == (False, True)


def test_no_color_is_honoured(start: Start, home: Path) -> None:
    found = []
    for variables in ({"NO_COLOR": ""}, {"NO_COLOR": "1"}):
        one = start("setup", **variables).answers("Press Enter to continue.").sees("Network: OK", "Press Enter")
        one.types("\x03").ends()
        found.append("\x1b[32m" in one.raw)
    assert found == [True, False]


def test_setup_that_nobody_can_answer_says_which_flags_to_give(silent: Silent, home: Path) -> None:
    for options, variables in (((), {}), (("--no-input",), {}), ((), {"CI": "1"})):
        done = silent("setup", *options, **variables)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.endswith(
            "swebench-runner run -p PROVIDER -m MODEL -d DATASET --count N, with the key in the environment"
        )
    told = json.loads(silent("setup", "--json").stdout)
    assert (told["exit_code"], told["error"]["type"]) == (2, "NobodyToAsk")
    assert list(home.iterdir()) == []


def test_setup_in_ci_asks_nobody_even_on_a_terminal(start: Start) -> None:
    one = start("setup", CI="true")
    assert one.ends() == 2
    assert "nobody can be asked (CI is set)" in one.text


def test_quick_without_a_terminal_runs_what_is_saved(silent: Silent, home: Path) -> None:
    with LLMServer(NO) as server:
        done = silent("quick", **saved(server))
        assert len(server.requests) == 2
    assert done.returncode == 0, done.stdout + done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("config: dataset=demo ")
    assert last.startswith("result: run=")
    assert not (home / ".env").exists()


def test_quick_without_a_terminal_names_what_is_missing(silent: Silent) -> None:
    done = silent("quick", SWEBENCH_MODEL="m")
    assert done.returncode == 1
    assert "a quick run needs provider, dataset" in done.stderr
    assert "set SWEBENCH_PROVIDER, SWEBENCH_DATASET" in done.stderr
    keyless = silent("quick", PROVIDER="openai", MODEL="m", SWEBENCH_DATASET="demo", DOCKER_HOST="unix:///none")
    assert "needs key" in keyless.stderr
    assert "swebench-runner secrets set" in keyless.stderr


def test_quick_on_a_terminal_asks_nothing(start: Start, home: Path) -> None:
    with LLMServer(NO) as server:
        one = start("quick", **saved(server)).sees("EVALUATION SUMMARY", "Selected: 2", "Results saved")
        assert one.ends() == 0
        assert "Press Enter" not in one.text
        assert "2/2" in one.text
        narrow = start("quick", "--", "--instances=tinyconf-5", **saved(server)).sees("Selected: 1", "tinyconf-5")
        assert narrow.ends() == 0
        assert len(server.requests) == 3


@pytest.mark.parametrize("words", [("--run-id=mine",), ("-v", "--resume"), ("--checkpoint", "c.json")], ids=str)
def test_a_run_that_is_led_through_takes_no_other_name(start: Start, home: Path, words: tuple[str, ...]) -> None:
    with LLMServer(NO) as server:
        one = start("quick", "--", *words, **saved(server)).sees("has a name of its own", "swebench-runner run")
        assert one.ends() == 1
        assert server.requests == []
    assert not (home / "results").exists()


def test_cells_without_an_answer_are_counted_apart(start: Start) -> None:
    with LLMServer([Status(403)]) as server:
        one = start("quick", **saved(server)).sees("Selected: 2", "Evaluated: 0", "Failed:   0", "Infra:    1", "❌")
        assert one.ends() == 3
    assert "HTTP 403" in one.text


def test_quick_run_without_defaults_leads_to_setup(start: Start) -> None:
    one = start().answers("Enter number [2]:", "1").sees("Quick Run requires a configured model.", "Runner Setup")
    assert one.types("\x03").ends() == 130
    other = start("quick").sees("Quick Run has no provider and no model and no dataset yet", "Runner Setup")
    assert other.types("\x03").ends() == 130


def test_quick_run_that_cannot_grade_ends_before_it_pays(start: Start, home: Path) -> None:
    write_rows(home / "rows.jsonl", "acme/none:1", count=1)
    with LLMServer(NO) as server:
        variables = saved(server) | {"SWEBENCH_DATASET": "rows.jsonl", "DOCKER_HOST": f"unix://{home}/none.sock"}
        one = start("quick", **variables).sees("❌ Docker is not running.", "Esc to skip.")
        assert one.presses("\x1b").ends() == 2
        assert server.requests == []


def test_interrupted_run_ends_with_the_command_that_goes_on(start: Start, home: Path, env: dict[str, str]) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(body: object) -> ScriptedAnswer:
        asked.set()
        go_on.wait(60)
        return ScriptedAnswer("no")

    with LLMServer(slow) as server:
        one = start("quick", **saved(server))
        assert asked.wait(60)
        one.sees("solve").types("\x03").sees("stopping: what is paid for or graded is kept", "to go on: ")
        assert one.ends() == 130
        go_on.set()
        done = going_on(one, home, env | saved(server))
    assert "0 passed, 2 failed, 0 rerun, 2 collected" in done.stdout, done.stdout + done.stderr
