"""The arms of teams: roles, a policy, and the rules by which a team is done or given up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_swebench.arms.agent.agent import INSTALL
from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.loop import ANSWER_TOKENS
from pytest_swebench.arms.agent.tools import OUTPUT_CHARS
from pytest_swebench.arms.prompts import template
from pytest_swebench.arms.protocol import Solution, SolveContext, refuse_scenarios
from pytest_swebench.arms.simple import Null
from pytest_swebench.arms.team.floor import TRIES, Floor
from pytest_swebench.arms.team.ground import Ground, ground_for, limited
from pytest_swebench.arms.team.patching import Patching
from pytest_swebench.arms.team.policy import LEADER, Ending, LeaderFollower, Policy, RoundRobin, Turn
from pytest_swebench.arms.team.review import PATCHER, PROPOSALS, REVIEWER, Review
from pytest_swebench.arms.team.roles import Ability, Role, budgets, system_prompt
from pytest_swebench.cell import digest
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import InputError, LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.estimate import Expected
from pytest_swebench.providers.tokens import estimate_tokens

PATIENCE: Final = 2
"""Rounds without progress after which a team gives up; a round is as many turns as there are workers."""

PATCHES: Final = 3
_REVISION: Final = 1  # of the rules; prompts, roles and limits count by themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPlan:
    """A team: who is in it, how the floor goes round, and how many patches it may apply."""

    name: str
    roles: tuple[Role, ...]
    policy: Callable[[Floor, Patching, Ground], Policy]
    patches: int = PATCHES


class TeamArm:
    """Lets a team work on a task or an issue.

    `tool_calls` bounds how often each agent may call each tool, but for those that pass the floor on; `agent_network`
    is as for single agents.
    """

    paid = True
    oracle = False
    takes_turns = True
    timeout_s = 1800.0
    max_cost_usd = 3.0

    def __init__(self, plan: TeamPlan, *, agent_network: str = "none", tool_calls: int | None = None) -> None:
        self.name = plan.name
        self.roles = plan.roles
        self._plan = plan
        self._installs = agent_network == INSTALL
        self._tool_calls = tool_calls
        prompts = [system_prompt(role, plan.roles) for role in plan.roles]
        self._prompt_tokens = min(map(estimate_tokens, prompts))
        prompts += [template("team", name).template for name in ("problem", "proposal")]
        shape = [dataclasses.asdict(role) for role in plan.roles]
        limits = [plan.patches, self.timeout_s, self.max_cost_usd, PATIENCE, TRIES, ANSWER_TOKENS, OUTPUT_CHARS]
        self.version = digest([_REVISION, plan.name, limits, shape, prompts, agent_network, tool_calls])

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for prompt scenarios, and for what pytest does not test."""
        refuse_scenarios(self.name, instances)
        for instance in instances:
            if not instance.problem.in_python:
                language = instance.problem.language
                raise InputError(
                    f"arm {self.name!r}: {instance.instance_id!r} is written in {language!r}, its tools run pytest; "
                    "choose --language python, or the arm 'agent'"
                )

    def expected(self, problem: Problem) -> Expected:
        """Return what a team takes: a turn or two of each role, or all of their turns."""
        least = estimate_tokens(problem.statement) + self._prompt_tokens
        calls = 2 * len(self.roles), sum(role.turns for role in self.roles)
        return Expected(calls=calls, input_tokens=(least, 20_000), output_tokens=(60, 1_000))

    def check_turns(self, turns: int | None) -> None:
        """Raise InputError for fewer turns than there are roles."""
        try:
            budgets(self.roles, turns)
        except InputError as error:
            raise InputError(f"arm {self.name!r}: {error}") from None

    def solve(self, context: SolveContext) -> Solution:
        """Let the team work until its tests pass, its policy ends it, or nothing moves any more."""
        clock = Clock(context.timeout_s)
        patching = Patching(context.sandbox(), self._plan.patches, clock)
        floor = Floor(context, clock, context.trace("team"), lambda: patching.diff)
        turns = budgets(self.roles, context.variant.turns)
        with ground_for(context, clock, patching, installs=self._installs) as ground:
            policy = self._plan.policy(floor, patching, ground)
            for role in self.roles:
                tools = [limited(tool, self._tool_calls) for tool in ground.tools(role.abilities)]
                floor.add(role, system_prompt(role, self.roles), [*tools, *policy.tools(role)], turns[role.name])
            try:
                ending = play(floor, policy, patching, ground)
            except LimitReached:
                context.leave(floor.draft())  # what was patched since the last question counts
                raise
        floor.note(f"the end: {ending.reason}")
        solution = _solution(floor, ending, ground.tail())
        if not solution.patch and ground.passed():  # nothing had to change: grading is to see that too
            return dataclasses.replace(solution, patch=Null().solve(context).patch)
        return solution


