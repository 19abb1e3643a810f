"""Quick run: what was saved, run again; shown before to whoever comes from the first screen, silent otherwise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.errors import InputError
from pytest_swebench.wizard import ready
from pytest_swebench.wizard.playing import check_unnamed, play
from pytest_swebench.wizard.screen import Screen, bullets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_swebench.cli.line import Line, Request
    from pytest_swebench.cli.mode import Mode
    from pytest_swebench.config import Settings
    from pytest_swebench.secrets import Keys

_NEEDED: Final = ("provider", "model", "dataset")


def lacking(settings: Settings, keys: Keys) -> list[str]:
    """Return what a quick run needs and nothing here says: names of settings, and `key`."""
    from pytest_swebench.providers.registry import PROVIDERS

    names = [name for name in _NEEDED if settings[name].is_default]
    spec = PROVIDERS.get(settings.value("provider") or "")
    if spec is None or ready.can_run(spec.name, settings.value("provider_url") or "", has_key=False):
        return names
    try:
        found = keys.find(spec) is not None
    except InputError:  # a pointer that leads nowhere: the run says so in full
        found = True
    return names if found else [*names, "key"]


def refused(missing: list[str]) -> InputError:
    """Return the error that says what is missing, and how to set it."""
    variables = ", ".join(f"SWEBENCH_{name.upper()}" for name in missing if name in _NEEDED)
    key = "the key: swebench-runner secrets set PROVIDER" if "key" in missing else ""
    what = " and ".join(filter(None, [variables, key]))
    return InputError(
        f"a quick run needs {', '.join(missing)}, and nothing here says so; swebench-runner setup asks for it, "
        f"or set {what}"
    )


def saved_settings() -> Settings:
    """Return the settings that a run in this folder would have. Raises InputError for one that cannot be meant."""
    from pytest_swebench.cli.line import Request, line_of

    return line_of(Request(), os.environ, Path.cwd()).settings


def saved_request(settings: Settings, extra: tuple[str, ...] = ()) -> Request:
    """Return the run that is saved; the provider is named, without which the demo would answer from its recordings."""
    from pytest_swebench.cli.line import Request

    return Request(provider=settings.value("provider"), extra=extra)


def quick_run(screen: Screen, mode: Mode, settings: Settings, extra: tuple[str, ...] = (), *, asks: bool) -> Answer:
    """Run what is saved; with `asks` it is shown first, and what failed may be run again. `extra` goes to pytest.

    Raises what `run` raises for settings that cannot be meant.
    """
    from pytest_swebench.cli.gate import plan_before, refusal
    from pytest_swebench.cli.line import line_of
    from pytest_swebench.cli.preflight import fly
    from pytest_swebench.wizard.dataset import loaded

    check_unnamed(extra)
    folder = Path.cwd()
    request = saved_request(settings, extra)
    line = line_of(request, os.environ, folder)
    if asks:
        _show(screen, line)
    instances = loaded(line.settings.value("dataset"), line.settings, folder)
    count = line.settings.value("max_instances") or len(instances)
    cost = ready.foretold(line, instances[:count], folder) if asks else None
    if ready.is_dear(cost, line) and not ready.agrees_to_pay(screen):
        return Answer(code=ExitCode.OK)
    plan = plan_before(line, folder, mode)
    environment: Mapping[str, str] = {}
    if plan is not None:
        flown = fly(plan, mode)
        if not flown.ok:
            return refusal(flown, mode)
        environment = flown.environment
    cells = min(count, len(instances)) * ready.variants(line)
    return Answer(code=play(screen, request, cells, environment, asks=asks))


def _show(screen: Screen, line: Line) -> None:
    told = {name: one["value"] for name, one in line.config.items()}
    screen.page("Quick Run will use:")
    screen.say(
        *bullets(
            ("Provider", ready.compute_of(line)),
            ("Model", str(told["model"])),
            ("Dataset", ready.named(str(told["dataset"]))),
            ("Count", str(told["max_instances"] or "all")),
        )
    )
    screen.enter("Press Enter to run now.")
