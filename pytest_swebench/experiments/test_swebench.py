"""The default experiment: every selected cell is one test, and it passes if the instance is resolved."""

from __future__ import annotations

import pytest

from pytest_swebench.experiment import Experiment


@pytest.mark.experiment
def test_swebench(experiment: Experiment) -> None:
    """Judge a finished cell by `--outcome`."""
    experiment.judge()
