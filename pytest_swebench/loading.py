"""The instances of an experiment: loaded, selected, narrowed to what the arms have, and completed for grading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.wiring import pro_checkout

if TYPE_CHECKING:
    from pytest_swebench.arms.protocol import Arm
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.spec import ExperimentSpec


def selected_instances(
    config: pytest.Config,
    env: Mapping[str, str],
    spec: ExperimentSpec,
    arms: Mapping[str, Arm],
    extra: Mapping[str, Any],
) -> tuple[list[Instance], list[str]]:
    """Return the instances to run, and what a person should know about those left out. Raises InputError."""
    from pytest_swebench.arms.predictions import Predictions
    from pytest_swebench.datasets.load import load_instances
    from pytest_swebench.datasets.pro import complete_pro
    from pytest_swebench.matrix import select

    instances = load_instances(spec.dataset, spec.split, base_dir=spec.base_dir, extra=extra)
    selected = select(instances, spec.selection, spec.dataset)
    notices = []
    for arm in arms.values():
        if isinstance(arm, Predictions):
            known = {instance.instance_id for instance in instances}
            arm.check_known(known, spec.dataset)
            arm.check(selected)
            notices += arm.problems(known)
            selected = [instance for instance in selected if instance.instance_id in arm.ids]
    if not config.getoption("collectonly"):  # a look needs nothing that grading needs
        selected = complete_pro(selected, pro_checkout(config, env))
    return selected, notices


def with_repository(instances: list[Instance]) -> list[Instance]:
    """Return those of `instances` that have a repository to work in."""
    from pytest_swebench.datasets.instance import Kind

    return [instance for instance in instances if instance.kind is not Kind.SCENARIO]


def check_gradable(instances: list[Instance]) -> list[Instance]:
    """Return those of `instances` that are graded. Raises InputError for one that cannot be."""
    from pytest_swebench.grading.official import parser_names

    repositories = with_repository(instances)
    for instance in repositories:
        if missing := instance.missing_for_grading():
            raise InputError(
                f"{instance.instance_id}: the row lacks {', '.join(missing)}, without which it cannot be graded; "
                "use rows of the 5.x shape, or leave it out with --instance-ids"
            )
        parser = instance.hidden.log_parser
        if parser and parser not in parser_names():
            raise InputError(f"{instance.instance_id}: the official package has no log parser {parser!r}")
    return repositories


def check_harness(config: pytest.Config, instances: list[Instance]) -> None:
    """Raise InputError if the official harness is to grade and is not here, or cannot grade one of `instances`."""
    if config.getoption("swe_harness") == "official":
        from pytest_swebench.grading.harness import HarnessGrader

        HarnessGrader().check(instances)
