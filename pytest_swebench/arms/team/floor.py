"""The floor of a team: one agent has it at a time; the others hear what it said when it is their turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.loop import EndReason, Loop
from pytest_swebench.arms.agent.tools import STATEMENT_CHARS, AgentTool, ToolResult, cut, object_schema
from pytest_swebench.arms.prompts import template
from pytest_swebench.arms.protocol import Draft, SolveContext
from pytest_swebench.arms.team.roles import Role
from pytest_swebench.providers.protocol import Tool
from pytest_swebench.records.trace import EventType, GuardVerdict, Trace, TraceEvent

TRIES: Final = 2
"""How often a member may have the floor in a row before its turn counts as failed: once, and once again."""

_SAID_CHARS: Final = 4_000  # of each message to the others
_NUDGES: Final = 1


@dataclasses.dataclass(slots=True)
class Member:
    """A role at work: its agent, its turns, how much of the talk it has heard, and why it is out, if it is."""

    role: Role
    loop: Loop
    turns: int
    heard: int = 0
    failed: str = ""
    out: str = ""

    @property
    def left(self) -> int:
        """The turns that it has left."""
        return self.turns - self.loop.progress.turns


class Floor:
    """Gives the floor to members, within their turns, and keeps what was said, called and spent by all of them.

    `patch` gives the patch as it stands, `retries` counts how often a member that failed was asked once more.
    """

    def __init__(self, context: SolveContext, clock: Clock, trace: Trace, patch: Callable[[], str]) -> None:
        self.retries = 0
        self.members: dict[str, Member] = {}
        self.said: list[tuple[str, str]] = []
        self._context = context
        self._clock = clock
        self._trace = trace
        self._patch = patch
        self._tool_calls: list[dict[str, Any]] = []
        self._commands: list[str] = []
        self._counted: dict[str, tuple[int, int]] = {}
        self._visits = 0

    def add(self, role: Role, system: str, tools: Sequence[AgentTool], turns: int) -> None:
        """Let a role take part, with `turns` turns."""
        own = dataclasses.replace(self._context, leave=lambda draft: self._context.leave(self.draft()))
        self.members[role.name] = Member(
            role,
            Loop(
                own,
                self._clock,
                agent=role.name,
                system=system,
                tools=tools,
                max_turns=turns,
                trace=self._trace,
                nudges=_NUDGES,
            ),
            turns,
        )

    @property
    def able(self) -> list[str]:
        """The members that can still be given the floor, in their order."""
        return [name for name, member in self.members.items() if not member.out]

    def give(self, name: str, task: str) -> None:
        """Let a member work until it ends its turn on the floor.

        One that falls silent or says that it failed is asked once more; then it is out, as is one without turns: it
        loses the floor where it was not done.
        """
        member, told = self.members[name], task
        for attempt in range(1, TRIES + 1):
            why = self._worked(member, told)
            if not why:
                if not member.left:
                    member.out = _used_up(member)
                return
            if member.out or attempt == TRIES:
                break
            self.retries += 1
            self.note(f"{name} failed and tries once more: {why}", name)
            told = f"That did not do: {why}. Try once more."
        member.out = member.out or f"failed {TRIES} times: {why}"
        self.note(f"{name} loses the floor: {member.out}", name)
        self.say("team", f"{name} works no more ({member.out})")

    def say(self, agent: str, text: str) -> None:
        """Let the others know what `agent` has to say."""
        self.said.append((agent, cut(text, _SAID_CHARS)))

    def note(self, text: str, agent: str = "") -> None:
        """Put into the trace what a person should see."""
        self._tell(EventType.NOTE, text, agent)

    def verdict(self, agent: str, verdict: GuardVerdict, text: str) -> None:
        """Put into the trace how `agent` judged the work of another."""
        self._tell(EventType.GUARD, text, agent, verdict)

    def draft(self) -> Draft:
        """Return what stands so far."""
        self._collect()
        last = self.said[-1][1] if self.said else ""
        return Draft(
            patch=self._patch(),
            response_text=last,
            tool_calls=tuple(self._tool_calls),
            commands=tuple(self._commands),
            per_step_tokens={name: member.loop.progress.tokens for name, member in self.members.items()},
        )

    def hand_over(self, name: str) -> AgentTool:
        """Return the tool with which a member ends its turn."""

        def run(arguments: Mapping[str, Any]) -> ToolResult:
            message = str(arguments["message"])
            self.say(name, message)
            self.members[name].failed = "" if arguments["done"] else message or "it did not say why"
            return ToolResult(message or "handed over", ends=True)

        properties = {
            "message": {"type": "string", "description": "what the others have to know, in a few sentences"},
            "done": {"type": "boolean", "description": "whether you did what was yours to do"},
        }
        description = "End your turn and tell the others what you found out or did."
        return AgentTool(Tool("hand_over", description, object_schema(properties, ("message", "done"))), run)

    def _worked(self, member: Member, task: str) -> str:
        """Give the floor once; return what failed, "" if nothing did."""
        name = member.role.name
        self._visits += 1
        what = f"has the floor, turns left: {member.left}"
        self._tell(EventType.STEP_START, f"{what}; {task}" if task else what, name)
        member.failed = ""
        member.loop.say(self._briefing(member, task))
        ended = member.loop.run(max(1, member.left - 1))
        if ended.reason is EndReason.TURNS and member.left:
            member.loop.say("This is your last turn: end it now, with the tool for that. Nothing else will be heard.")
            ended = member.loop.run(1)
        if ended.reason is EndReason.SILENT:
            member.failed = "no tool was called"
        if ended.reason is EndReason.TURNS or (member.failed and not member.left):
            member.failed = member.out = _used_up(member)
        self._tell(EventType.STEP_FAIL if member.failed else EventType.STEP_PASS, member.failed, name)
        return member.failed

    def _briefing(self, member: Member, task: str) -> str:
        """Return what a member is told as it is given the floor: the problem once, what others said, its task."""
        news = [f"{agent}: {text}" for agent, text in self.said[member.heard :] if agent != member.role.name]
        begun = bool(member.loop.progress.turns)
        member.heard = len(self.said)
        problem = self._context.problem
        statement = cut(problem.statement, STATEMENT_CHARS)
        parts = [] if begun else [template("team", "problem").substitute(repo=problem.repo, statement=statement)]
        parts += ["What the others said:\n\n" + "\n\n".join(news)] if news else []
        parts += [task] if task else []
        parts.append(f"You have the floor. Turns you have left: {member.left}.")
        return "\n\n".join(parts)

    def _collect(self) -> None:
        """Take over what members have called since the last time, in the order in which it happened."""
        for name, member in self.members.items():
            calls, commands = self._counted.get(name, (0, 0))
            self._tool_calls += [{"agent": name, **call} for call in member.loop.progress.tool_calls[calls:]]
            self._commands += member.loop.progress.commands[commands:]
            self._counted[name] = (len(member.loop.progress.tool_calls), len(member.loop.progress.commands))

    def _tell(self, type: EventType, text: str, agent: str, verdict: GuardVerdict | None = None) -> None:
        self._trace.event(
            TraceEvent(
                type=type,
                step=agent or "team",
                agent=agent,
                guard="review" if verdict else "",
                verdict=verdict,
                attempt=self._visits,
                summary=text,  # cut where it is written, once secrets are gone
            )
        )


def _used_up(member: Member) -> str:
    return f"all of its {member.turns} turns are used up"
