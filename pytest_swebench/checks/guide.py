"""A preflight that a person leads to its end: what failed, a fix they choose, and once more."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Final, Protocol

from pytest_swebench.checks.fixes import Fix, Kind
from pytest_swebench.checks.log import Tell, quiet
from pytest_swebench.checks.plan import Plan
from pytest_swebench.checks.preflight import Outcome, preflight
from pytest_swebench.errors import InputError
from pytest_swebench.sandbox.images.fetch import persist_namespace
from pytest_swebench.sandbox.images.names import NAMESPACE_VARIABLE

EMULATED: Final = "linux/amd64"


class Guide(Protocol):
    """Whoever leads: the command on a terminal, or the wizard."""

    def choose(self, outcome: Outcome) -> Fix | None:
        """Show what failed, and return the fix to apply before another try; None to leave it."""

    def login(self, command: Sequence[str]) -> None:
        """Run `docker login` where the person can answer it."""

    def namespace(self) -> str:
        """Ask for another place of images; "" for none after all. Returns none that `check_namespace` refuses."""

    def again(self) -> bool:
        """Ask whether to try once more, now that a fix was applied."""


def guided(plan: Plan, guide: Guide, *, tell: Tell = quiet) -> Outcome:
    """Fly until it goes well or the guide leaves it. A login to a registry is offered once.

    A namespace that a person named and that proved useful is kept in `plan.keep_in`, unless one is set somewhere.
    """
    offered: set[tuple[str, ...]] = set()
    named = ""
    while True:
        outcome = preflight(plan, tell=tell)
        ways_out = tuple(fix for fix in outcome.fixes if fix.kind is not Kind.LOGIN or fix.command not in offered)
        outcome = dataclasses.replace(outcome, fixes=ways_out)
        if outcome.ok:
            _keep(plan, named, tell)
            return outcome
        fix = guide.choose(outcome)
        if fix is None:
            return outcome
        match fix.kind:
            case Kind.LOGIN:
                offered.add(fix.command)
                guide.login(fix.command)
            case Kind.NAMESPACE:
                named = guide.namespace() or named
                plan = dataclasses.replace(plan, namespace=named or plan.namespace)
            case Kind.EMULATE:
                plan = dataclasses.replace(plan, platform=EMULATED, arch="")
        if not guide.again():
            return outcome


def _keep(plan: Plan, namespace: str, tell: Tell) -> None:
    if not namespace or plan.keep_in is None:
        return
    try:
        kept = persist_namespace(namespace, plan.keep_in, os.environ)
    except InputError as error:  # this run has it all the same
        tell(str(error))
        return
    tell(f"{'kept' if kept else 'for this run only:'} {NAMESPACE_VARIABLE}={namespace}")
