"""Guards by the names under which workflows, and plans that models make, ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pytest_swebench.arms.workflow.guard import Guard
from pytest_swebench.arms.workflow.guards import findings
from pytest_swebench.arms.workflow.guards.code import Format, Syntax
from pytest_swebench.arms.workflow.guards.evaluation import FullEvaluation
from pytest_swebench.arms.workflow.guards.execution import Green, Red, Setup
from pytest_swebench.arms.workflow.guards.lint import Lint
from pytest_swebench.arms.workflow.guards.patch import PatchGuard
from pytest_swebench.arms.workflow.guards.planning import WorkflowSchema
from pytest_swebench.errors import InputError, unknown


def guard(name: str) -> Guard:
    """Return the guard `name` with its usual settings. Raises InputError."""
    if name not in GUARDS:
        raise InputError(unknown("guard", name, GUARDS))
    return GUARDS[name]()


GUARDS: Final[Mapping[str, Callable[[], Guard]]] = MappingProxyType(
    {
        "analysis": lambda: findings.ANALYSIS,
        "classification": lambda: findings.CLASSIFICATION,
        "context": lambda: findings.CONTEXT,
        "edit_plan": lambda: findings.EDIT_PLAN,
        "fix_approach": lambda: findings.FIX_APPROACH,
        "format": Format,
        "full_eval": FullEvaluation,
        "impact": lambda: findings.IMPACT,
        "lint": Lint,
        "localised_tests": lambda: findings.LOCALISED_TESTS,
        "localization": lambda: findings.LOCALIZATION,
        "patch": PatchGuard,
        "review_schema": lambda: findings.REVIEW_SCHEMA,
        "root_cause": lambda: findings.ROOT_CAUSE,
        "structure": lambda: findings.STRUCTURE,
        "test_green": Green,
        "test_red": Red,
        "test_setup_verification": Setup,
        "test_syntax": Syntax,
        "workflow_schema": lambda: WorkflowSchema(guard),
    }
)
"""What makes each guard, by its name."""
