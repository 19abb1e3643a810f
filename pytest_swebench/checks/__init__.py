"""Is this machine ready? Checks of the system, and one small evaluation before a run; nothing here prints."""

from __future__ import annotations

from pytest_swebench.checks.check import Cause, Check, State, exit_code

__all__ = ["Cause", "Check", "State", "exit_code"]
