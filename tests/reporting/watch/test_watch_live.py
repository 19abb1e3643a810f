"""`--watch` as a person sees it: real runs of real cells on a terminal, in one process and in several."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.watch.asking import check_watch
from tests.support.runs import without_settings
from tests.support.screen import Film, film

# the last two of four cells wait until somebody has seen how the others ended
HOLDING = """
import time
from pathlib import Path

def pytest_runtest_setup(item):
    deadline = time.monotonic() + 60
    while item in item.session.items[-2:] and not Path("seen").exists():
        assert time.monotonic() < deadline, "nobody saw it"
        time.sleep(0.02)
"""
CELLS = ("-m", "experiment", "--dataset=demo", "--arms=gold,null", "--instances=tinyconf-5,tinyconf-9", "--watch")
ONE = ("--arms=gold", "--max-instances=1")
GOLD = re.compile(r"gold +1/2 +1/0 +1 +0 +0 +0 +\S+ \w+ +\$0\.00")
NULL = re.compile(r"null +1/2 +1/0 +0 +1 +0 +0 +\S+ \w+ +\$0\.00")
HEADER = ["Variant", "Progress", "pending", "Resolved", "Failed", "Errors", "Retries", "time", "Cost"]
TITLE = "Experiment Progress"
Watch = Callable[..., Film]


@pytest.fixture
def watch(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Run four cells of the demo with --watch on a terminal of 80 x 24."""
    without_settings(monkeypatch)
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CI"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(holding=HOLDING)

    def invoke(*args: str, act: Callable[[list[str]], str | None] = lambda lines: None, **env: str) -> Film:
        command = [sys.executable, "-m", "pytest", "-p", "holding", *CELLS, *args]
        return film(command, pytester.path, {**os.environ, "TERM": "xterm", **env}, act=act)

    return invoke


def counted(lines: list[str]) -> bool:
    """Say whether the table shows the two cells that have ended."""
    return all(any(row.match(line) for line in lines) for row in (GOLD, NULL))


@pytest.mark.parametrize("options", [[], ["-v"], ["-n", "2", "-q"]])
def test_table_counts_each_variant_and_leaves_no_trace(
    watch: Watch, pytester: pytest.Pytester, options: list[str]
) -> None:
    tables: list[list[str]] = []

    def act(lines: list[str]) -> None:
        if counted(lines):
            tables.append(lines)
            (pytester.path / "seen").touch()

    seen = watch(*options, act=act)
    assert tables, "\n".join(seen.screen.lines)
    table = tables[0]
    (title,) = (number for number, line in enumerate(table) if line.startswith(TITLE))
    assert table[title].endswith(" 50%")
    assert table[title + 2].split() == HEADER
    total = next(line for line in table if line.startswith("TOTAL"))
    assert re.match(r"TOTAL \(\S+ \w+\) +2/4 +2/0 +1 +1 +0 +0 ", total)
    assert any(line.startswith("ETA: ") for line in table)
    text = seen.screen.text
    assert TITLE not in text
    assert "TOTAL (" not in text
    assert "ETA" not in text
    assert re.search(r"([.F]{4} +|PASSED |FAILED ) *\[100%\]", text)
    assert "experiment summary" in text
    assert "-q" in options or "2 failed, 2 passed" in text


@pytest.mark.parametrize("processes", ["0", "2"])
def test_ctrl_c_leaves_the_terminal_whole(watch: Watch, processes: str) -> None:
    seen = watch("-n", processes, act=lambda lines: "\x03" if counted(lines) else None)
    assert seen.returncode == pytest.ExitCode.INTERRUPTED
    text = seen.screen.text
    assert TITLE not in text
    assert "TOTAL (" not in text
    assert re.search(r"^(test_swebench.py )?[.F]{2}(\^C)?$", text, re.MULTILINE)
    assert "experiment summary" in text
    last = "".join(seen.screen.lines[-3:])
    assert "to go on: " in last
    assert "--watch" in last


def test_without_a_terminal_it_is_off_by_itself_and_says_so(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch)
    result = pytester.runpytest_subprocess(*CELLS, *ONE, "-q", timeout=120)
    assert result.ret == pytest.ExitCode.OK
    (told,) = [line for line in result.outlines if "--watch" in line]
    assert told.startswith("swebench: --watch is off: the output is no terminal; `swebench-runner watch` ")


def test_terminal_that_cannot_redraw_gets_lines(watch: Watch, pytester: pytest.Pytester) -> None:
    (pytester.path / "seen").touch()
    seen = watch(*ONE, TERM="dumb")
    assert "--watch is off: this terminal cannot redraw (TERM=dumb)" in seen.screen.text.replace("\n", "")
    assert not seen.shows(TITLE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-s"], "with -s tests write into the table"),
        (["--capture=tee-sys"], "with --capture=tee-sys tests write"),
        (["--pdb"], "does not go with --pdb"),
        (["--trace"], "does not go with --trace"),
        (["--setup-show"], "does not go with --setup-show"),
        (["--setup-only"], "does not go with --setup-only"),
        (["-p", "no:terminal"], "with -p no:terminal nothing writes"),
    ],
)
def test_what_needs_the_terminal_itself_is_refused(pytester: pytest.Pytester, options: list[str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        check_watch(pytester.parseconfig("--watch", *options))
    assert str(caught.value).startswith("--watch: ")
    assert told in str(caught.value)
    assert "leave one of the two out" in str(caught.value)
    check_watch(pytester.parseconfig(*options))
    check_watch(pytester.parseconfig("--watch", "--collect-only", *options))


def test_refused_run_leaves_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    without_settings(monkeypatch)
    result = pytester.runpytest_subprocess(*CELLS, "-s", timeout=120)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --watch: with -s tests write into the table; *"])
    assert not list(pytester.path.glob("results/*"))


def test_plugin_that_draws_in_pytest_s_place_is_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch)
    pytester.makeconftest(
        """
        import pytest
        from _pytest.terminal import TerminalReporter

        class Sweet(TerminalReporter):
            pass

        @pytest.hookimpl(trylast=True)
        def pytest_configure(config):
            config.pluginmanager.unregister(name="terminalreporter")
            config.pluginmanager.register(Sweet(config), "terminalreporter")
        """
    )
    result = pytester.runpytest_subprocess(*CELLS, timeout=120)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --watch: 'Sweet' of 'conftest' draws on the terminal in place of pytest; *"])
    assert not Path(pytester.path / "results").exists() or not list(pytester.path.glob("results/*/journal"))
