"""What a model that knows the answer would write for a real instance, made from its row when a test runs."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unidiff import PatchSet

from pytest_swebench.datasets.rows import instance_from_row
from pytest_swebench.sandbox.docker import DockerBackend
from tests.arms.workflows.answers import GOOD
from tests.support.gold_agent import hunks

FEW = ("sympy__sympy-24661", "sympy__sympy-24152", "pytest-dev__pytest-10356")
"""Instances whose hidden tests are plain functions, so that one stands alone with the imports of its file."""


def answers_for(row: Mapping[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Return right answers by the key of their shape: files and edits of the gold patch, a test as the hidden one."""
    backend = DockerBackend(run_id="answers")
    instance = instance_from_row(row, where="row")
    try:
        named = [file.path for text in (row["patch"], row["test_patch"]) for file in PatchSet(text)]
        base = {path: content.decode() for path, content in backend.base_files(instance, named).items()}
    finally:
        backend.close()
    files = [file.path for file in PatchSet(row["patch"]) if file.path.endswith(".py")]
    edits = [
        {"file": hunk.path, "search": hunk.before, "replace": hunk.after}
        for hunk in hunks(row["patch"])
        if hunk.path in files
    ]
    return {
        "analysis": GOOD["analysis"] | {"files": files, "affected_components": []},
        "test": GOOD["test"] | {"test_code": _test(row, base, folder)},
        "patch": {"edits": edits, "reasoning": "as its maintainers did"},
    }


def _test(row: Mapping[str, Any], base: Mapping[str, str], folder: Path) -> str:
    """Return imports and values of the hidden test's file with the first test that has to pass."""
    (path,) = [file.path for file in PatchSet(row["test_patch"])]
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(base[path])
    # git takes a path for one of the repository around it, if there is one
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "apply", "-"], cwd=folder, input=row["test_patch"].encode(), check=True)
    tree = ast.parse((folder / path).read_text())
    wanted = json.loads(row["FAIL_TO_PASS"])[0].rpartition("::")[2]
    kept = [
        node
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)
        or (isinstance(node, ast.FunctionDef) and node.name == wanted)
    ]
    return ast.unparse(ast.Module(body=kept, type_ignores=[]))
