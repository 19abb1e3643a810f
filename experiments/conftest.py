"""Arms of the experiments in this folder, offered to the plugin by its hook."""

from __future__ import annotations

from tool_variants.abilities import VARIANTS
from tool_variants.arms import ToolArm


def pytest_swebench_arms() -> list[ToolArm]:
    """Offer the two arms of `test_tool_variants.py`."""
    return [ToolArm(name) for name in VARIANTS]
