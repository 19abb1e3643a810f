"""What a pytest run that a command started tells it at its end: its name and place, and why it did not go on.

A pytest plugin that only looks: the run is the same without it. It stands in the command's child alone (`-p`), and
writes one JSON file, when the run has its name and again at its end, which a second Ctrl-C leaves out. It also ends the
run, as Ctrl-C would, once the command that started it is gone: a run that nobody waits for must not go on paying.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_swebench.cli.child import CTRL_C, PARENT, WITNESS
from pytest_swebench.errors import SwebenchError
from pytest_swebench.records.layout import write_json
from pytest_swebench.stash import HANDLE, INBOX, SESSION, WITNESSED, is_worker

_LOOK_S: Final = 1.0


class Witness:
    """Keeps why the run was cut short, and writes what is to be told to `path`, whole or not at all."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self.interrupt = ""
        self._config = config
        self._path = path

    def pytest_sessionstart(self) -> None:
        """Tell which run this is: one that is stopped at once tells nothing more."""
        self.write(None, unfinished=True)

    def write(self, refusal: BaseException | None, *, unfinished: bool = False) -> None:
        """Write what is known by now."""
        found = told(self._config, self.interrupt, refusal) | ({"unfinished": True} if unfinished else {})
        write_json(self._path, found)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from a run that stopped itself: both are interrupts to pytest."""
        text = str(excinfo.value)
        by_hand = excinfo.type is KeyboardInterrupt or "keyboard-interrupt" in text  # the second from xdist's workers
        self.interrupt = CTRL_C if by_hand else text or excinfo.type.__name__


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Write what is to be told, however the run ends."""
    path = os.environ.get(WITNESS, "")
    if not path or is_worker(config):
        return (yield)
    witness = Witness(config, Path(path))
    config.stash[WITNESSED] = True
    config.pluginmanager.register(witness, "swebench-witness")
    threading.Thread(target=_end_with_parent, args=(int(os.environ[PARENT]),), name="witness", daemon=True).start()
    refusal: BaseException | None = None
    try:
        return (yield)
    except pytest.UsageError as error:  # pytest would print it, and the command that started us tells it
        refusal = error
        return pytest.ExitCode.USAGE_ERROR
    finally:
        witness.write(refusal)


def told(config: pytest.Config, interrupt: str, refusal: BaseException | None) -> dict[str, Any]:
    """Return what `ending.Told` reads."""
    from pytest_swebench.wiring import captures

    handle, inbox = config.stash.get(HANDLE, None), config.stash.get(INBOX, None)
    found: dict[str, Any] = {"interrupt": interrupt}
    if hasattr(config.option, "swe_outcome"):  # else our plugin was switched off
        found["by_status"] = captures(config)
    if handle is not None:
        found |= {"run_id": handle.run_id, "root": handle.root, "timestamp": handle.timestamp}
    if (session := config.stash.get(SESSION, None)) is not None:
        found["stopped"] = session.stop_reason
    if inbox is not None:
        rate = config.getoption("swe_fail_under")
        found |= {"notes": inbox.told, "below": inbox.below(rate), "rate": rate, "gate": inbox.verdict}
    if refusal is not None:
        found["refusal"] = refused(refusal)
    return found


def refused(error: BaseException) -> dict[str, Any]:
    """Return type, message and exit code of what a run was refused with: of our own error, where it stands behind."""
    from pytest_swebench.cli.outcome import exit_code

    ours = error.__context__ if isinstance(error.__context__, SwebenchError) else error
    return {"type": type(ours).__name__, "message": str(error), "code": int(exit_code(ours))}


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
