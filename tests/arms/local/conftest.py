from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.protocol import Draft, SolveContext
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.datasets.tasks import instance_from_task
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend
from tests.arms.agent.scripted import Scripted, calls, says
from tests.support.local_tasks import TASKS, encoded, fix_of, make_repositories

Calls = Sequence[tuple[str, dict[str, Any]]]


@dataclass
class Place:
    """A task opened for an arm: its context, and what it leaves."""

    instance: Instance
    context: SolveContext
    drafts: list[Draft]
    opened: list[Sandbox]

    def with_model(self, *turns: Calls | str, **changes: Any) -> tuple[SolveContext, Scripted]:
        """Return the context with a model whose answers are tool calls or a text; the last goes on for ever."""
        provider = Scripted([says(turn) if isinstance(turn, str) else calls(*turn) for turn in turns])
        return dataclasses.replace(self.context, provider=provider, **changes), provider

    @property
    def result(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.context.folder / "result.json").read_text())
        return loaded

    @property
    def tail(self) -> str:
        return (self.context.folder / "pytest_tail.txt").read_text()


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("upstream")
    return folder, make_repositories(folder)


@pytest.fixture
def open_task(upstream: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Callable[..., Place]]:
    folder, commits = upstream
    backends: list[SandboxBackend] = []

    def opened(task_id: str, backend: SandboxBackend | None = None, **changes: Any) -> Place:
        made = TASKS[task_id]
        row = {"task_id": task_id, "repo": str(folder / f"{made.repo}.git"), "ref": commits[made.repo]}
        row |= {"pytest_k": made.pytest_k, "patch_b64": encoded(fix_of(task_id)), "trusted": True}
        row |= {"timeouts": {"clone": 60, "install": 60, "test": 60}}  # a busy machine says nothing about the stages
        instance = instance_from_task(row | changes, where="tasks.jsonl:1", folder=folder)
        backends.append(backend or LocalBackend())
        sandboxes: list[Sandbox] = []

        def sandbox() -> Sandbox:
            if not sandboxes:
                sandboxes.append(backends[-1].open(instance))
            return sandboxes[0]

        cell = tmp_path / f"cell{len(backends)}"
        cell.mkdir()
        drafts: list[Draft] = []
        context = SolveContext(
            problem=instance.problem,
            variant=Variant("v", "v", "m", 0.2),
            rep=1,
            provider=Scripted([]),
            sandbox=sandbox,
            folder=cell,
            hidden=instance.hidden,
            leave=drafts.append,
        )
        return Place(instance, context, drafts, sandboxes)

    yield opened
    for backend in backends:
        backend.close()