def play(floor: Floor, policy: Policy, patching: Patching, ground: Ground) -> Ending:
    """Give the floor as `policy` says until the tests pass, it ends the work, or nothing has moved for too long.

    Progress is what can be seen from outside: another patch, another installation, another outcome of the tests.
    """
    workers = sum(bool(member.role.abilities) for member in floor.members.values())
    idle, seen = 0, ground.state
    while isinstance(turn := policy.next(), Turn):
        if idle >= PATIENCE * workers:
            return Ending(f"abandoned: no progress in {PATIENCE} rounds", "progress")
        if ground.tests is None and patching.applied and idle >= workers:
            return Ending("a round went by in which nothing changed: the patch stands")
        applied = patching.applied
        floor.give(turn.name, turn.task)
        if patching.applied > applied and ground.tests is not None:
            ground.tests()
            floor.say("team", f"the tests after the patch: {ground.tail()}")
            floor.note(f"the tests after the patch: {ground.tail()}")
        if ground.passed():
            return Ending("the tests pass")
        idle, seen = (0, ground.state) if ground.state != seen else (idle + 1, seen)
    return turn


def _solution(floor: Floor, ending: Ending, tail: str) -> Solution:
    draft = floor.draft()
    return Solution(
        patch=draft.patch or "",
        stop=Stop.STEPS if ending.failed == "turns" else Stop.SUBMITTED,
        response_text=tail or draft.response_text,
        tool_calls=draft.tool_calls,
        commands=draft.commands,
        notes=ending.reason,
        per_step_tokens=draft.per_step_tokens,
        failed_step="team" if ending.failed else "",
        failed_guard=ending.failed,
        retry_count=floor.retries,
    )


_INSTALLER: Final = Role(
    name="installer",
    duty="makes the repository and what it needs run",
    abilities=(Ability.READ, Ability.INSTALL),
    turns=5,
)
_TESTER: Final = Role(
    name="tester",
    duty="runs tests and says what fails, where and why",
    abilities=(Ability.READ, Ability.TEST),
    turns=8,
)
_PATCHER: Final = Role(
    name=PATCHER, duty="changes the code, and nothing else", abilities=(Ability.READ, Ability.PATCH), turns=12
)
_LEADER: Final = Role(name=LEADER, duty="says who is next", abilities=(), turns=10)


def team_review(*, agent_network: str = "none", tool_calls: int | None = None) -> TeamArm:
    """Return the arm of a patcher, who has every tool but the last word, and a reviewer, who has that."""
    everything = (Ability.READ, Ability.INSTALL, Ability.TEST)
    proposer = Role(name=PATCHER, duty="finds the fault and proposes a patch", abilities=everything, turns=12)
    reviewer = Role(
        name=REVIEWER,
        duty="approves or denies the proposed patch",
        abilities=(Ability.READ, Ability.TEST),
        turns=4 * PROPOSALS,
    )
    plan = TeamPlan(
        name="team_review",
        roles=(proposer, reviewer),
        policy=lambda floor, patching, ground: Review(floor, patching, ground.tail),
        patches=1,
    )
    return TeamArm(plan, agent_network=agent_network, tool_calls=tool_calls)


def team_roles(*, agent_network: str = "none", tool_calls: int | None = None) -> TeamArm:
    """Return the arm of three specialists who have the floor once each, one after another."""
    plan = TeamPlan(name="team_roles", roles=_SPECIALISTS, policy=lambda floor, *_: RoundRobin(floor, rounds=1))
    return TeamArm(plan, agent_network=agent_network, tool_calls=tool_calls)


def team_round_robin(*, agent_network: str = "none", tool_calls: int | None = None) -> TeamArm:
    """Return the arm of three specialists among whom the floor goes round."""
    plan = TeamPlan(name="team_round_robin", roles=_SPECIALISTS, policy=lambda floor, *_: RoundRobin(floor))
    return TeamArm(plan, agent_network=agent_network, tool_calls=tool_calls)


def team_leader_follower(*, agent_network: str = "none", tool_calls: int | None = None) -> TeamArm:
    """Return the arm of three specialists and a leader who says which of them is next."""
    roles = (_LEADER, *_SPECIALISTS)
    plan = TeamPlan(name="team_leader_follower", roles=roles, policy=lambda floor, *_: LeaderFollower(floor))
    return TeamArm(plan, agent_network=agent_network, tool_calls=tool_calls)


_SPECIALISTS: Final = (_INSTALLER, _TESTER, _PATCHER)
