"""Progress as a person sees it: real runs, with and without a terminal, in one process and in several."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.llm_server import LLMServer, ScriptedAnswer, Status
from tests.support.runs import BARE
from tests.support.screen import Film, film

CONFTEST = """
import os, time
from pathlib import Path
import pytest
from pytest_swebench.arms.protocol import Solution
from pytest_swebench.errors import ProviderError
from pytest_swebench.records.eventlog import FOLDER, EventLog
from pytest_swebench.reporting.progress.plugin import Progress
from pytest_swebench.stash import handle_of

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    if hasattr(config, "workerinput"):
        return
    if config.pluginmanager.hasplugin("swebench-progress"):
        config.pluginmanager.unregister(name="swebench-progress")
    silence_s = float(os.environ.get("SILENCE_S", 60))
    config.pluginmanager.register(Progress(config, tick_s=0.02, silence_s=silence_s), "swebench-progress")

@pytest.fixture
def tell(request):
    return EventLog(handle_of(request.config).layout.folder / FOLDER / f"of-tests-{os.getpid()}.jsonl")

@pytest.fixture
def wait():
    def wait(condition):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "nobody saw it"
            time.sleep(0.01)
    return wait

@pytest.fixture
def said(wait):
    return lambda words: wait(lambda: words in Path("stdout").read_text())

class Flaky:
    name, version, paid, oracle = "flaky", "1", False, True
    def check(self, instances):
        pass
    def solve(self, context):
        if not Path("tried").exists():
            Path("tried").touch()
            raise ProviderError("503 from the endpoint")
        return Solution(notes="nothing to say")

def pytest_swebench_arms():
    return [Flaky()]
"""
CELLS = """
import os, signal
import pytest
from pathlib import Path
from pytest_swebench.events import BackedOff, PhaseStarted, ProviderCalled
pytestmark = pytest.mark.experiment(arms=["gold"], dataset="demo")
"""
QUIET = "def test_it(cell): assert cell.instance_id != 'tinyconf__tinyconf-9'"
LATE_STATUS = re.compile(r"━|ETA|at work|\d+/\d+ ")

Run = Callable[..., pytest.RunResult]
Watch = Callable[..., Film]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the tests of `source` on four cells, without a terminal."""
    _environment(monkeypatch)
    pytester.makeconftest(CONFTEST)

    def invoke(source: str, *args: object) -> pytest.RunResult:
        pytester.makepyfile(test_it=CELLS + source)
        return pytester.runpytest_subprocess("-m", "experiment", "--instances=tinyconf", *map(str, args), timeout=120)

    return invoke


