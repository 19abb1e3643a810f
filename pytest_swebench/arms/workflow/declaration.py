"""How a workflow is declared: steps that depend on one another, guards, and the ways back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_swebench.arms.workflow.guard import Guard
from pytest_swebench.arms.workflow.policy import Policy, Stagnation
from pytest_swebench.arms.workflow.prompt import Prompt
from pytest_swebench.arms.workflow.shapes import Shape

__all__ = ["Prompt", "Step", "Workflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Asks for an answer of `shape` and lets `guards` judge it, in order, until one says no.

    `requires` names the steps whose accepted answers it builds on. `rmax` is how often an answer may be asked for
    again (None: as the workflow says). With `r_patience` so many similar rejections in a row are stagnation: then the
    steps in `back_by_guard` for the guard that rejected, else `back_to`, are done again, at most `e_max` times.
    `files` is how many files `$files` shows. `temperature` counts where the variant has none. `token_budget` bounds
    all its answers together, `max_tokens` one.
    """

    name: str
    shape: type[Shape]
    prompt: Prompt
    requires: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    rmax: int | None = None
    r_patience: int | None = None
    e_max: int = 0
    back_to: tuple[str, ...] = ()
    back_by_guard: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: int = 3
    temperature: float | None = None
    max_tokens: int = 8192
    token_budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Steps in any order that keeps to `requires`; the last accepted `Patch` is what the workflow leaves.

    `policy` decides what follows a rejection or an answer that asks for a step back.
    """

    name: str
    steps: tuple[Step, ...]
    rmax: int = 3
    description: str = ""
    policy: Policy = field(default_factory=Stagnation)

    def retries(self, step: Step) -> int:
        """Return how often an answer of `step` may be asked for again."""
        return self.rmax if step.rmax is None else step.rmax
