"""Hooks with which a conftest or a package adds arms, providers, datasets and sandboxes.

All are called once a process, before anything is run. A name that is already taken is a usage error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_swebench.arms.protocol import Arm
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.providers.protocol import Provider
    from pytest_swebench.sandbox.protocol import SandboxBackend


@pytest.hookspec
def pytest_swebench_arms() -> list[Arm]:  # type: ignore[empty-body]
    """Return arms to choose from with `--arms`.

    Example:
        class Politely:
            name, version, paid, oracle = "politely", "1", True, False

            def check(self, instances):
                pass

            def solve(self, context):
                request = Request(model=context.variant.model, messages=(Message("user", "Please fix it."),))
                answer = context.provider.complete(request, timeout_s=context.timeout_s)
                return Solution(patch=diff_from_answer(answer.text, lambda path: context.sandbox().read(path).decode()))

        def pytest_swebench_arms():
            return [Politely()]

    """


@pytest.hookspec
def pytest_swebench_providers() -> Mapping[str, Callable[[], Provider]]:  # type: ignore[empty-body]
    """Return provider name -> factory, for `--provider NAME`.

    Example:
        def pytest_swebench_providers():
            return {"inhouse": lambda: InHouseProvider(os.environ["INHOUSE_URL"])}

    """


@pytest.hookspec
def pytest_swebench_datasets() -> Mapping[str, Callable[[str], list[Instance]]]:  # type: ignore[empty-body]
    """Return dataset name -> loader; `--dataset tickets:open` calls the loader of `tickets` with "open".

    Example:
        def pytest_swebench_datasets():
            return {"tickets": lambda state: [instance_from_row(row, where=row["id"]) for row in fetch(state)]}

    """


@pytest.hookspec
def pytest_swebench_sandboxes() -> Mapping[str, Callable[[str], SandboxBackend]]:  # type: ignore[empty-body]
    """Return sandbox name -> factory, for `--sandbox NAME`; the factory gets the run id.

    Example:
        def pytest_swebench_sandboxes():
            return {"podman": lambda run_id: PodmanBackend(run_id)}

    """
