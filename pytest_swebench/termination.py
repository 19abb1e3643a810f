"""Ctrl-C and SIGTERM during an experiment: the first stops cleanly, the second at once; containers outlive neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import pytest

from pytest_swebench.stash import SESSION, is_worker

_SWEEP: Final = 'cat >/dev/null; exec "$0" -m pytest_swebench clean'
_Handler = Callable[[int, FrameType | None], Any] | int | None


def clean_up_on_termination(config: pytest.Config) -> None:
    """Let the first signal end the run as pytest does at Ctrl-C, and the second one at once; both go with the run.

    A worker that is asked to terminate ends as a crash that xdist replaces; Ctrl-C, which a terminal sends to all
    processes, is heard there once: the controller decides about the second. Without this, SIGTERM skips every
    tear-down and leaves containers behind, and a second Ctrl-C breaks into whatever cleans up after the first.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can Python take signals
        return
    heard, terminal = 0, _terminal(config)

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        if heard == 1:
            raise KeyboardInterrupt("terminated" if signum == signal.SIGTERM else "")
        if not is_worker(config):
            _leave_at_once(config, terminal)

    def end_worker(signum: int, frame: FrameType | None) -> None:
        if (session := config.stash.get(SESSION, None)) is not None:
            session.close()
        os._exit(128 + signum)

    _until_the_end(config, signal.SIGTERM, end_worker if is_worker(config) else stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # who ignores it, or has an own one, keeps that
        _until_the_end(config, signal.SIGINT, stop)


def _until_the_end(config: pytest.Config, signum: int, handler: _Handler) -> None:
    before = signal.signal(signum, handler)

    def restore() -> None:
        signal.signal(signum, before)

    config.add_cleanup(restore)


def _terminal(config: pytest.Config) -> int | None:
    """Return a file descriptor of the terminal that capturing, which starts with the first test, leaves alone."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    try:
        number = os.dup(reporter._tw._file.fileno())
    except (OSError, ValueError, AttributeError):  # a worker, or output that is no file of the system's
        return None
    config.add_cleanup(lambda: os.close(number))
    return number


def _end_workers(config: pytest.Config) -> None:
    """Kill the workers on this machine: they would find nobody to report to, and say so below our last line."""
    xdist: Any = config.pluginmanager.get_plugin("dsession")
    for node in list(getattr(xdist, "_active_nodes", ())):
        if node.gateway.spec.popen:
            node.gateway._io.kill()


def _leave_at_once(config: pytest.Config, terminal: int | None) -> None:
    """End this process now; what it leaves behind is removed by one that waits for its end.

    Nothing is lost: whatever was paid for or graded stands in the journal, from which the next run goes on.
    """
    from pytest_swebench.resuming import way_on

    try:
        _end_workers(config)
        # it lives in a session of its own, so a third Ctrl-C does not reach it; our end closes its standard input
        subprocess.Popen(
            ["sh", "-c", _SWEEP, sys.executable],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=config.invocation_params.dir,
        )
        lines = ["", "stopped at once; containers that are left are removed in the background"]
        lines += filter(None, [way_on(config)])
        if terminal is not None:
            os.write(terminal, "".join(f"{line}\n" for line in lines).encode())
    finally:  # whatever failed, for nobody waits to hear of it
        os._exit(pytest.ExitCode.INTERRUPTED)
