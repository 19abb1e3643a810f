"""A small repository with one hidden test that fails, graded by a script in the shape of upstream's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pytest_swebench.datasets.instance import Hidden, Instance, Problem
from pytest_swebench.patch import make_diff
from pytest_swebench.sandbox.images.lite import build_context, pytest_files
from tests.support.calc import ADD, CALC, ZERO

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE: Final = "pytest-swebench-test-integrity:latest"

FIXED = CALC.replace("a - b", "a + b")
TESTS = "from calc import add\n\n\ndef test_zero():\n    assert add(1, 0) == 1\n"
HIDDEN_TESTS = f"{TESTS}\n\ndef test_add():\n    assert add(1, 2) == 3\n"
TREE: Final[dict[str, str]] = {
    "calc/__init__.py": "from calc.core import add\n",
    "calc/core.py": CALC,
    "tests/test_calc.py": TESTS,
    "conftest.py": (
        'import pytest\n\n\n@pytest.fixture\ndef numbers():\n    """Some numbers."""\n    return [1, 2, 3]\n'
    ),
    "setup.py": 'from setuptools import setup\n\nsetup(name="calc", version="1.0", packages=["calc"])\n',
    "setup.cfg": "[metadata]\nlicense = MIT\n\n[tool:pytest]\ntestpaths = tests\n",
    "CHANGES.rst": "Changes\n=======\n\n1.0\n---\n\n- First release.\n",
}
TEST_PATCH = make_diff({"tests/test_calc.py": TESTS}, {"tests/test_calc.py": HIDDEN_TESTS})
GOLD = make_diff({"calc/core.py": CALC}, {"calc/core.py": FIXED})

EVAL_SCRIPT = f"""\
#!/bin/bash
set -uxo pipefail
cd /testbed
git config --global --add safe.directory /testbed
git status
git show --stat
git -c core.fileMode=false diff HEAD
python3 setup.py -q develop
git checkout HEAD tests/test_calc.py
git apply -v - <<'EOF_114329324912'
{TEST_PATCH}EOF_114329324912
: '>>>>> Start Test Output'
python3 -m pytest -rA tests/test_calc.py
: '>>>>> End Test Output'
git checkout HEAD tests/test_calc.py
"""

LOCAL_SCRIPT = f"""\
#!/bin/bash
set -uxo pipefail
git apply -v - <<'EOF_114329324912'
{TEST_PATCH}EOF_114329324912
: '>>>>> Start Test Output'
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -p no:cacheprovider -rA tests/test_calc.py
: '>>>>> End Test Output'
"""
# Debian's own sitecustomize goes, as in images made with conda, where there is none.
DOCKERFILE = """
FROM {base}
COPY lib /tmp/lib
COPY testbed /testbed
WORKDIR /testbed
RUN mv /tmp/lib/* "$(python3 -c 'import site; print(site.getsitepackages()[0])')" && \
    rm -f /usr/lib/python3*/sitecustomize.py /etc/python3*/sitecustomize.py && \
    git init -q . && git config user.name a && git config user.email a@example.invalid && \
    git config gc.auto 0 && printf '__pycache__/\\n*.egg-info/\\n' > .git/info/exclude && \
    git add . && git commit -q -m base
"""


def patch_of(changes: Mapping[str, str | None]) -> str:
    """Return the patch that sets files of the repository to new contents; None removes one."""
    before = {path: TREE[path] for path in changes if path in TREE}
    return make_diff(before, {path: content for path, content in changes.items() if content is not None})


def tiny_instance(image: str = IMAGE) -> Instance:
    hidden = Hidden(
        gold_patch=GOLD,
        test_patch=TEST_PATCH,
        fail_to_pass=(ADD,),
        pass_to_pass=(ZERO,),
        eval_script=EVAL_SCRIPT,
        log_parser="parse_log_pytest",
        eval_type="pass_and_fail",
    )
    problem = Problem(instance_id="acme__calc-1", statement="add() subtracts", repo="acme/calc", language="python")
    return Instance(problem=problem, hidden=hidden, image=image)


def build_image(client: DockerClient, base: str) -> None:
    """Build the repository's image: `base`, with the pytest that runs here."""
    text = {"Dockerfile": DOCKERFILE.format(base=base)} | {f"testbed/{path}": text for path, text in TREE.items()}
    context = {path: content.encode() for path, content in text.items()}
    context |= {f"lib/{name}": content for name, content in pytest_files().items()}
    client.images.build(fileobj=build_context(context), custom_context=True, tag=IMAGE, rm=True, network_mode="none")
