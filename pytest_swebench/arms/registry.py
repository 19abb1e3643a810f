"""Which arms there are: built in (imported on use) and from plugins."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from pytest_swebench.arms.protocol import Arm
from pytest_swebench.errors import InputError, unknown

_BUILT_IN: Final[Mapping[str, str]] = {
    "adaptive_backtrack": "pytest_swebench.arms.workflows.adaptive:AdaptiveBacktrack",
    "agent": "pytest_swebench.arms.agent.agent:Agent",
    "agent_onepatch": "pytest_swebench.arms.local.onepatch:OnePatchAgent",
    "baseline": "pytest_swebench.arms.local.baseline:Baseline",
    "gold": "pytest_swebench.arms.simple:Gold",
    "mini": "pytest_swebench.arms.mini.arm:Mini",
    "null": "pytest_swebench.arms.simple:Null",
    "predictions": "pytest_swebench.arms.predictions:Predictions",
    "s1_decomposed": "pytest_swebench.arms.workflows.decomposed:s1_decomposed",
    "s1_decomposed_lite": "pytest_swebench.arms.workflows.decomposed:s1_decomposed_lite",
    "s1_direct": "pytest_swebench.arms.workflows.direct:s1_direct",
    "s1_tdd": "pytest_swebench.arms.workflows.tdd:s1_tdd",
    "s1_tdd_behavior": "pytest_swebench.arms.workflows.tdd:s1_tdd_behavior",
    "s1_tdd_review": "pytest_swebench.arms.workflows.review:s1_tdd_review",
    "s1_tdd_review_backtrack": "pytest_swebench.arms.workflows.review:s1_tdd_review_backtrack",
    "s1_tdd_rule_backtrack": "pytest_swebench.arms.workflows.review:s1_tdd_rule_backtrack",
    "s1_tdd_verified": "pytest_swebench.arms.workflows.tdd:s1_tdd_verified",
    "s1_tdd_verified_blind": "pytest_swebench.arms.workflows.tdd:s1_tdd_verified_blind",
    "singleshot": "pytest_swebench.arms.singleshot:Singleshot",
    "team_leader_follower": "pytest_swebench.arms.team.arm:team_leader_follower",
    "team_review": "pytest_swebench.arms.team.arm:team_review",
    "team_roles": "pytest_swebench.arms.team.arm:team_roles",
    "team_round_robin": "pytest_swebench.arms.team.arm:team_round_robin",
}
_TEAMS: Final = frozenset(name for name in _BUILT_IN if name.startswith("team_"))
_GIVEN: Final[Mapping[str, frozenset[str]]] = {
    "agent_network": _TEAMS | {"agent", "agent_onepatch", "baseline"},
    "context": frozenset({"singleshot"}),
    "context_tokens": frozenset({"singleshot"}),
    "tool_calls": _TEAMS,
}
"""Settings, and the arms that are made with them."""


@dataclass(frozen=True, slots=True)
class ArmRegistry:
    """Makes arms by name.

    `extra` holds the arms of plugins, `patches` what the arm `predictions` reads, `context` and `context_tokens` what
    `singleshot` shows of a repository, `agent_network` whether agents may install packages, `tool_calls` how often an
    agent of a team may call each tool.
    """

    extra: Mapping[str, Arm] = field(default_factory=dict)
    patches: Path | None = None
    max_patch_mb: float | None = None
    context: str | None = None
    context_tokens: int | None = None
    agent_network: str = "none"
    tool_calls: int | None = None

    def names(self) -> list[str]:
        """Return all known names, sorted."""
        return sorted(_BUILT_IN.keys() | self.extra.keys())

    def make(self, name: str) -> Arm:
        """Return the arm called `name`. Raises InputError for an unknown name or a missing patches file."""
        if name in self.extra:
            return self.extra[name]
        if name not in _BUILT_IN:
            raise InputError(unknown("arm", name, self.names()))
        module, _, attribute = _BUILT_IN[name].partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        if name == "predictions":
            if self.patches is None:
                raise InputError(
                    "arm 'predictions': which patches? give --patches=PATH, a predictions file or the output folder "
                    "of the tool that made them"
                )
            return cast(Arm, factory(self.patches, self.max_patch_mb))
        if name == "singleshot":
            from pytest_swebench.arms.singleshot import BM25, SingleshotSettings

            shown = SingleshotSettings(context=self.context or BM25, context_tokens=self.context_tokens)
            return cast(Arm, factory(shown))
        given = {setting: getattr(self, setting) for setting, names in _GIVEN.items() if name in names}
        return cast(Arm, factory(**given))

    def gives(self, setting: str, name: str) -> bool:
        """Say whether a setting of `--agent-network`, `--tool-calls` or the context can matter to the arm `name`."""
        if name in self.extra:  # whatever it is: its sandbox may lend a network
            return setting == "agent_network"
        return name in _GIVEN[setting]
