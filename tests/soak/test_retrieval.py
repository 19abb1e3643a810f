"""How often retrieval shows what the reference patch changes, over all real instances."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.context.material import from_repository
from pytest_swebench.arms.context.prompt import load_prompt
from pytest_swebench.arms.context.shown import show
from pytest_swebench.arms.singleshot import SIZES_TOKENS
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.patch import changed_paths
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.sandbox.docker import DockerBackend

pytestmark = pytest.mark.soak
LEAST = dict(zip(SIZES_TOKENS, (0.3, 0.4, 0.65), strict=True))
"""Share of instances of which every changed file is shown: a little below what was measured on fourteen of them."""


def test_changed_files_are_among_those_shown(
    real_rows: dict[str, Any], real_instance: Callable[[str], Instance], tmp_path: Path
) -> None:
    instances = [real_instance(name) for name in real_rows]
    prompt, backend = load_prompt(), DockerBackend(run_id="tests")
    whole: dict[int, list[bool]] = {size: [] for size in SIZES_TOKENS}
    try:
        for instance in instances:
            sandbox = backend.open(instance)
            material = from_repository(instance.problem, sandbox, tmp_path)
            sandbox.close()
            changed = set(changed_paths(instance.hidden.gold_patch))
            for size in SIZES_TOKENS:
                shown = show(material, size, prompt.frame_tokens)
                assert estimate_tokens(prompt.text(material.repo, shown)) <= size
                whole[size].append(changed <= shown.files.keys())
    finally:
        backend.close()
    shares = {size: sum(found) / len(found) for size, found in whole.items()}
    print(json.dumps(shares))
    assert all(shares[size] >= least for size, least in LEAST.items()), shares
