"""What hardening changes for real instances: nothing, test by test, beside containers made as upstream makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading import official
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.records.layout import LOG_FILE
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.profile import DockerOptions

UPSTREAM: Final = DockerOptions(profile="official")
# The hardened profile with each of its options taken back, as people can do; the rows below put back one each.
OPEN: Final = DockerOptions(
    drop_capabilities=False,
    no_new_privileges=False,
    private_ipc=False,
    memory="0",
    cpus=0,
    pids=0,
    grade_network="bridge",
)
DEFAULT: Final = DockerOptions()
OPTIONS: Final = {
    "none of them": OPEN,
    "capabilities": dataclasses.replace(OPEN, drop_capabilities=True),
    "no_new_privileges": dataclasses.replace(OPEN, no_new_privileges=True),
    "private_ipc": dataclasses.replace(OPEN, private_ipc=True),
    "memory": dataclasses.replace(OPEN, memory=DEFAULT.memory),
    "cpus": dataclasses.replace(OPEN, cpus=DEFAULT.cpus),
    "pids": dataclasses.replace(OPEN, pids=DEFAULT.pids),
    "nofile": dataclasses.replace(OPEN, nofile=1024),
    "no network": dataclasses.replace(OPEN, grade_network="none"),
    "all": dataclasses.replace(DEFAULT, nofile=1024),
}
BUILT_IN_CI: Final = ("sympy__sympy-24661", "pytest-dev__pytest-10356", "django__django-16901")
REAL: Final = (
    "django__django-16642",
    "django__django-16667",
    "django__django-16801",
    "django__django-16901",
    "django__django-16950",
    "django__django-17029",
    "mwaskom__seaborn-3010",
    "mwaskom__seaborn-3190",
    "pydata__xarray-6938",
    "pydata__xarray-7393",
    "pytest-dev__pytest-10356",
    "sphinx-doc__sphinx-10673",
    "sympy__sympy-24152",
    "sympy__sympy-24661",
)

Statuses = dict[str, str]


@pytest.fixture(scope="module")
def statuses_of_gold(
    real_instance: Callable[[str], Instance], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, DockerOptions], Statuses]]:
    """Return how every test of an instance ends on its gold patch; what upstream's settings give is kept."""
    kept: dict[str, Statuses] = {}

    def run(instance_id: str, options: DockerOptions) -> Statuses:
        if options == UPSTREAM and instance_id in kept:
            return kept[instance_id]
        instance, folder = real_instance(instance_id), tmp_path_factory.mktemp(instance_id)
        backend = DockerBackend(run_id="hardening", options=options)
        try:
            grade = OfficialGrader(backend).grade(instance, instance.hidden.gold_patch, folder)
        finally:
            backend.close()
        assert grade.verdict.resolved, grade.verdict.summary()
        statuses = official.test_statuses(instance, folder / LOG_FILE)
        if options == UPSTREAM:
            kept[instance_id] = statuses
        return statuses

    yield run
    kept.clear()


@pytest.mark.parametrize("instance_id", BUILT_IN_CI)
def test_all_options_together_change_no_test(
    instance_id: str, statuses_of_gold: Callable[[str, DockerOptions], Statuses]
) -> None:
    assert statuses_of_gold(instance_id, OPTIONS["all"]) == statuses_of_gold(instance_id, UPSTREAM)


@pytest.mark.soak
@pytest.mark.parametrize("option", list(OPTIONS))
@pytest.mark.parametrize("instance_id", REAL)
def test_no_option_changes_a_test(
    instance_id: str, option: str, statuses_of_gold: Callable[[str, DockerOptions], Statuses]
) -> None:
    assert statuses_of_gold(instance_id, OPTIONS[option]) == statuses_of_gold(instance_id, UPSTREAM)
