"""The official chain of commands, run by bash on a whole copy of a repository, and trees told by diffs to run it on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.grading.apply import NOT_APPLIED, RUN_SCRIPT
from pytest_swebench.records.layout import EVAL_FILE, PATCH_FILE, as_bytes
from tests.support.preimage import tree_before


def applies(patch: str, repository: Path, folder: Path) -> bool:
    """Say whether the official chain applies `patch` to a copy of `repository`, made in `folder`."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", str(repository), str(tree)], check=True)
    (folder / PATCH_FILE).write_bytes(as_bytes(patch))
    (folder / EVAL_FILE).write_text("")
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "SWEBENCH_TESTBED": str(tree),
        "SWEBENCH_FILES": str(folder),
    }
    code = subprocess.run(["bash", "-c", RUN_SCRIPT], env=environment, capture_output=True, check=False).returncode
    assert code in {0, NOT_APPLIED}
    return code == 0


def told_instance(tree: Path, *patches: str) -> Instance:
    """Return an instance whose base tree is what `patches` tell of it, laid out in the new folder `tree`."""
    tree.mkdir()
    for path, content in tree_before(patches).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    problem = Problem(instance_id="told__tree-1", statement="")
    return Instance(problem=problem, source=Source(path=str(tree)), trusted=True)
