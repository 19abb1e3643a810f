"""What the arms for local tasks share: what they refuse, and that each leaves its result whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_swebench.arms.local.result import TaskResult
from pytest_swebench.arms.local.stages import Stages
from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.errors import InputError
from pytest_swebench.sandbox.source import check_path


def check_tasks(arm: str, instances: list[Instance], instead: str) -> None:
    """Raise InputError, which names what to do `instead`, unless all are local tasks whose paths and refs are there."""
    others = [one.instance_id for one in instances if one.kind is not Kind.TASK or one.problem.task is None]
    if others:
        raise InputError(f"arm {arm!r}: {others[0]!r} is no local task (a row with task_id, repo and ref); {instead}")
    for source in {one.source: one for one in instances if one.source is not None}:
        check_path(source)


@contextmanager
def recorded(context: SolveContext, stages: Stages) -> Iterator[None]:
    """Leave the task's files in the arm's folder in the end, be it that a stage raised, without secrets."""
    trouble = ""
    try:
        yield
    except BaseException as error:
        trouble = str(error) or type(error).__name__
        raise
    finally:
        result = stages.result(trouble).as_json()
        TaskResult.from_json(context.redact(result)).write(context.folder)
