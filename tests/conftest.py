from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from pytest_swebench.errors import DockerUnavailable
from pytest_swebench.sandbox.engine import connect

pytest_plugins = ["pytester"]
# `pytest -m experiment` in this tree loads this file too, perhaps where only the package itself was installed
if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import settings

    # examples run git and write files; how long that takes says nothing about the code
    settings.register_profile("calm", deadline=None)
    settings.load_profile("calm")


@pytest.fixture(scope="session")
def docker_engine() -> None:
    try:
        client = connect()
    except DockerUnavailable as error:
        if os.environ.get("SWEBENCH_REQUIRE_DOCKER") == "1":
            pytest.fail(f"SWEBENCH_REQUIRE_DOCKER=1, but {error}")
        pytest.skip(str(error))
    client.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = os.environ.get("SWEBENCH_SHARED_DATA", "")
    if not folder:
        pytest.skip("SWEBENCH_SHARED_DATA names no folder of real benchmark data")
    return Path(folder)