@pytest.fixture
def watch(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Run the tests of `source` on four cells, on a terminal of 80 x 24."""
    _environment(monkeypatch)
    pytester.makeconftest(CONFTEST)

    def invoke(
        source: str, *args: object, act: Callable[[list[str]], str | None] = lambda lines: None, **env: str
    ) -> Film:
        pytester.makepyfile(test_it=CELLS + source)
        command = [sys.executable, "-m", "pytest", "-m", "experiment", "--instances=tinyconf", *map(str, args)]
        return film(command, pytester.path, {**os.environ, "TERM": "xterm", **env}, act=act)

    return invoke


def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROVIDER", "MODEL", "OUTPUT_DIR", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS", "LINES", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", f"{BARE} -p no:cacheprovider")


def lines_of(result: pytest.RunResult) -> list[str]:
    """Return the lines about cells, without times."""
    return [re.sub(r"\d+(\.\d)? (s|min)", "? s", line) for line in result.outlines if re.match(r"\[ ?\d", line)]


@pytest.mark.parametrize("processes", [0, 2])
def test_without_a_terminal_each_cell_has_one_line_in_place_of_its_letter(run: Run, processes: int) -> None:
    result = run(QUIET, "-n", processes)
    result.assert_outcomes(passed=3, failed=1)
    lines = lines_of(result)
    endings = {line.split()[1]: line.split()[2] for line in lines}
    assert endings == {
        f"tinyconf__tinyconf-{number}/gold/r1": "failed" if number == 9 else "passed" for number in (5, 9, 13, 16)
    }
    assert [line.split()[0] for line in lines] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert all(line.endswith("? s (ETA ? s)") for line in lines[:3])
    assert lines[3].endswith("? s")
    before_failures = result.outlines[: result.outlines.index(next(line for line in result.outlines if "FAIL" in line))]
    assert not [line for line in before_failures if "test_it.py" in line or "%]" in line]
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_it[[]tinyconf__tinyconf-9/gold/r1] - *"])


def test_tests_that_are_no_cells_keep_their_letters(run: Run) -> None:
    source = "def test_it(cell): pass\nclass TestOther:\n    pytestmark = []\n    def test_plain(self): pass"
    result = run(source, "-m", "")
    result.assert_outcomes(passed=5)
    assert len(lines_of(result)) == 4
    result.stdout.re_match_lines([r"test_it.py \. +\[100%\]"])


def test_tests_that_are_no_cells_keep_their_letters_between_processes(run: Run) -> None:
    source = "def test_it(cell): pass\nclass TestOther:\n    def test_plain(self): pass\n    def test_other(self): pass"
    result = run(source, "-m", "", "-n", 2)
    result.assert_outcomes(passed=6)
    assert len(lines_of(result)) == 4
    result.stdout.re_match_lines([r"\.* +\[100%\]"])


def test_quiet_run_shows_nothing_of_it(run: Run) -> None:
    result = run(QUIET, "-q")
    assert lines_of(result) == []
    result.stdout.re_match_lines([r"[.F]{4} +\[100%\]"])


def test_verbose_run_tells_each_cell_once(run: Run) -> None:
    result = run(QUIET, "-v")
    assert lines_of(result) == []
    assert len([line for line in result.outlines if "PASSED" in line]) == 3


@pytest.mark.parametrize("options", [["--collect-only"], ["-p", "no:terminal"]])
def test_run_that_shows_no_tests_shows_no_progress(run: Run, options: list[str]) -> None:
    assert lines_of(run(QUIET, *options)) == []


WAITS = """
def test_it(cell, tell, said):
    if cell.instance_id == "tinyconf__tinyconf-5":
        tell(ProviderCalled(cell, "some-model", 10, 10, 0.02))
        tell(BackedOff(cell, 12.0, "HTTP 429\\nslow down"))
        print("captured")
        said("backing off")
"""


@pytest.mark.parametrize("options", [["-n", 2], [], ["-v"], ["-s"]])
def test_wait_is_told_at_once_with_its_reason_and_cell(run: Run, options: list[object]) -> None:
    result = run(WAITS, *options)
    result.assert_outcomes(passed=4)
    (told,) = [line for line in result.outlines if "backing off" in line]
    assert told == "⏱ backing off 12 s: HTTP 429 slow down (tinyconf__tinyconf-5/gold/r1)"
    if "-v" in options:
        result.stdout.re_match_lines([r"test_it.py::test_it\[tinyconf__tinyconf-5/gold/r1\] PASSED +\[ *\d+%\]"])
    else:
        assert any("(total $0.020" in line for line in result.outlines)


def test_endpoint_that_sends_calls_away_is_seen_to_do_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Status(429, {"error": {"message": "too many requests"}}, {"Retry-After": "1"})
    with LLMServer([busy, ScriptedAnswer(text="no edit at all")]) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
        options = (
            "--provider=openai",
            f"--provider-url={server.openai_url}",
            "--model=some-model",
            "--price=1000,1000",
        )
        result = run("def test_it(experiment): pass", "--arms=singleshot", "--instances=tinyconf-5", *options)
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(
        [
            rf"⏱ backing off 1\.\d s: {server.openai_url}: HTTP 429.* \(tinyconf__tinyconf-5/singleshot/r1\)",
            r"\[1/1\] tinyconf__tinyconf-5/singleshot/r1 no patch \(.*\) \$0.015 \d\S* \w+ \(total \$0\.015\)",
        ]
    )


def test_output_without_unicode_gets_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    run(WAITS).stdout.fnmatch_lines(["! backing off 12 s: HTTP 429 slow down (tinyconf__tinyconf-5/gold/r1)"])


def test_wait_after_letters_of_other_tests_has_a_line_of_its_own(run: Run) -> None:
    source = "class TestA:\n    def test_a(self): pass\n" + WAITS.replace("def test_it", "def test_z")
    result = run(source, "-m", "")
    result.assert_outcomes(passed=5)
    assert "⏱ backing off 12 s: HTTP 429 slow down (tinyconf__tinyconf-5/gold/r1)" in result.outlines


def test_output_that_is_no_file_gets_lines_too(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=CELLS + "def test_it(cell): pass")
    result = pytester.runpytest_inprocess("-m", "experiment", "--instances=tinyconf")
    assert len(lines_of(result)) == 4


def test_events_leave_nothing_in_the_folder_of_the_run(run: Run, pytester: pytest.Pytester) -> None:
    run(WAITS)
    assert list(pytester.path.glob("results/*/journal")) or list(pytester.path.glob("results/*/plans"))
    assert not list(pytester.path.glob("results/*/events"))


def test_long_silence_is_broken(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILENCE_S", "0.1")
    source = """
def test_it(cell, tell, said):
    if cell.instance_id == "tinyconf__tinyconf-5":
        tell(PhaseStarted(cell, "solve"))
        said("-5/gold/r1 solve ")
"""
    result = run(source)
    result.assert_outcomes(passed=4)
    result.stdout.re_match_lines([r"\[\d/4\] at work: tinyconf__tinyconf-5/gold/r1 solve \d\S* \w+"])


def test_header_stands_before_what_is_told_while_cells_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILENCE_S", "0.05")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # which hides what waits in a buffer
    result = run("def test_it(cell, said): said(' at work: ')")
    lines = result.outlines
    (header,) = (number for number, line in enumerate(lines) if "test session starts" in line)
    at_work = [number for number, line in enumerate(lines) if " at work: " in line]
    assert header == 0 < min(at_work)
    assert any(line.startswith("collected ") for line in lines[: min(at_work)])


def test_lost_worker_costs_its_cell_one_line(run: Run) -> None:
    source = """
def test_it(cell):
    if cell.instance_id == "tinyconf__tinyconf-5":
        os.kill(os.getpid(), signal.SIGKILL)
"""
    lines = lines_of(run(source, "-n", 2))
    assert len(lines) == 4
    assert [line.split()[1:3] for line in lines if "infra" in line] == [["tinyconf__tinyconf-5/gold/r1", "infra"]]


def test_rerun_is_told_and_counted_once(run: Run) -> None:
    result = run("def test_it(experiment): pass", "--arms=flaky", "--instances=tinyconf-5", "--reruns=1")
    assert lines_of(result) == [
        "[0/1] tinyconf__tinyconf-5/flaky/r1 infra (503 from the endpoint), tried again ? s",
        "[1/1] tinyconf__tinyconf-5/flaky/r1 no patch (nothing to say) ? s",
    ]


def test_skipped_cell_is_counted(run: Run) -> None:
    lines = lines_of(run("def test_it(cell): pytest.skip('not today')"))
    assert [line.split()[2] for line in lines] == ["skipped"] * 4


SEEN = """
def test_it(cell, tell, wait):
    if cell.instance_id == "tinyconf__tinyconf-9":
        tell(PhaseStarted(cell, "solve"))
        tell(ProviderCalled(cell, "some-model", 10, 10, 0.02))
        tell(BackedOff(cell, 600.0, "HTTP 429"))
        wait(Path("seen").exists)
    assert cell.instance_id != "tinyconf__tinyconf-13", "on purpose"
"""


def note_when(path: Path, *words: str) -> Callable[[list[str]], str | None]:
    """Return what makes `path` once a frame shows all of `words`."""

    def act(lines: list[str]) -> str | None:
        if all(any(word in line for line in lines) for word in words):
            path.touch()
        return None

    return act


@pytest.mark.parametrize("options", [[], ["-n", 2], ["-v"], ["-v", "-n", 2]])
def test_terminal_shows_a_region_that_leaves_no_trace(
    watch: Watch, pytester: pytest.Pytester, options: list[object]
) -> None:
    words = ("/4 ", "$0.020", "  wait ", "tinyconf__tinyconf-9/gold/r1", "⏱ backing off")
    seen = watch(SEEN, "--tb=line", *options, act=note_when(pytester.path / "seen", *words))
    assert seen.shows(*words), "\n".join([frame for frame in seen.frames if len(frame) > 9][-1])
    text = seen.screen.text
    assert "1 failed, 3 passed" in text
    assert not [line for line in text.splitlines() if LATE_STATUS.search(line) or "backing off" in line]
    if "-v" not in options:
        assert re.search(r"[.F]{4} +\[100%\]", text)
    else:
        assert text.count("PASSED") == 3


def test_region_makes_way_for_what_is_written_while_a_test_runs(watch: Watch, pytester: pytest.Pytester) -> None:
    source = """
import logging
def test_it(cell, wait, pytestconfig):
    if cell.instance_id == "tinyconf__tinyconf-5":
        wait(Path("seen").exists)
        pytestconfig.pluginmanager.getplugin("terminalreporter").write_line("pulling an image")
        logging.warning("a word from the test")
        wait(Path("seen-again").exists)
"""
    first = note_when(pytester.path / "seen", "/4 ")
    second = note_when(pytester.path / "seen-again", "/4 ", "pulling an image", "a word from the test")

    def act(lines: list[str]) -> str | None:
        return first(lines) or second(lines)

    seen = watch(source, "-o", "log_cli=true", act=act)
    assert seen.returncode == pytest.ExitCode.OK
    assert "pulling an image\n" in seen.screen.text
    assert "a word from the test" in seen.screen.text
    assert not LATE_STATUS.search(seen.screen.text)


def test_region_without_colours(watch: Watch, pytester: pytest.Pytester) -> None:
    seen = watch(SEEN, act=note_when(pytester.path / "seen", "backing off"), NO_COLOR="1")
    assert seen.shows("━", "/4 ") or seen.shows("─", "/4 ")
    assert seen.screen.colours == set()


@pytest.mark.parametrize("options", [[], ["-s"]])
def test_terminal_that_is_not_ours_alone_gets_lines(
    watch: Watch, pytester: pytest.Pytester, options: list[str]
) -> None:
    dumb = {} if options else {"TERM": "dumb"}
    seen = watch(SEEN, *options, act=note_when(pytester.path / "seen", "backing off"), **dumb)
    assert re.search(r"\[4/4\] tinyconf\S+ \w+ \d\S* \w+", seen.screen.text)
    assert not seen.shows("─")


def test_interrupt_leaves_no_region(watch: Watch) -> None:
    seen = watch(SEEN, act=lambda lines: "\x03" if any("backing off" in line for line in lines) else None)
    assert seen.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in seen.screen.text
    assert not LATE_STATUS.search(seen.screen.text.replace("1/1 ", ""))


def test_debugger_has_the_terminal_alone(watch: Watch) -> None:
    source = """
def test_it(cell, tell):
    if cell.instance_id == "tinyconf__tinyconf-5":
        breakpoint()
"""
    prompts: list[list[str]] = []

    def act(lines: list[str]) -> str | None:
        if lines and lines[-1].startswith("(Pdb)"):
            prompts.append(lines)
            return "import time; time.sleep(0.2)\nc\n"
        return None

    seen = watch(source, act=act)
    assert seen.returncode == pytest.ExitCode.OK
    assert prompts
    # at the second prompt the answer that goes on waits already, and a frame may be of the moment after it
    first = [frame for frame in seen.frames if sum("(Pdb)" in line for line in frame) == 1]
    in_debugger = [frame for frame in first if any("(Pdb)" in line for line in frame[-2:])]
    assert in_debugger
    assert not [frame for frame in in_debugger if any("─" in line for line in frame)]
