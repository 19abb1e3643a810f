"""Two tool sets of equal abilities, 20 prompts: what does the shape of tools change? Nothing is executed.

    pytest experiments/test_tool_variants.py -m experiment --count 3

runs on hand-written recordings, free and without network; `--provider` and `--model` ask a real model instead.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.experiment(
    dataset="tool_variants/scenarios.jsonl",
    arms=["tools_baseline", "tools_applike"],
    temperatures=[0.2],
    provider="replay:tool_variants/answers.jsonl",
    model="handwritten",
)
def test_tool_variants(experiment: Any) -> None:
    """A model that only calls tools says nothing: empty text is an answer as long as there are calls."""
    assert experiment.record["response_text"] or experiment.record["tool_calls"]
