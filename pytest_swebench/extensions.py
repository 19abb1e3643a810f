"""What plugins and `conftest.py` files add by our hooks: arms, datasets, providers, sandboxes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pytest

from pytest_swebench.cell import slug
from pytest_swebench.errors import InputError, SwebenchError
from pytest_swebench.faults import place_of, short
from pytest_swebench.spec import DEMO

_FIELDS: Final = {"name": str, "version": str, "paid": bool, "oracle": bool}
_METHODS: Final = {"check": "instances", "solve": "context"}


def added(config: pytest.Config, what: str) -> dict[str, Any]:
    """Return what the hook `pytest_swebench_<what>` gathers, by name.

    Raises InputError for a name that is taken, for an arm that lacks what runs ask of it, and for a hook that raises,
    wraps or returns something else. It begins with the file at fault.
    """
    found: dict[str, Any] = {}
    built_in = _built_in(what)
    hook = f"pytest_swebench_{what}"
    for where, given in _answers(config, hook):
        for name, value in _arms(hook, where, given) if what == "arms" else _named(hook, where, given):
            if name in found or name in built_in:
                raise InputError(f"{where}: {hook}: the name {name!r} is taken already; choose another")
            found[name] = value
    return found


def _answers(config: pytest.Config, hook: str) -> Iterator[tuple[str, Any]]:
    """Yield who implements `hook`, the file of a conftest, and what it returns."""
    for one in reversed(getattr(config.hook, hook).get_hookimpls()):  # one by one: pluggy does not say who answered
        where = short(one.plugin_name)
        if one.wrapper or one.hookwrapper:
            raise InputError(f"{where}: {hook} wraps what others add; return what you add, without wrapper=True")
        try:
            given = one.function()
        except Exception as error:  # somebody else's code
            told = str(error) if isinstance(error, SwebenchError) else f"{hook} raised {type(error).__name__}: {error}"
            raise InputError(f"{place_of(error) or where}: {told}") from error
        if given is not None:
            yield where, given


def _named(hook: str, where: str, given: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: {hook} returned {given!r:.80}; return a mapping, name -> what makes it")
    return given.items()


def _arms(hook: str, where: str, given: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise InputError(f"{where}: {hook} returned {given!r:.80}; return a list of arms, [MyArm()]")
    for arm in given:
        if wrong := _no_arm(arm):
            raise InputError(f"{where}: arm {getattr(arm, 'name', arm)!r} {wrong}; see docs/extending.md")
        yield arm.name, arm


def _no_arm(arm: Any) -> str:
    """Say what keeps `arm` from being one, "" if it is one."""
    if isinstance(arm, type):
        return f"is a class; return one made of it, {arm.__name__}()"
    lacking = [repr(name) for name in (*_FIELDS, *_METHODS) if not hasattr(arm, name)]
    if lacking:
        return f"lacks {', '.join(lacking)}"
    for name, kind in _FIELDS.items():
        if not isinstance(value := getattr(arm, name), kind):
            return f"has {name}={value!r:.80}, which is no {kind.__name__}"
    for name, argument in _METHODS.items():
        if not _takes_one(getattr(arm, name)):
            return f"cannot be asked {name}({argument})"
    if not arm.name or slug(arm.name) != arm.name:
        return "cannot be called so: ids and files bear its name; give it letters, digits and any of `._+-` alone"
    return ""


def _takes_one(method: Any) -> bool:
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return False
    return True


def _built_in(what: str) -> frozenset[str]:
    """Return the names that plugins may not take."""
    from pytest_swebench.arms.registry import ArmRegistry
    from pytest_swebench.datasets.hub import ALIASES
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.sandbox.select import NAMES

    taken = {"arms": ArmRegistry().names(), "datasets": {DEMO, *ALIASES}, "providers": PROVIDERS, "sandboxes": NAMES}
    return frozenset(taken[what])
