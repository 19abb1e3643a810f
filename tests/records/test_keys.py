from __future__ import annotations

import dataclasses

from pytest_swebench.cell import Variant
from pytest_swebench.records.schema import RunInfo, cell_key
from tests.run.bench import INSTANCES, NAME


@dataclasses.dataclass(frozen=True)
class Fixed:
    version: str
    paid: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patches(Fixed):
    patch: str
    paid: bool = False

    def digest_of(self, instance_id: str) -> str:
        return self.patch


ONE = Fixed("1")
INFO = RunInfo(run_id="r", timestamp="t", dataset="demo", provider="openai")


def test_key_changes_with_whatever_changes_the_answer() -> None:
    instance, variant = INSTANCES[NAME], Variant("a", "a", "m", 0.2)
    other = dataclasses.replace(instance, problem=dataclasses.replace(instance.problem, statement="other"))
    keys = [
        cell_key(INFO, instance, variant, ONE, 1),
        cell_key(dataclasses.replace(INFO, dataset="lite"), instance, variant, ONE, 1),
        cell_key(dataclasses.replace(INFO, provider="anthropic"), instance, variant, ONE, 1),
        cell_key(INFO, other, variant, ONE, 1),
        cell_key(INFO, instance, dataclasses.replace(variant, arm="b"), ONE, 1),
        cell_key(INFO, instance, dataclasses.replace(variant, model="n"), ONE, 1),
        cell_key(INFO, instance, dataclasses.replace(variant, temperature=None), ONE, 1),
        cell_key(INFO, instance, variant, Fixed("2"), 1),
        cell_key(INFO, instance, variant, ONE, 2),
    ]
    assert len(set(keys)) == len(keys)
    same = (
        dataclasses.replace(INFO, run_id="s", timestamp="u", grading="other"),
        dataclasses.replace(variant, name="b"),
    )
    assert cell_key(same[0], instance, same[1], ONE, 1) == keys[0]


def test_key_of_an_imported_patch_holds_that_patch_and_how_it_is_graded() -> None:
    instance, variant = INSTANCES[NAME], Variant("predictions", "predictions", "", None)
    arms = (Patches("1", patch="a"), Patches("2", patch="a"), Patches("1", patch="b"))
    keys = [cell_key(INFO, instance, variant, arm, 1) for arm in arms]
    assert keys[0] == keys[1] != keys[2]
    assert cell_key(dataclasses.replace(INFO, grading="other"), instance, variant, arms[0], 1) != keys[0]
