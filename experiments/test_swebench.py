"""The default experiment, to copy and change: every selected cell is one test."""

from __future__ import annotations

import pytest

from pytest_swebench.experiment import Experiment


@pytest.mark.experiment
def test_swebench(experiment: Experiment) -> None:
    """Judge a finished cell by `--outcome`."""
    experiment.judge()
