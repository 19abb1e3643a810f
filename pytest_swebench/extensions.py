"""What plugins and `conftest.py` files add by our hooks: arms, datasets, providers, sandboxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.spec import DEMO


def added(config: pytest.Config, what: str) -> dict[str, Any]:
    """Return what the hook `pytest_swebench_<what>` gathers, by name.

    Raises InputError for a name that is taken, and for a plugin's hook that raises.
    """
    found: dict[str, Any] = {}
    built_in = _built_in(what)
    hook = f"pytest_swebench_{what}"
    try:
        answers = getattr(config.hook, hook)()
    except Exception as error:  # somebody else's code
        raise InputError(f"{hook}: a plugin's hook raised {type(error).__name__}: {error}") from error
    for given in answers:
        pairs = given.items() if isinstance(given, Mapping) else ((arm.name, arm) for arm in given)
        for name, value in pairs:
            if name in found or name in built_in:
                raise InputError(f"{hook}: the name {name!r} is taken already; choose another")
            found[name] = value
    return found


def _built_in(what: str) -> frozenset[str]:
    """Return the names that plugins may not take."""
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.datasets.hub import ALIASES
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.sandbox.select import NAMES

    taken = {"arms": ArmRegistry().names(), "datasets": {DEMO, *ALIASES}, "providers": PROVIDERS, "sandboxes": NAMES}
    return frozenset(taken[what])
