"""Who has the floor next: the contract of policies, and the two that hand it round or let one decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pytest_swebench.arms.agent.tools import AgentTool, ToolResult, object_schema
from pytest_swebench.arms.team.floor import Floor
from pytest_swebench.arms.team.roles import Role
from pytest_swebench.providers.protocol import Tool


@dataclass(frozen=True, slots=True)
class Turn:
    """Who has the floor next, and what for."""

    name: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why nobody has the floor any more.

    `failed` names what went wrong: `turns`, `members`, `progress`, `review` or `leader`.
    """

    reason: str
    failed: str = ""


class Policy(Protocol):
    """Decides who has the floor; made anew for each cell."""

    def tools(self, role: Role) -> Sequence[AgentTool]:
        """Return the tools with which `role` ends its turn."""

    def next(self) -> Turn | Ending:
        """Return who is next, or why nobody is."""


LEADER: Final = "leader"


def nobody_left(floor: Floor, reason: str = "nobody is left who could work") -> Ending:
    """Return the end of work that nobody can go on with: some are without turns, or all of them have failed."""
    return Ending(reason, "turns" if any(member.left <= 0 for member in floor.members.values()) else "members")


class RoundRobin:
    """The floor goes round in the team's order, `rounds` times or for as long as anything moves."""

    def __init__(self, floor: Floor, rounds: int | None = None) -> None:
        self._floor = floor
        self._rounds = rounds
        self._round = 0
        self._waiting: list[str] = []

    def tools(self, role: Role) -> Sequence[AgentTool]:
        return (self._floor.hand_over(role.name),)

    def next(self) -> Turn | Ending:
        able = self._floor.able
        self._waiting = [name for name in self._waiting if name in able]
        if not able:
            return nobody_left(self._floor)
        if not self._waiting:
            if self._round == self._rounds:
                return Ending("everybody has had the floor")
            self._round += 1
            self._waiting = able
        return Turn(self._waiting.pop(0))


class LeaderFollower:
    """One of the team leads: it says who is next and what for, until it calls the work finished."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._chosen: Turn | Ending | None = None

    def tools(self, role: Role) -> Sequence[AgentTool]:
        if role.name == LEADER:
            return (self._give_floor(), self._finish())
        return (self._floor.hand_over(role.name),)

    def next(self) -> Turn | Ending:
        if not self._followers:
            return nobody_left(self._floor)
        self._chosen = None
        if LEADER in self._floor.able:
            self._floor.give(LEADER, f"Who is next? You can choose {', '.join(self._followers)}.")
        return self._chosen or Ending(f"nobody leads: {self._floor.members[LEADER].out}", LEADER)

    @property
    def _followers(self) -> list[str]:
        return [name for name in self._floor.able if name != LEADER]

    def _give_floor(self) -> AgentTool:
        properties = {
            "role": {"type": "string", "description": "who is next"},
            "task": {"type": "string", "description": "what to do, in a sentence or two"},
        }
        description = "Give the floor to one of the team."
        return AgentTool(Tool("give_floor", description, object_schema(properties, ("role", "task"))), self._given)

    def _given(self, arguments: Mapping[str, Any]) -> ToolResult:
        name, task = str(arguments["role"]), str(arguments["task"])
        if name not in self._followers:
            member = self._floor.members.get(name)
            why = member.out if member is not None and member.out else "not one of your followers"
            return ToolResult(f"refused: {name!r} ({why}); choose {', '.join(self._followers)}")
        self._chosen = Turn(name, task)
        self._floor.say(LEADER, f"{name}, {task}")
        return ToolResult(f"{name}: {task}", ends=True)

    def _finish(self) -> AgentTool:
        properties = {"reason": {"type": "string", "description": "why nothing is left to do"}}
        description = "End the work of the team: the problem is solved, or it cannot be."
        return AgentTool(Tool("finish", description, object_schema(properties, ("reason",))), self._finished)

    def _finished(self, arguments: Mapping[str, Any]) -> ToolResult:
        reason = str(arguments["reason"])
        self._chosen = Ending(f"the leader ended it: {reason}")
        return ToolResult(reason, ends=True)
