"""The pytest run under a command: started, waited for, stopped with the command, and asked how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PLUGIN: Final = "pytest_swebench.cli.witness"
WITNESS: Final = "PYTEST_SWEBENCH_WITNESS"
"""Names, in the child's environment, the file that its witness writes."""
PARENT: Final = "PYTEST_SWEBENCH_PARENT"
"""Names, in the child's environment, the process that started it, which may be gone before the child looks."""
CTRL_C: Final = "KeyboardInterrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the run's witness said; all of it is empty where the run never got as far.

    `unfinished` says that it was cut off before its end. `interrupt` is `KeyboardInterrupt` or why the run stopped
    itself, `stopped` why no further cell could run, `refusal` (type, message, code) what it was refused with.
    `by_status` says that pytest's own exit status counts, since no answer of a model makes it fail; `below` are the
    variants that resolved less than `rate`. `gate` is its verdict, exit code and words, where one was judged.
    """

    run_id: str = ""
    root: str = ""
    timestamp: str = ""
    interrupt: str = ""
    stopped: str = ""
    by_status: bool = False
    rate: float | None = None
    below: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: dict[str, Any] | None = None
    gate: dict[str, Any] | None = None
    unfinished: bool = False

    @classmethod
    def read(cls, path: Path) -> Told:
        """Read what the witness wrote, if it wrote at all."""
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        lists = {name: tuple(found[name]) for name in ("below", "notes") if name in found}
        return cls(**{**found, **lists})


def run_child(arguments: Sequence[str], *, plain: bool, env: Mapping[str, str]) -> tuple[int, Told]:
    """Run pytest in a process of its own; return its exit status, negative for a signal, and what it told.

    `env` is added to this process's environment. It writes where this process writes; with `plain` it is told that no
    terminal is there, and nobody to answer. Ctrl-C reaches it as it reaches us, and it may clean up; SIGTERM is handed
    on to it, and so is SIGINT where no terminal sends that to both.
    """
    with tempfile.TemporaryDirectory(prefix="swebench-witness-") as folder:
        witness = Path(folder) / "told.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", _PLUGIN, *arguments],
            env={**os.environ, **env, WITNESS: str(witness), PARENT: str(os.getpid())}
            | ({"TERM": "dumb"} if plain else {}),
            stdin=subprocess.DEVNULL if plain else None,
            # a group of its own gets signals from us alone, once each
            process_group=0 if plain else None,
        )
        with _handing_on(process, (signal.SIGTERM, signal.SIGINT) if plain else (signal.SIGTERM,)):
            status = _to_its_end(process)
        return status, Told.read(witness)


def _to_its_end(process: subprocess.Popen[bytes]) -> int:
    while True:
        with suppress(KeyboardInterrupt):  # the child has got it too, and needs its time
            return process.wait()


@contextmanager
def _handing_on(process: subprocess.Popen[bytes], signals: Sequence[int]) -> Iterator[None]:
    """Hand signals that reach this process on to the child."""
    if threading.current_thread() is not threading.main_thread():  # only there can Python take signals
        yield
        return

    def hand_on(number: int, frame: object) -> None:
        process.send_signal(number)

    before: dict[int, Callable[..., Any] | int | None] = {one: signal.signal(one, hand_on) for one in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
