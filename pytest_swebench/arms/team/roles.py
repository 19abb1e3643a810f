"""Who is in a team: what each may do, and how the turns of a cell are shared among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pytest_swebench.arms.prompts import template
from pytest_swebench.errors import InputError


class Ability(StrEnum):
    """What a tool is for; a role has the tools of its abilities and no others."""

    READ = "read"
    TEST = "test"
    INSTALL = "install"
    PATCH = "patch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One agent of a team. `turns` is how often its model may answer in a cell that bounds nothing else."""

    name: str
    duty: str
    abilities: tuple[Ability, ...]
    turns: int


def budgets(roles: Sequence[Role], max_turns: int | None) -> dict[str, int]:
    """Return the turns of each role: its own, or its share of `max_turns` in proportion to them, 1 at least.

    What does not divide goes to the largest remainders, the first of equals first. Raises InputError where there are
    fewer turns than roles.
    """
    if max_turns is None:
        return {role.name: role.turns for role in roles}
    if max_turns < len(roles):
        names = ", ".join(role.name for role in roles)
        raise InputError(
            f"--max-turns {max_turns!r}: a team of {len(roles)} ({names}) needs a turn for each; "
            f"give {len(roles)} or more"
        )
    spare, weight = max_turns - len(roles), sum(role.turns for role in roles)
    exact = [spare * role.turns / weight for role in roles]
    shares = [1 + int(share) for share in exact]
    by_remainder = sorted(range(len(roles)), key=lambda place: int(exact[place]) - exact[place])
    for place in by_remainder[: max_turns - sum(shares)]:
        shares[place] += 1
    return {role.name: share for role, share in zip(roles, shares, strict=True)}


def system_prompt(role: Role, team: Sequence[Role]) -> str:
    """Return who a role is, and with whom it works."""
    others = "\n".join(f"- {other.name}: {other.duty}" for other in team if other is not role)
    return template("team", "frame").substitute(role=role.name, own=template("team", role.name).template, others=others)
