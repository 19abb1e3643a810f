"""A made row of SWE-bench Pro, the checkout that grades it, and the recipe of its image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from tests.support.calc import FIX

PRO_ID: Final = "instance_acme__calc-0123abcd-vnan"
PRO_IMAGE: Final = "pytest-swebench-test-pro:latest"

# HEAD is the base commit; the tests that judge come from a later one, as in the published images.
DOCKERFILE: Final = r"""
FROM {base}
SHELL ["/bin/bash", "-c"]
WORKDIR /app
RUN ln -sf "$(command -v python3)" /usr/local/bin/python && \
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.invalid GIT_COMMITTER_NAME=a \
      GIT_COMMITTER_EMAIL=a@example.invalid && \
    git init -q -b main . && mkdir tests && \
    printf 'def add(a, b):\n    return a - b\n' > calc.py && \
    printf 'print("no test yet")\n' > tests/check.py && \
    git add . && git commit -q -m base && git tag base && \
    printf '%s\n' 'import os, sys' 'sys.path.insert(0, os.getcwd())' 'from calc import add' \
      'print("result of", os.environ["FLAVOUR"], "add:", "good" if add(1, 2) == 3 else "bad")' \
      'print("result of zero:", "good" if add(0, 0) == 0 else "bad", file=sys.stderr)' > tests/check.py && \
    git commit -q -a -m tests && git tag with-tests && git checkout -q base
"""

RUN_SCRIPT: Final = """\
IFS=',' read -r -a files <<< "$1"
for file in "${files[@]}"; do python "$file" || true; done
"""

PARSER: Final = """\
import json, re, sys
text = open(sys.argv[1]).read() + "\\n" + open(sys.argv[2]).read()
found = re.findall(r"^result of (.+): (good|bad)$", text, re.MULTILINE)
tests = [{"name": name, "status": "PASSED" if end == "good" else "FAILED"} for name, end in found]
json.dump({"tests": tests}, open(sys.argv[3], "w"))
"""


def pro_row(**changes: Any) -> dict[str, Any]:
    """Return a row with the columns of the published data set, graded in the made image."""
    return {
        "instance_id": PRO_ID,
        "repo": "acme/calc",
        "base_commit": "base",
        "patch": FIX,
        "test_patch": "diff --git a/tests/check.py b/tests/check.py\n",
        "problem_statement": "add() subtracts.",
        "requirements": "- It adds.",
        "interface": "None",
        "repo_language": "py",
        "fail_to_pass": "['sweet add']",
        "pass_to_pass": "['zero']",
        "before_repo_set_cmd": "git reset --hard base\ngit clean -fd\ngit checkout with-tests -- tests/check.py\n",
        "selected_test_files_to_run": json.dumps(["tests/check.py"]),
        "dockerhub_tag": "acme.calc-acme__calc-0123abcd",
    } | changes


def pro_checkout(folder: Path, *, parser: str = PARSER, environment: str = 'ENV FLAVOUR="sweet"') -> Path:
    """Write what a checkout of the benchmark's repository holds for the made row, and return its folder."""
    files = {
        f"run_scripts/{PRO_ID}/run_script.sh": RUN_SCRIPT,
        f"run_scripts/{PRO_ID}/parser.py": parser,
        f"dockerfiles/base_dockerfile/{PRO_ID}/Dockerfile": f"FROM scratch\n  {environment}\n",
        f"dockerfiles/instance_dockerfile/{PRO_ID}/Dockerfile": "FROM base\nENV EMPTY=\nRUN true\n",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder
