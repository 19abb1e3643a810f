"""Two agents and one patch: what the patcher proposes is applied only if the reviewer says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, cut, object_schema
from pytest_swebench.arms.edits import EDIT_FORMAT, EditError
from pytest_swebench.arms.prompts import template
from pytest_swebench.arms.team.floor import Floor
from pytest_swebench.arms.team.patching import PATCH_SCHEMA, Patching
from pytest_swebench.arms.team.policy import Ending, Turn, nobody_left
from pytest_swebench.arms.team.roles import Role
from pytest_swebench.providers.protocol import Tool
from pytest_swebench.records.trace import GuardVerdict

PATCHER: Final = "patcher"
REVIEWER: Final = "reviewer"
PROPOSALS: Final = 2
"""How often a patch may be proposed: once, and once again after a refusal."""

_DIFF_CHARS: Final = 30_000


class Review:
    """The patcher proposes, the reviewer approves or denies; an approved patch is applied, once.

    `tail` gives the last line of the tests as they stand, which the reviewer sees beside the diff.
    """

    def __init__(self, floor: Floor, patching: Patching, tail: Callable[[], str]) -> None:
        self._floor = floor
        self._patching = patching
        self._tail = tail
        self._proposals = 0
        self._pending = ""
        self._reason = ""

    def tools(self, role: Role) -> Sequence[AgentTool]:
        if role.name == PATCHER:
            return (self._propose(),)
        return (self._decision("approve", GuardVerdict.PASS), self._decision("deny", GuardVerdict.FAIL))

    def next(self) -> Turn | Ending:
        if self._patching.applied:
            return Ending("the approved patch is applied")
        if self._pending:
            if REVIEWER not in self._floor.able:
                return Ending(f"nobody approved the patch; the reviewer: {self._out(REVIEWER)}", "review")
            diff, tail = cut(self._pending, _DIFF_CHARS), self._tail() or "(no test was run)"
            return Turn(REVIEWER, template("team", "proposal").substitute(diff=diff, tail=tail))
        if self._proposals >= PROPOSALS:
            return Ending(f"{self._proposals} patches were denied, the last one: {self._reason}", "review")
        if PATCHER not in self._floor.able:
            if self._proposals:
                return Ending(f"the patch was denied: {self._reason}; the patcher: {self._out(PATCHER)}", "review")
            return nobody_left(self._floor, f"no patch was proposed; the patcher: {self._out(PATCHER)}")
        if self._proposals:
            return Turn(PATCHER, f"Your patch was denied: {self._reason}\n\nPropose it once more, mended.")
        return Turn(PATCHER, "Find the fault and propose the one patch that mends it.")

    def _out(self, name: str) -> str:
        return self._floor.members[name].out

    def _propose(self) -> AgentTool:
        properties = {"patch": PATCH_SCHEMA, "reason": {"type": "string", "description": "why this mends it"}}
        description = f"Propose the patch; the reviewer decides whether it is applied.\n\n{EDIT_FORMAT}"
        tool = Tool("propose_patch", description, object_schema(properties, ("patch", "reason")))
        return AgentTool(tool, self._proposed)

    def _proposed(self, arguments: Mapping[str, Any]) -> ToolResult:
        try:
            diff = self._patching.diff_of(arguments["patch"])
        except EditError as error:
            return ToolResult(f"error: this cannot be proposed: {error}")
        self._pending = diff
        self._proposals += 1
        self._floor.say(PATCHER, f"proposes a patch: {arguments['reason']}")
        return ToolResult(f"number {self._proposals} of {PROPOSALS}: {arguments['reason']}", ends=True)

    def _decision(self, name: str, verdict: GuardVerdict) -> AgentTool:
        descriptions = {"approve": "Let the patch be applied.", "deny": "Refuse the patch, and say what must change."}
        properties = {"reason": {"type": "string", "description": "why, in a few sentences"}}

        def decided(arguments: Mapping[str, Any]) -> ToolResult:
            reason, diff = str(arguments["reason"]), self._pending
            self._pending, self._reason = "", reason
            self._floor.verdict(REVIEWER, verdict, reason)
            if verdict is GuardVerdict.PASS:
                try:
                    self._patching.apply(diff)
                except EditError as error:  # the diagnostics have changed the very files
                    self._reason = f"approved, but {error}"
                    self._floor.note(self._reason)
            self._floor.say(REVIEWER, f"{name}: {reason}")
            return ToolResult(reason, ends=True)

        return AgentTool(Tool(name, descriptions[name], object_schema(properties, ("reason",))), decided)
