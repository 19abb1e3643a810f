"""What somebody's own hooks may return, and what they are told of the rest."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.extensions import added

OWN_ARM = """
class ByHand:
    name, version, paid, oracle = "byhand", "1", False, False
    def check(self, instances): pass
    def solve(self, context): pass

def pytest_swebench_arms():
    return [ByHand()]
"""


def found(config: pytest.Config, conftest: str, what: str = "arms") -> dict[str, Any]:
    """Return what is added where there is a conftest of this text in the current folder."""
    path = str(Path.cwd() / "conftest_of_this_test.py")
    module = ModuleType("mine")
    exec(compile(conftest, path, "exec"), vars(module))
    config.pluginmanager.register(module, path)
    try:
        return added(config, what)
    finally:
        config.pluginmanager.unregister(module)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (", paid, oracle", ", paid, fortune", "arm 'byhand' lacks 'oracle'; see docs/extending.md"),
        ("    def check(self, instances): pass\n", "", "arm 'byhand' lacks 'check'"),
        ("(self, context)", "(self)", "arm 'byhand' cannot be asked solve(context)"),
        ('"1", False', '"1", "no"', "arm 'byhand' has paid='no', which is no bool"),
        ('"1", False', "1, False", "arm 'byhand' has version=1, which is no str"),
        (
            '"byhand"',
            '"by hand/x"',
            "arm 'by hand/x' cannot be called so: ids and files bear its name; give it letters",
        ),
        ('"byhand"', '""', "arm '' cannot be called so"),
        ("[ByHand()]", "[ByHand]", "arm 'byhand' is a class; return one made of it, ByHand()"),
        ("[ByHand()]", "ByHand()", "pytest_swebench_arms returned <mine.ByHand object"),
        ("[ByHand()]", "'byhand'", "pytest_swebench_arms returned 'byhand'; return a list of arms, [MyArm()]"),
        ("[ByHand()]", "[ByHand(), ByHand()]", "pytest_swebench_arms: the name 'byhand' is taken already"),
    ],
)
def test_own_arm_that_is_none_is_refused_by_file_and_name(
    pytestconfig: pytest.Config, right: str, wrong: str, message: str
) -> None:
    assert right in OWN_ARM
    with pytest.raises(InputError, match=f"^conftest_of_this_test.py: {re.escape(message)}"):
        found(pytestconfig, OWN_ARM.replace(right, wrong))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("[BHand()]", "pytest_swebench_arms raised NameError: name 'BHand' is not defined"),
        ("guard('pach')", "unknown guard 'pach'; did you mean 'patch'?"),
    ],
)
def test_hook_that_raises_is_told_with_its_line(pytestconfig: pytest.Config, returned: str, message: str) -> None:
    conftest = "from pytest_swebench.arms.workflow.guards.registry import guard\n" + OWN_ARM
    with pytest.raises(InputError, match=f"^conftest_of_this_test.py:9: {re.escape(message)}"):
        found(pytestconfig, conftest.replace("[ByHand()]", returned))


def test_own_datasets_that_are_no_mapping_are_refused(pytestconfig: pytest.Config) -> None:
    with pytest.raises(InputError, match=r"py: pytest_swebench_datasets returned \[\]; return a mapping, name -> what"):
        found(pytestconfig, "def pytest_swebench_datasets(): return []", "datasets")


@pytest.mark.parametrize("kind", ["wrapper", "hookwrapper"])
def test_hook_that_wraps_others_is_refused(pytestconfig: pytest.Config, kind: str) -> None:
    conftest = f"import pytest\n@pytest.hookimpl({kind}=True)\ndef pytest_swebench_arms():\n    return (yield)\n"
    with pytest.raises(InputError, match=r"^conftest_of_this_test.py: pytest_swebench_arms wraps what others add; ret"):
        found(pytestconfig, conftest)


def test_arm_that_is_one_is_added_and_nothing_adds_nothing(pytestconfig: pytest.Config) -> None:
    assert list(found(pytestconfig, OWN_ARM)) == ["byhand"]
    assert found(pytestconfig, "def pytest_swebench_arms(): return None") == {}
