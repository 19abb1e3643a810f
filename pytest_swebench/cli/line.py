"""What a run is asked for, and the pytest line that does it: options, and defaults that suit one run of one arm."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.cli.pytest_run import pytest_arguments, shown
from pytest_swebench.errors import InputError
from pytest_swebench.profiles import PROFILE_ENV

if TYPE_CHECKING:
    from pytest_swebench.config import Settings

ARMS: Final = "s1_tdd"
TEMPERATURE: Final = "0.1"
_ADDED: Final = "PYTEST_ADDOPTS"
_HEEDED: Final = "temperatures"
# what a run is asked for -> the setting that it overrides
_SETTING: Final = {
    "dataset": "dataset",
    "split": "split",
    "arms": "arms",
    "provider": "provider",
    "base_url": "provider_url",
    "model": "model",
    "instances": "instances",
    "language": "language",
    "count": "max_instances",
    "output_dir": "output_dir",
    "max_workers": "max_workers",
    "eval_max_workers": "eval_max_workers",
    "max_patch_size": "max_patch_size",
    "max_cost": "max_cost",
}
_SNAPSHOT: Final = (*_SETTING.values(), "profile", "temperatures", "eval_timeout")
_NAMING: Final = ("--run-id", "--checkpoint", "--resume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run is asked for; "" and None leave it to the settings. `extra` goes to pytest as it is."""

    dataset: str = ""
    split: str = ""
    arms: str = ""
    provider: str = ""
    base_url: str = ""
    model: str = ""
    instances: str = ""
    language: str = ""
    count: int | None = None
    reps: int | None = None
    patches: str = ""
    generate_only: bool = False
    generation_output: str = ""
    allow_partial: bool = False
    max_workers: int | None = None
    eval_max_workers: int | None = None
    timeout_mins: float | None = None
    max_patch_size: float | None = None
    max_cost: float | None = None
    output_dir: str = ""
    run_id: str = ""
    checkpoint: str = ""
    resume: str | None = None
    rerun_failed: str | None = None
    profile: str = ""
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """The arguments of a pytest run, and what they come to: setting -> value and source, for a person to check."""

    arguments: list[str]
    settings: Settings
    config: dict[str, dict[str, Any]]
    profile: str = ""

    @property
    def shown(self) -> str:
        """The line that a person could type instead, without secrets."""
        before = f"{PROFILE_ENV}={shlex.quote(self.profile)} " if self.profile else ""
        return before + clean(shown(self.arguments))

    def snapshot(self) -> str:
        """Return what will run, in one line."""
        told = [f"{name}={clean(str(one['value']))}" for name, one in self.config.items() if one["value"] is not None]
        return f"config: {' '.join(told)}"


def line_of(request: Request, env: Mapping[str, str], folder: Path) -> Line:
    """Return the pytest run that `request` means in `folder`. Raises InputError."""
    from pytest_swebench.config import resolve
    from pytest_swebench.config.table import SETTINGS

    given = {name: getattr(request, asked) for asked, name in _SETTING.items()}
    if request.timeout_mins is not None:
        given["eval_timeout"] = request.timeout_mins * 60
    settings = resolve(env, folder, option=given.get, ini=_ini_of(folder))
    defaults = _defaults(request, settings)
    options = {_option(name): value for name, value in given.items() if name != "max_workers"} | {
        "count": request.reps,
        "patches": request.patches,
        "generation-output": request.generation_output,
        "run-id": request.run_id,
        "checkpoint": request.checkpoint,
        "resume": request.resume,
        "rerun-failed": request.rerun_failed,
        "arms": request.arms or defaults.get("arms"),
    }
    flags = {"generate-only": request.generate_only, "allow-partial": request.allow_partial}
    arguments = [f"--{name}={_text(value)}" for name, value in options.items() if value not in ("", None)]
    arguments += [f"--{name}" for name, on in flags.items() if on]
    if _HEEDED in defaults:  # in a place that lets arms of every kind be: an option that none of them heeds is refused
        arguments += ["-o", f"{SETTINGS[_HEEDED].ini}={defaults[_HEEDED]}"]
    if request.max_workers is not None:
        arguments.append(f"-n{request.max_workers if request.max_workers > 1 else 0}")
    config = {name: {"value": settings[name].value, "source": settings[name].source} for name in _SNAPSHOT}
    config |= {name: {"value": value, "source": "default of run"} for name, value in defaults.items()}
    if request.profile:
        config["profile"] = {"value": request.profile, "source": "--profile"}
    if request.max_workers is not None:
        config["max_workers"] = {"value": request.max_workers, "source": "--max-workers"}
    config["reps"] = {"value": request.reps or 1, "source": "--reps" if request.reps else "default"}
    return Line(pytest_arguments([*arguments, *request.extra]), settings, config, request.profile)


def added_options(env: Mapping[str, str], folder: Path) -> list[str]:
    """Return the options that pytest takes from its configuration and PYTEST_ADDOPTS, before those of its line.

    Raises InputError for a quote that does not end.
    """
    of_ini = _ini_of(folder)("addopts") or []
    return [*(_words("addopts", of_ini) if isinstance(of_ini, str) else of_ini), *_words(_ADDED, env.get(_ADDED, ""))]


def _words(place: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"{place} {text!r}: {error}; write it as in a shell") from None


def way_on(request: Request, typed: Sequence[str], run_id: str) -> str:
    """Return the very command line that goes on with the run that `typed` started."""
    words = list(typed)
    place = words.index("--") if "--" in words else len(words)
    named = any(word.partition("=")[0] in _NAMING for word in request.extra)
    if not (request.run_id or request.checkpoint or named):  # with these the same line goes on by itself
        words.insert(place, f"--{'run-id' if request.rerun_failed else 'resume'}={run_id}")
    return f"to go on: {clean(shlex.join(['swebench-runner', *words]))}"


def _defaults(request: Request, settings: Settings) -> dict[str, str]:
    """Return the settings that nobody made and `run` makes in its own way; the demo's recordings have theirs."""
    from pytest_swebench.config import Layer
    from pytest_swebench.datasets.load import DEMO

    unmade = {name for name in ("arms", "temperatures") if settings[name].layer is Layer.DEFAULT}
    if request.patches:
        return {"arms": "predictions"} if "arms" in unmade else {}
    if (settings.value("dataset") or DEMO) == DEMO and not request.provider:
        return {}
    return {name: value for name, value in (("arms", ARMS), ("temperatures", TEMPERATURE)) if name in unmade}


def _ini_of(folder: Path) -> Callable[[str], Any]:
    """Return what looks a name up in pytest's configuration file, as a run in `folder` would find it."""
    from _pytest.config.findpaths import determine_setup

    _, _, found, _ = determine_setup(
        inifile=None, override_ini=None, args=[], rootdir_cmd_arg=None, invocation_dir=folder
    )

    def look_up(name: str) -> Any:
        return found[name].value if name in found else None

    return look_up


def _option(name: str) -> str:
    return name.replace("_", "-")


def _text(value: Any) -> str:
    return str(value).removesuffix(".0")


def clean(text: str) -> str:
    """Return `text` without the secrets of the environment, and without what an address may hold of them."""
    from pytest_swebench.redact import Redactor, address_secrets

    redactor = Redactor.from_env(os.environ)
    redactor.learn(address_secrets(text))
    return redactor.text(text)
