from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.gate.asked import GateAsked, Sequential, asked_gate
from pytest_swebench.statistics.gate import GateMode


def test_nothing_is_asked_without_a_baseline() -> None:
    assert asked_gate(None) is None


def test_defaults_are_three_points_at_95_percent_and_strict() -> None:
    assert asked_gate("main") == GateAsked(
        baseline="main", max_drop=0.03, confidence=0.95, mode=GateMode.STRICT, against="", sequential=None
    )


def test_planned_looks_can_be_asked_for_by_name() -> None:
    asked = asked_gate("main", sequential="planned")
    assert asked is not None
    assert asked.sequential is Sequential.PLANNED


def test_everything_asked_is_kept() -> None:
    asked = asked_gate(
        "main", max_drop="5pp", confidence=0.9, mode="report", against="a", allow_drift=True, sequential="anytime"
    )
    assert asked == GateAsked(
        baseline="main",
        max_drop=0.05,
        confidence=0.9,
        mode=GateMode.REPORT,
        against="a",
        allow_drift=True,
        sequential=Sequential.ANYTIME,
    )
    assert asked.alpha == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("baseline", "given", "words"),
    [
        (None, {"max_drop": "3pp"}, "--max-drop: has no effect without --baseline"),
        (None, {"sequential": "planned"}, "--sequential: has no effect without --baseline"),
        (None, {"fatal_from": 1}, "--fail-on-new-failures: has no effect without --baseline"),
        (None, {"markdown": "gate.md"}, "--gate-markdown: has no effect without --baseline"),
        ("main", {"fatal_from": 0}, "--fail-on-new-failures 0: must be 1 or more"),
        ("main", {"markdown": ""}, "--gate-markdown '': is no name of a file"),
        ("main", {"markdown": "/"}, "--gate-markdown '/': is no name of a file"),
        (None, {"mode": "report"}, "--gate: has no effect without --baseline"),
        ("", {}, "--baseline '': names nothing"),
        ("main", {"max_drop": "3"}, "--max-drop '3': neither points nor a share"),
        ("main", {"confidence": 95.0}, "--confidence 95.0: must lie between 0.5 and 1"),
        ("main", {"confidence": 0.5}, "--confidence 0.5: must lie between"),
        (
            "main",
            {"sequential": "tests/"},
            "--sequential 'tests/': neither planned nor anytime; write --sequential=anyt",
        ),
        ("main", {"mode": "stict"}, "--gate: unknown mode 'stict'; did you mean 'strict'?"),
    ],
)
def test_what_cannot_be_meant_is_refused(baseline: str | None, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        asked_gate(baseline, **given)
    assert str(caught.value).startswith(words)
