"""What a person reads in the terminal: one header line, and the summary at the end."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench import options
from pytest_swebench.gating.looking import tell_decision
from pytest_swebench.resuming import resumed_line, way_on
from pytest_swebench.stash import ATTRIBUTE, CHOSEN_PATHS, HANDLE, INBOX, LEFT_OUT, SESSION, inbox_of, session_of

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_DEMO: Final = (
    "some of the demo's answers are wrong on purpose: their tests fail, or pass with --outcome capture\n"
    "next: pytest -m experiment --arms=gold,null,singleshot --count=3 -n 2    (more of the demo)\n"
    "      pytest -m experiment --dataset=lite --arms=gold --max-instances=1 (real, needs Docker and network)"
)


class TerminalReport:
    """Registered in the process that reports, never in a worker."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._interrupted = False
        self._resumed_told = False

    def pytest_report_header(self) -> list[str]:
        if not options.is_active(self._config) or HANDLE not in self._config.stash:
            return []
        handle = self._config.stash[HANDLE]
        lines = [f"swebench: run {handle.run_id}, results in {_short(handle.root)}"]
        if options.names_no_dataset(self._config):
            lines.append("swebench: no dataset chosen: the embedded demo, recorded answers, no network, no money")
        elif self._replays_demo():
            lines.append("swebench: the embedded demo: recorded answers, no network, no money")
        return lines

    def _replays_demo(self) -> bool:
        """Say whether the demo's recordings answer, whatever model the settings name for other runs.

        Of tests with markers of their own only a dataset on the command line tells that before they are collected.
        """
        if CHOSEN_PATHS not in self._config.stash and not self._config.getoption("swe_dataset"):
            return False
        from pytest_swebench.spec import DEMO, DEMO_PROVIDER

        spec = session_of(self._config).spec(None, self._config.invocation_params.dir)
        return spec.dataset == DEMO and spec.provider == DEMO_PROVIDER

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, ATTRIBUTE) or INBOX in self._config.stash:
            inbox_of(self._config).note_report(report)
            tell_decision(self._config, inbox_of(self._config))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and INBOX in self._config.stash:
            inbox_of(self._config).failed_apart = True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        self._tell_resumed()

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        self._tell_resumed()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # a signal may arrive between two lines, at a place that has no number, and pytest then fails to show it
        excinfo.traceback = excinfo.traceback.filter(lambda entry: entry._rawentry.tb_lineno is not None)
        if not isinstance(excinfo.value, KeyboardInterrupt):  # but `pytest.exit`, which has words of its own
            return
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        by_hand = type(excinfo.value) is KeyboardInterrupt  # kinds of it are raised where a run stops itself
        if by_hand and HANDLE in self._config.stash and reporter is not None and not self._interrupted:
            reporter.write_line("\nstopping: what is paid for or graded is kept; Ctrl-C again stops at once")
            reporter.flush()
        self._interrupted = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_unconfigure(self) -> Generator[None, object, object]:
        """Let the last line of an interrupted run be the command that goes on with it, unless its gate is decided."""
        result = yield
        inbox = self._config.stash.get(INBOX, None)
        if inbox is not None and inbox.watch is not None and inbox.watch.decided:  # it would run nothing
            return result
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if self._interrupted and reporter is not None and (line := way_on(self._config)):
            reporter.write_line(line)
        return result

    def _tell_resumed(self) -> None:
        """Say before the first cell what a resumed run has to do; every worker collects, one is enough."""
        inbox, reporter = self._config.stash.get(INBOX, None), self._config.pluginmanager.get_plugin("terminalreporter")
        if inbox is None or reporter is None or self._resumed_told or self._config.getoption("collectonly"):
            return
        if line := inbox.handle.resumed and resumed_line(self._config):
            self._resumed_told = True
            reporter.ensure_newline()
            if reporter._tw.width_of_current_line:  # of what xdist rewrites in place, the reporter knows nothing
                reporter._tw.line()
            reporter.write_line(f"swebench: {line}")

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter, exitstatus: int) -> None:
        if (left_out := self._config.stash.get(LEFT_OUT, 0)) > 0:
            many = "experiments left out; -m experiment runs them"
            words = "experiment left out; -m experiment runs it" if left_out == 1 else many
            terminalreporter.write_line(f"swebench: {left_out} {words}")
        inbox = self._config.stash.get(INBOX, None)
        found_none = exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not terminalreporter.stats.get("deselected")
        in_vain = found_none and not options.asks_for_experiments(self._config)
        if inbox is not None and not (inbox.selected or inbox.files) and (inbox.collected or in_vain):
            terminalreporter.write_line(
                "swebench: no experiment was selected, so our options had no effect; -m experiment selects them"
            )
        if inbox is None or not (inbox.files or inbox.merged or inbox.told):
            return
        from pytest_swebench.reporting.summary import encodable, render

        width = terminalreporter._tw.fullwidth - 1  # a full line makes some terminals add an empty one
        terminalreporter.write_sep("=", "experiment summary")
        colour = bool(terminalreporter.hasmarkup)
        text = render(
            inbox,
            width=width,
            colour=colour,
            fail_under=self._config.getoption("swe_fail_under"),
            interrupted=self._interrupted,
            short=self._config.option.verbose < 0,
        )
        encoding = getattr(terminalreporter._tw._file, "encoding", None)
        terminalreporter.write_line(encodable(text, encoding))
        session = self._config.stash.get(SESSION, None)
        for notice in dict.fromkeys(session.notices) if session else ():
            terminalreporter.write_line(f"note: {notice}")
        if inbox.is_demo and options.names_no_dataset(self._config) and not self._config.getoption("swe_arms"):
            terminalreporter.write_line(_DEMO)
        for line in inbox.annotations:
            terminalreporter.write_line(line)


def _short(path: Any) -> str:
    """Return `path` relative to the working folder where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
