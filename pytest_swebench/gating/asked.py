"""What a run is asked to be held against, as both its beginning and its end need it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench.stash import handle_of

if TYPE_CHECKING:
    from pytest_swebench.reporting.gate.asked import GateAsked
    from pytest_swebench.reporting.gate.report import GateReport

_OPTIONS: Final = (
    *("max_drop", "confidence", "gate", "baseline_variant", "allow_drift", "sequential"),
    *("fail_on_new_failures", "gate_markdown"),
)


def gate_of(config: pytest.Config) -> GateAsked | None:
    """Return the gate that the options ask for, None if they ask for none. Raises InputError."""
    option = config.getoption
    if option("swe_baseline") is None and all(option(f"swe_{name}") is None for name in _OPTIONS):
        return None
    from pytest_swebench.reporting.gate.asked import asked_gate

    return asked_gate(
        option("swe_baseline"),
        max_drop=option("swe_max_drop"),
        confidence=option("swe_confidence"),
        mode=option("swe_gate"),
        against=option("swe_baseline_variant"),
        allow_drift=option("swe_allow_drift"),
        sequential=option("swe_sequential"),
        fatal_from=option("swe_fail_on_new_failures"),
        markdown=option("swe_gate_markdown"),
    )


def baseline_path(config: pytest.Config, asked: GateAsked) -> Path:
    """Return where the baseline lies. Raises InputError if it lies nowhere."""
    from pytest_swebench.reporting.gate.baselines import find_baseline

    return find_baseline(asked.baseline, config.invocation_params.dir, Path(handle_of(config).root))


def page_asked(config: pytest.Config) -> Path | None:
    """Return the file that the page goes to as well, None if no one asked for it."""
    name = config.getoption("swe_gate_markdown")
    return config.invocation_params.dir / name if name else None


def as_told(report: GateReport) -> dict[str, Any]:
    """Return what a command that started the run is told."""
    from pytest_swebench.reporting.gate.text import in_a_line

    return {"verdict": str(report.verdict), "exit": int(report.exit), "words": in_a_line(report)}
