from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.arms.predictions import Predictions
from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.arms.simple import Gold, Null
from pytest_swebench.errors import InputError


def test_every_built_in_arm_can_be_made_and_knows_its_name(tmp_path: Path) -> None:
    patches = tmp_path / "p.json"
    patches.write_text('{"a": {"model_patch": ""}}', encoding="utf-8")
    registry = ArmRegistry(patches=patches)
    arms = {name: registry.make(name) for name in registry.names()}
    assert {"gold", "null", "predictions", "singleshot"} <= arms.keys()
    assert {name: arm.name for name, arm in arms.items()} == {name: name for name in arms}
    assert all(arm.version for arm in arms.values())
    oracles = {name for name, arm in arms.items() if arm.oracle}
    assert oracles == {
        "baseline",
        "gold",
        "s1_decomposed",
        "s1_tdd_behavior",
        "s1_tdd_review",
        "s1_tdd_review_backtrack",
        "s1_tdd_rule_backtrack",
        "s1_tdd_verified",
    }


def test_arms_of_plugins_stand_beside_the_built_in_ones_and_before_them() -> None:
    mine, shadow = Null(), Gold()
    registry = ArmRegistry({"mine": mine, "null": shadow})
    assert registry.make("mine") is mine
    assert registry.make("null") is shadow
    assert registry.names().count("null") == 1
    assert "mine" in registry.names()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gols", r"unknown arm 'gols'; did you mean 'gold'\? known: "),
        ("", r"unknown arm ''; known: "),
        ("predictions", r"arm 'predictions': which patches\? give --patches=PATH"),
    ],
)
def test_arm_that_cannot_be_made_is_explained(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ArmRegistry().make(name)


def test_registry_knows_which_arms_a_setting_can_matter_to() -> None:
    registry = ArmRegistry({"mine": Null(), "singleshot": Null()})
    names = (*ArmRegistry().names(), "mine")
    teams = {"team_leader_follower", "team_review", "team_roles", "team_round_robin"}

    def heeding(setting: str) -> set[str]:
        return {name for name in names if registry.gives(setting, name)}

    assert heeding("tool_calls") == teams
    assert heeding("agent_network") == {*teams, "agent", "agent_onepatch", "baseline", "mine", "singleshot"}
    assert heeding("context") == heeding("context_tokens") == set()
    assert ArmRegistry().gives("context_tokens", "singleshot")


def test_network_for_installing_changes_the_arms_that_are_given_it() -> None:
    without, with_it = ArmRegistry(), ArmRegistry(agent_network="install")
    names = [name for name in without.names() if name != "predictions"]
    changed = {name for name in names if without.make(name).version != with_it.make(name).version}
    assert changed == {
        "agent",
        "agent_onepatch",
        "baseline",
        "team_leader_follower",
        "team_review",
        "team_roles",
        "team_round_robin",
    }


def test_predictions_come_from_the_given_file(tmp_path: Path) -> None:
    patches = tmp_path / "p.jsonl"
    patches.write_text('{"instance_id": "a", "model_patch": "x"}\n', encoding="utf-8")
    assert isinstance(ArmRegistry(patches=patches).make("predictions"), Predictions)
