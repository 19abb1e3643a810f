"""What an arm that worked in the sandbox leaves there."""

from __future__ import annotations

from pytest_swebench.errors import InfraError, RefusedError, SwebenchError
from pytest_swebench.sandbox.protocol import Sandbox


def diff_left(sandbox: Sandbox) -> tuple[str, str]:
    """Return the working copy's diff and "", or "" and why there is none.

    A repository that was deleted, a git that was moved away, a diff beyond all measure: who worked there did that, so
    it is neither broken ground nor a fault of this tool. Raises InfraError and RefusedError.
    """
    try:
        return sandbox.diff(), ""
    except (InfraError, RefusedError):
        raise
    except SwebenchError as error:
        return "", f"no patch can be taken from what was left: {error}"
