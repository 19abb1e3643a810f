"""SIGTERM during an experiment: containers are removed before the process goes."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import pytest

from pytest_swebench.stash import SESSION, is_worker


def clean_up_on_termination(config: pytest.Config) -> None:
    """Let SIGTERM end the run as Ctrl-C would, or, in a worker, end the worker as a crash that xdist replaces.

    Without this, SIGTERM skips every tear-down and leaves containers behind. The handler goes with the run.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can Python take signals
        return

    def terminate(signum: int, frame: FrameType | None) -> None:
        if not is_worker(config):
            raise KeyboardInterrupt("terminated")
        if (session := config.stash.get(SESSION, None)) is not None:
            session.close()
        os._exit(128 + signum)

    before = signal.signal(signal.SIGTERM, terminate)

    def restore() -> None:
        signal.signal(signal.SIGTERM, before)

    config.add_cleanup(restore)
