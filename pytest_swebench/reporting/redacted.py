"""Secrets kept out of what pytest itself shows and writes: failures, captured output, warnings, properties, logs.

What a test prints while nobody captures it (`-s`) goes to the terminal as it is, and so does what pytest says before a
run has its name, and after it is unconfigured.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_swebench.stash import session_of

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from pytest_swebench.redact import Redactor


class RedactedReports:
    """Registered in every process of an experiment run; the outermost of all that make a report."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @property
    def _redactor(self) -> Redactor:
        return session_of(self._config).redactor

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        redact_report(report, self._redactor)
        report.user_properties[:] = [(name, _redacted(value, self._redactor)) for name, value in report.user_properties]
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        redact_report(report, self._redactor)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        text = str(warning_message.message)
        if (clean := self._redactor.text(text)) != text:
            warning_message.message = UserWarning(clean)  # the category stands beside it and stays

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: TerminalRepr) -> None:
        redact_traceback(excrepr, self._redactor)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Redact what the terminal makes of Ctrl-C and `pytest.exit`: it asks `excinfo` in a hook after this."""
        shown = excinfo.getrepr

        def getrepr(*args: Any, **kwargs: Any) -> Any:
            found = shown(*args, **kwargs)
            redact_traceback(found, self._redactor)
            return found

        cast(Any, excinfo).getrepr = getrepr

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Redact what `--log-file` and `--log-cli-level` write while tests run."""
        plugin = self._config.pluginmanager.get_plugin("logging-plugin")
        for name in ("log_file_handler", "log_cli_handler"):
            handler = getattr(plugin, name, None)
            if isinstance(handler, logging.Handler) and handler.formatter is not None:
                handler.setFormatter(_Formatter(handler.formatter, self._redactor))


def redact_report(report: pytest.TestReport | pytest.CollectReport, redactor: Redactor) -> None:
    """Redact a report before the terminal, JUnit or a controller get it; one without secrets stays as it is."""
    if isinstance(report.longrepr, tuple):  # of a skip: path, line, reason; JUnit insists on the three
        path, line, reason = report.longrepr
        report.longrepr = (path, line, redactor.text(reason))
    elif report.longrepr is not None:
        text = str(report.longrepr)
        if (clean := redactor.text(text)) != text:
            report.longrepr = clean
    report.sections[:] = [(name, redactor.text(content)) for name, content in report.sections]
    if isinstance(report, pytest.TestReport) and hasattr(report, "wasxfail"):
        report.wasxfail = redactor.text(report.wasxfail)


def redact_traceback(shown: TerminalRepr, redactor: Redactor) -> None:
    """Redact a traceback before it is written; one without secrets stays as it is, colours included."""
    text = str(shown)
    if (clean := redactor.text(text)) != text:
        cast(Any, shown).toterminal = lambda terminal: terminal.line(clean)
    crash = getattr(shown, "reprcrash", None)
    if crash is not None:
        crash.message = redactor.text(crash.message)


class _Formatter(logging.Formatter):
    """Redacts what another formatter makes of a record, its traceback included."""

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(self._inner.format(record))


def _redacted(value: Any, redactor: Redactor) -> Any:
    """Return a property's value; one that is no text becomes text only where it shows a secret."""
    text = str(value)
    clean = redactor.text(text)
    return value if clean == text else clean
