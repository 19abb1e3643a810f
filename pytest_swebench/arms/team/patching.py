"""The patches of a team: read from what a model wrote, tried, and applied no more often than agreed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.arms.agent.applying import apply_diff, check_diff
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, object_schema
from pytest_swebench.arms.edits import EDIT_FORMAT, EditError, diff_from_answer
from pytest_swebench.patch import changed_paths, make_diff
from pytest_swebench.providers.protocol import Tool
from pytest_swebench.sandbox.protocol import CommandResult, Sandbox

PATCH_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "string",
    "description": "the change, as search/replace blocks or as a unified diff against the present files",
}
_MAX_FILE_BYTES: Final = 16_000_000


@dataclasses.dataclass(slots=True)
class Patching:
    """Applies patches to the working copy, at most `most` of them.

    `diff` is all of them together and nothing else: what tests and installations leave behind is no part of it.
    """

    sandbox: Sandbox
    most: int
    clock: Clock
    applied: int = 0
    diff: str = ""
    _base: dict[str, bytes | None] = dataclasses.field(default_factory=dict)

    def diff_of(self, text: str) -> str:
        """Return the diff that `text` asks for. Raises EditError for one that is none or does not apply."""
        diff = diff_from_answer(text, lambda path: _text(self.sandbox.read(path, max_bytes=_MAX_FILE_BYTES)))
        if not diff:
            raise EditError(f"there is no change in it. {EDIT_FORMAT}")
        _taken(check_diff(self.sandbox, diff, self.clock))
        return diff

    def apply(self, diff: str) -> None:
        """Apply a diff of `diff_of`. Raises EditError where the files have changed under it."""
        paths = changed_paths(diff)
        before = self._contents([path for path in paths if path not in self._base])
        _taken(apply_diff(self.sandbox, diff, self.clock))
        self._base |= before
        self.applied += 1
        self.diff = make_diff(_present(self._base), _present(self._contents(list(self._base))))

    def tool(self) -> AgentTool:
        """Return the tool with which a patcher changes files."""
        tool = Tool(
            "apply_patch",
            f"Change files of the working copy; so many patches are taken in all: {self.most}.\n\n{EDIT_FORMAT}",
            object_schema({"patch": PATCH_SCHEMA}, ("patch",)),
        )
        return AgentTool(tool, self._called)

    def _called(self, arguments: Mapping[str, Any]) -> ToolResult:
        if self.applied >= self.most:
            return ToolResult(f"refused: {self.applied} of {self.most} patches have been applied, no other is taken")
        try:
            self.apply(self.diff_of(arguments["patch"]))
        except EditError as error:
            return ToolResult(f"error: nothing was changed: {error}")
        return ToolResult(f"applied, patch {self.applied} of {self.most}")

    def _contents(self, paths: list[str]) -> dict[str, bytes | None]:
        found = self.sandbox.read_all(paths, max_bytes=_MAX_FILE_BYTES)
        return {path: found.get(path) for path in paths}


def _taken(result: CommandResult) -> None:
    if result.exit_code != 0:
        raise EditError(f"git cannot apply it:\n{result.output.strip() or f'exit code {result.exit_code}'}")


def _present(contents: Mapping[str, bytes | None]) -> dict[str, str]:
    return {path: _text(content) for path, content in contents.items() if content is not None}


def _text(content: bytes) -> str:
    # a diff must hold the very bytes of a file, or it does not apply
    return content.decode(errors="surrogateescape")
