"""The smallest instance that all of grading takes seriously: a repository of one function, and two tests in pytest.

Its image stands on the base image, with pytest copied in from here, and is made once without any network.
"""

from __future__ import annotations

import io
import tarfile
from importlib.metadata import files
from typing import TYPE_CHECKING, Final

from pytest_swebench.datasets.instance import Hidden, Instance, Problem
from pytest_swebench.sandbox.images import has
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

# Pure Python all of them, so any interpreter of about this age runs them.
_PACKAGES: Final = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
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
        base = base_image(client)
        client.images.build(fileobj=_context(base), custom_context=True, tag=IMAGE, rm=True, network_mode="none")
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


def _context(base: str) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for package in _PACKAGES:
            for file in files(package) or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    tar.add(str(file.locate()), f"site/{file}")
        text = {"Dockerfile": _DOCKERFILE.format(base=base), "tree/calc.py": CALC, "tree/test_calc.py": _TESTS}
        for name, content in text.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            tar.addfile(entry, io.BytesIO(content.encode()))
    stream.seek(0)
    return stream
