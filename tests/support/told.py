"""Gradings without a run: a backend whose scripts end as they are told to."""

from __future__ import annotations

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Script, ScriptResult


class ToldBackend(LocalBackend):
    """A local backend that runs no script: each ends as the next of `endings` says, the last one again and again.

    An ending is a result and what is printed to the log.
    """

    def __init__(self, *endings: tuple[ScriptResult, str]) -> None:
        super().__init__()
        self._endings = list(endings)

    def run_script(self, instance: Instance, script: Script) -> ScriptResult:
        result, printed = self._endings.pop(0) if len(self._endings) > 1 else self._endings[0]
        script.log.write_text(printed)
        return result
