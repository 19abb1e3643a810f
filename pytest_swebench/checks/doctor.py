"""All checks, in groups, as `swebench-runner doctor` shows them; the few that matter before a first run alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.checks import configuration, engine, installation, machine, network, stores
from pytest_swebench.checks.check import Cause, Check, State


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that belong together."""

    title: str
    checks: tuple[Check, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the shape that is printed."""
        return {"title": self.title, "checks": [check.as_json() for check in self.checks]}


def examine(env: Mapping[str, str], folder: Path, output_dir: str = "") -> Iterator[Group]:
    """Check everything for runs started in `folder`, and yield each group when it is done, seconds in all.

    `output_dir` is where results will lie, empty for what the settings say. Nothing is raised for what is wrong.
    """
    told, settings = configuration.read_settings(env, folder)
    results = folder / (output_dir or (settings.value("output_dir") if settings is not None else "results"))
    yield Group("this machine", (machine.python_check(), machine.git_check(), machine.results_check(results)))
    check, found = engine.look()
    seen = () if found is None else (machine.memory_check(found), machine.images_check(found))
    yield Group("Docker", (check, *seen))
    if settings is not None:
        yield Group("network", tuple(network.reach(network.endpoints(settings, env))))
        told += configuration.provider_checks(settings, env)
    yield Group("configuration", tuple(told))
    installed = (installation.packages_check(), installation.rules_check(), *installation.script_checks())
    yield Group("installation", installed)
    yield Group("caches", tuple(stores.store_checks(results, engine=found is not None)))


def essentials(env: Mapping[str, str], folder: Path) -> Iterator[Check]:
    """Yield the four that a first run needs, each when it is done: Python, Docker, disk space, network."""
    _, settings = configuration.read_settings(env, folder)
    results = folder / (settings.value("output_dir") if settings is not None else "results")
    yield machine.python_check()
    check, found = engine.look()
    yield check
    yield _worst("disk space", [machine.results_check(results), *([machine.images_check(found)] if found else [])])
    asked = network.endpoints(settings, env) if settings is not None else []
    yield _worst("network", network.reach(asked))


def _worst(name: str, checks: list[Check]) -> Check:
    """Return one check for several: the first that failed, else the first that warns, else the first."""
    for state in (State.FAIL, State.WARN, State.OK):
        for check in checks:
            if check.state is state:
                return Check(name, state, check.detail, check.fix, check.cause)
    return Check.warn(
        name, Cause.CONFIGURATION, "not looked at, for the settings cannot be read", "swebench-runner doctor"
    )
