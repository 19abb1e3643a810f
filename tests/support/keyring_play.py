"""Commands one after another in one process, so that they share a keychain: run it by what `beside_keychain` returns.

`played(before, steps, ...)` returns what each step came to, and where a secret was seen among all processes.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

STEP_TIMEOUT_S: Final = 90.0


@dataclass(frozen=True)
class Step:
    """Arguments of Python, and what comes over standard input; or, on a terminal, what is typed after which words."""

    arguments: Sequence[str]
    given: str = ""
    typed: Sequence[tuple[str, str]] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What a step came to; on a terminal, `out` holds everything."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(*arguments: str, given: str = "", typed: Sequence[tuple[str, str]] = (), **env: str) -> Step:
    """Return a step that runs our console command."""
    return Step(["-m", "pytest_swebench", *arguments], given, typed, env)


def played(
    before: Sequence[str], steps: Sequence[Step], folder: Path, env: Mapping[str, str], secret: str = ""
) -> tuple[list[Done], list[str]]:
    """Play `steps` in `folder`; return what each came to, and the command lines of processes that showed `secret`.

    A process shows what is in its command line or, unless a step puts it there, in its environment.
    """
    plan = json.dumps({"steps": [asdict(step) for step in steps], "secret": secret})
    with tempfile.NamedTemporaryFile("w") as file:  # a variable would show the secret in all that is started here
        file.write(plan)
        file.flush()
        done = subprocess.run(
            [*before, sys.executable, __file__, file.name],
            cwd=folder, env=env, input="{}", capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return [Done(**one) for one in told["done"]], told["seen"]


class _Watch:
    """Looks at what all processes show, over and over, for one secret."""

    def __init__(self, secret: str, shown_in: Sequence[str]) -> None:
        self.seen: set[str] = set()
        self._shown_in = shown_in
        self._secret = secret.encode()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while self._secret and not self._stop.wait(0.01):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    shown = b"".join((folder / name).read_bytes() for name in self._shown_in)
                    line = (folder / "cmdline").read_bytes()
                except OSError:  # it has ended, or is somebody else's
                    continue
                if self._secret in shown:
                    self.seen.add(line.replace(b"\0", b" ").decode(errors="replace"))


def _piped(step: Step) -> Done:
    done = subprocess.run(
        [sys.executable, *step.arguments],
        input=step.given, env={**os.environ, **step.env}, capture_output=True, text=True, timeout=STEP_TIMEOUT_S,
        check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def _on_terminal(step: Step) -> Done:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, *step.arguments], env={**os.environ, **step.env}, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    shown, left, new, deadline = "", list(step.typed), 0, time.monotonic() + STEP_TIMEOUT_S
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1.0)[0]:
            continue
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # nobody has the other end any more
            break
        shown += chunk.decode(errors="replace")
        if left and re.search(left[0][0], shown[new:]):
            _, text = left.pop(0)
            new = len(shown)
            os.write(ours, text.encode())
    else:
        process.kill()
    code = process.wait()
    os.close(ours)
    return Done(code, shown, "")


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    steps = [Step(**step) for step in plan["steps"]]
    given = any(plan["secret"] in value for step in steps for value in step.env.values())
    with _Watch(plan["secret"], ["cmdline"] if given else ["cmdline", "environ"]) as watch:
        done = [asdict(_on_terminal(step) if step.typed else _piped(step)) for step in steps]
    print(json.dumps({"done": done, "seen": sorted(watch.seen)}))


if __name__ == "__main__":
    main()
