"""The smallest instance that all of grading takes seriously: a repository of one function, and two tests in pytest.

Its image stands on the base image, with pytest copied in from here, and is made once without any network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_swebench.datasets.instance import Hidden, Instance, Problem
from pytest_swebench.sandbox.images import has
from pytest_swebench.sandbox.images.lite import build_context, pytest_files
from tests.support.base_image import base_image
from tests.support.calc import CALC, FIX

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE: Final = "pytest-swebench-test-trivial:latest"
TEST_PATCH: Final = """\
diff --git a/test_calc.py b/test_calc.py
--- a/test_calc.py
+++ b/test_calc.py
@@ -4,2 +4,6 @@
 def test_zero():
     assert add(1, 0) == 1
+
+
+def test_add():
+    assert add(1, 2) == 3
"""

_TESTS: Final = "from calc import add\n\n\ndef test_zero():\n    assert add(1, 0) == 1\n"
_DOCKERFILE: Final = """\
FROM {base}
COPY site /usr/lib/python3/dist-packages
RUN python3 -m compileall -q /usr/lib/python3/dist-packages
COPY tree /testbed
WORKDIR /testbed
RUN git init -q -b main . && git config user.name a && git config user.email a@example.invalid && \
    git add . && GIT_AUTHOR_DATE="2024-01-01T00:00:00Z" GIT_COMMITTER_DATE="2024-01-01T00:00:00Z" \
    git commit -q -m base
"""
_EVAL: Final = """\
#!/bin/bash
set -uxo pipefail
cd /testbed
git config --global --add safe.directory /testbed
git status
git show
git checkout HEAD test_calc.py
git apply -v - <<'EOF_114329324912'
{test_patch}
EOF_114329324912
: '>>>>> Start Test Output'
python3 -m pytest -rA -p no:cacheprovider test_calc.py
: '>>>>> End Test Output'
git checkout HEAD test_calc.py
"""


def trivial_image(client: DockerClient) -> str:
    """Return the name of the image, building it where it is missing. Raises InputError as `base_image` does."""
    if not has(client, IMAGE):
        text = {
            "Dockerfile": _DOCKERFILE.format(base=base_image(client)),
            "tree/calc.py": CALC,
            "tree/test_calc.py": _TESTS,
        }
        context = {name: content.encode() for name, content in text.items()}
        context |= {f"site/{name}": content for name, content in pytest_files().items()}
        client.images.build(
            fileobj=build_context(context), custom_context=True, tag=IMAGE, rm=True, network_mode="none"
        )
    return IMAGE


def trivial_instance(number: int, *, image: str = IMAGE, eval_script: str = "") -> Instance:
    """Return the instance `trivial__calc-<number>`: `calc.FIX` resolves it, `calc.WRONG` does not."""
    return Instance(
        problem=Problem(
            instance_id=f"trivial__calc-{number}",
            statement="add() subtracts",
            repo="trivial/calc",
            base_commit="HEAD",
            version="1",
            language="python",
        ),
        hidden=Hidden(
            gold_patch=FIX,
            test_patch=TEST_PATCH,
            fail_to_pass=("test_calc.py::test_add",),
            pass_to_pass=("test_calc.py::test_zero",),
            eval_script=eval_script or _EVAL.format(test_patch=TEST_PATCH),
            log_parser="parse_log_pytest",
            eval_type="pass_and_fail",
        ),
        image=image,
    )
