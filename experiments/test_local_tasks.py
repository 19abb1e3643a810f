"""Tasks over git repositories of one's own: their tests decide, here without a container.

    pytest experiments/test_local_tasks.py -m experiment

runs the two arms that frame every other: `gold` must resolve all, `null` none. Other arms are added by `--arms`:
`baseline` shows what the tests say before and after the known fix, `agent_onepatch` lets a model patch once.
"""

from __future__ import annotations

import pytest

from pytest_swebench.experiment import Experiment


@pytest.mark.experiment(dataset="local_tasks/tasks.jsonl", arms=["gold", "null"])
def test_local_tasks(experiment: Experiment) -> None:
    """Check the frame, and judge any other arm by `--outcome`."""
    arm = experiment.record["arm"]
    if arm in {"gold", "null"}:
        assert experiment.resolved is (arm == "gold"), experiment.reason
    else:
        experiment.judge()
