"""The environment that mini-swe-agent's agent acts in: our sandbox, by its protocol `Environment`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.arms.agent.progress import Progress
from pytest_swebench.arms.agent.tools import cut
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.arms.mini.library import Library, Settings
from pytest_swebench.errors import LimitReached
from pytest_swebench.records.trace import EventType
from pytest_swebench.sandbox.protocol import CommandResult

MARKER: Final = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""The first line that a command prints to submit; the rest of its output is the submission."""

_SHOWN_CHARS: Final = 200  # of a command in the trace
_NO_CODE: Final = -1  # what the library tells of a command that did not end by itself


class SandboxEnvironment:
    """Runs each action as a command of its own; how many seconds are left is for the clock of `bench` to say."""

    def __init__(self, bench: Workbench, settings: Settings, library: Library, progress: Progress) -> None:
        self.config: Mapping[str, Any] = {
            "cwd": settings.workdir,
            "timeout": settings.command_timeout_s,
            "env": dict(settings.variables),
        }
        self._bench = bench
        self._timeout_s = settings.command_timeout_s
        self._set = "".join(f"export {name}={shlex.quote(value)}; " for name, value in settings.variables.items())
        self._library = library
        self._progress = progress

    def execute(self, action: Mapping[str, Any], cwd: str = "") -> dict[str, Any]:
        """Run `action["command"]`, in the folder `cwd` if it is given.

        Raises the library's Submitted and TimeExceeded, and SandboxLost.
        """
        command = action["command"]
        place = f"cd -- {shlex.quote(cwd)} || exit; " if cwd else ""
        self._progress.called(self._library.tool["name"], {"command": command})
        self._progress.ran([command])
        try:
            result = self._bench.run(f"{self._set}{place}{command}", self._timeout_s)
        except LimitReached as limit:
            raise self._library.time_exceeded(exit_message("TimeExceeded", content=str(limit))) from limit
        output = self._told(result)
        short = cut(command, _SHOWN_CHARS)
        self._progress.tell(EventType.NOTE, f"$ {short}\nexit code {output['returncode']}\n{result.output}")
        first, _, rest = result.output.lstrip().partition("\n")
        if first.strip() == MARKER and output["returncode"] == 0:
            raise self._library.submitted(exit_message("Submitted", content=rest, submission=rest))
        return output

    def get_template_vars(self, **more: Any) -> dict[str, Any]:
        """Return what templates may name. The library's own environments give them every environment variable."""
        return {**self.config, **more}

    def serialize(self) -> dict[str, Any]:
        """Return what a trajectory says of the environment."""
        return {"info": {"config": {"environment": dict(self.config), "environment_type": type_of(self)}}}

    def _told(self, result: CommandResult) -> dict[str, Any]:
        if not result.timed_out:
            return {"output": result.output, "returncode": result.exit_code, "exception_info": ""}
        # not how long it took: a recording answers only who is told the same again
        told = f"The command took more than {self._timeout_s:g} s; it was killed, with all that it had started."
        return {"output": result.output, "returncode": _NO_CODE, "exception_info": told}


def exit_message(status: str, *, content: str, submission: str = "") -> dict[str, Any]:
    """Return the message that ends an agent."""
    return {"role": "exit", "content": content, "extra": {"exit_status": status, "submission": submission}}


def type_of(thing: object) -> str:
    """Return the name that a trajectory gives to a part of the agent."""
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
