"""The contract of arms: what they are given, what they leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem
from pytest_swebench.errors import InputError
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Provider
from pytest_swebench.records.trace import Trace, untraced
from pytest_swebench.sandbox.protocol import Sandbox

SOLVE_TIMEOUT_S: Final = 300.0
"""What an arm may take that says nothing of it, where nobody else does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveContext:
    """What an arm works with.

    `hidden` and `evaluate` are None unless the arm declares itself an oracle: nothing else can leak the tests.
    `provider` counts every call and stops at the cell's limits by raising LimitReached. `sandbox` starts on first
    use, so an arm that needs none costs none. `folder` is the attempt's own folder for artefacts. `timeout_s` bounds
    the whole of solving, and the arm keeps to it. `trace` gives the trace of a workflow by its name. `leave` is told
    what stands so far, for the case that a limit ends solving inside a call: the last word holds, with the diff of
    the working copy where its patch is None. `redact` returns JSON data without the secrets of the run, for what an arm
    writes into its folder.
    """

    problem: Problem
    variant: Variant
    rep: int
    provider: Provider
    sandbox: Callable[[], Sandbox]
    folder: Path
    timeout_s: float = SOLVE_TIMEOUT_S
    hidden: Hidden | None = None
    evaluate: Callable[[str], Grade] | None = None
    trace: Callable[[str], Trace] = untraced
    leave: Callable[[Draft], None] = lambda draft: None
    redact: Callable[[Any], Any] = lambda data: data


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What an arm leaves. `notes` explains a missing patch; `per_step_tokens` names the arm's own steps.

    `commands` are the shell commands it ran, in order, for whoever asks whether it looked where it must not.
    """

    patch: str = ""
    stop: Stop = Stop.SUBMITTED
    response_text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    commands: tuple[str, ...] = ()
    notes: str = ""
    per_step_tokens: dict[str, int] = field(default_factory=dict)
    failed_step: str = ""
    failed_guard: str = ""
    retry_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What stands of a solution while it is worked on; see `Solution`. A `patch` of None means the working copy."""

    patch: str | None = None
    response_text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    commands: tuple[str, ...] = ()
    per_step_tokens: dict[str, int] = field(default_factory=dict)
    failed_step: str = ""
    failed_guard: str = ""
    retry_count: int = 0


class Arm(Protocol):
    """A strategy. `version` enters the cell's key: raise it whenever the arm's behaviour changes.

    `paid` arms call a provider. `oracle` arms see hidden tests or the gold patch, and are marked so everywhere.
    Three attributes may be left out: `timeout_s`, what solving may take where --generation-timeout is not given (else
    300), `max_cost_usd`, what a cell may cost where --max-cost-per-cell is not given, and `takes_turns`, true for an
    arm whose model calls `--max-turns` bounds (`context.variant.turns`).
    """

    name: str
    version: str
    paid: bool
    oracle: bool

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError, before anything runs, if the arm cannot work on these instances."""

    def solve(self, context: SolveContext) -> Solution:
        """Work on the problem; raises LimitReached, InfraError or RefusedError."""


def refuse_scenarios(arm: str, instances: list[Instance]) -> None:
    """Raise InputError for an instance that has no repository to patch."""
    scenarios = [instance.instance_id for instance in instances if instance.kind is Kind.SCENARIO]
    if scenarios:
        raise InputError(f"arm {arm!r}: {scenarios[0]!r} is a prompt scenario, which has no repository to patch")


def solve_timeout_s(arm: Arm, asked_s: float | None) -> float:
    """Return the seconds that `arm` may take for solving, where `asked_s` is what --generation-timeout says."""
    return asked_s or float(getattr(arm, "timeout_s", SOLVE_TIMEOUT_S))
