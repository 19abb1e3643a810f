"""What a run is asked for, and the pytest line that does it: options, and defaults that suit one run of one arm."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.cli.pytest_run import pytest_arguments, shown
from pytest_swebench.profiles import PROFILE_ENV

if TYPE_CHECKING:
    from pytest_swebench.cli.pytest_options import PytestOptions
    from pytest_swebench.config import Settings

ARMS: Final = "s1_tdd"
TEMPERATURE: Final = "0.1"
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
    evaluate: bool = False
    watch: bool = False
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
    """The arguments of a pytest run, and what they come to: setting -> value and source, for a person to check.

    `asked` are the options of pytest, from wherever it takes them.
    """

    arguments: list[str]
    asked: PytestOptions
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
    """Return the pytest run that `request` means in `folder`; what stands after its `--` counts. Raises InputError."""
    from pytest_swebench.cli.pytest_options import read_options
    from pytest_swebench.config import resolve
    from pytest_swebench.config.table import SETTINGS

    asked = read_options([*pytest_arguments(_arguments(request)), *request.extra], env, folder)
    beside = {"max_workers": request.max_workers}  # no option of pytest's has its name
    settings = resolve(env, folder, option=lambda name: asked.option(name, beside.get(name)), ini=asked.ini)
    defaults = _defaults(asked, settings)
    arguments = _arguments(replace(request, arms=request.arms or defaults.get("arms", "")))
    if _HEEDED in defaults:  # in a place that lets arms of every kind be: an option that none of them heeds is refused
        arguments += ["-o", f"{SETTINGS[_HEEDED].ini}={defaults[_HEEDED]}"]
    config = {name: {"value": settings[name].value, "source": settings[name].source} for name in _SNAPSHOT}
    config |= {name: {"value": value, "source": "default of run"} for name, value in defaults.items()}
    if request.profile:
        config["profile"] = {"value": request.profile, "source": "--profile"}
    if request.max_workers is not None:
        config["max_workers"] = {"value": request.max_workers, "source": "--max-workers"}
    config["reps"] = {"value": request.reps or 1, "source": "--reps" if request.reps else "default"}
    return Line(pytest_arguments([*arguments, *request.extra]), asked, settings, config, request.profile)


def _arguments(request: Request) -> list[str]:
    """Return what is asked for as options of pytest."""
    options: dict[str, Any] = {
        _option(name): getattr(request, asked) for asked, name in _SETTING.items() if name != "max_workers"
    }
    options |= {
        "eval-timeout": None if request.timeout_mins is None else request.timeout_mins * 60,
        "count": request.reps,
        "patches": request.patches,
        "generation-output": request.generation_output,
        "run-id": request.run_id,
        "checkpoint": request.checkpoint,
        "resume": request.resume,
        "rerun-failed": request.rerun_failed,
    }
    flags = {
        "generate-only": request.generate_only,
        "allow-partial": request.allow_partial,
        "evaluate": request.evaluate,
        "watch": request.watch,
    }
    arguments = [f"--{name}={_text(value)}" for name, value in options.items() if value not in ("", None)]
    arguments += [f"--{name}" for name, on in flags.items() if on]
    if request.max_workers is not None:
        arguments.append(f"-n{request.max_workers if request.max_workers > 1 else 0}")
    return arguments


def way_on(request: Request, typed: Sequence[str], run_id: str) -> str:
    """Return the very command line that goes on with the run that `typed` started."""
    words = list(typed)
    place = words.index("--") if "--" in words else len(words)
    named = any(word.partition("=")[0] in _NAMING for word in request.extra)
    if not (request.run_id or request.checkpoint or named):  # with these the same line goes on by itself
        words.insert(place, f"--{'run-id' if request.rerun_failed else 'resume'}={run_id}")
    return f"to go on: {clean(shlex.join(['swebench-runner', *words]))}"


def _defaults(asked: PytestOptions, settings: Settings) -> dict[str, str]:
    """Return the settings that nobody made and `run` makes in its own way; the demo's recordings have theirs."""
    from pytest_swebench.config import Layer
    from pytest_swebench.datasets.load import DEMO

    unmade = {name for name in ("arms", "temperatures") if settings[name].layer is Layer.DEFAULT}
    if asked.option("patches"):
        return {"arms": "predictions"} if "arms" in unmade else {}
    if (settings.value("dataset") or DEMO) == DEMO and not asked.option("provider"):
        return {}
    return {name: value for name, value in (("arms", ARMS), ("temperatures", TEMPERATURE)) if name in unmade}


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
