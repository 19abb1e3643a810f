"""The installed mini-swe-agent: what its configuration for SWE-bench says, and the parts of it that we drive.

Source: mini-swe-agent 2.4.6, `config/benchmarks/swebench.yaml` and `agents/default.py`. Nothing of it is copied here.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import digest
from pytest_swebench.errors import InputError

NAME: Final = "mini"
INSTALL: Final = "pip install 'pytest-swebench[mini]'"

_DISTRIBUTION: Final = "mini-swe-agent"
_SERIES: Final = "2.4."
_CONFIG: Final = "config/benchmarks/swebench.yaml"
# commands already find the project's environment on their PATH; to activate it again takes each of them a while
_LEFT_OUT: Final = frozenset({"BASH_ENV"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the packaged configuration says.

    `variables` are set for every command, `workdir` is where the templates think the repository stands. `digest` is
    of the library's version and the whole configuration.
    """

    system_template: str
    instance_template: str
    observation_template: str
    format_error_template: str
    step_limit: int
    workdir: str
    command_timeout_s: float
    variables: Mapping[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of the library that take part in a cell; its models, and what those import, are none of them."""

    agent: Callable[..., Any]
    submitted: type[Exception]
    time_exceeded: type[Exception]
    format_error: type[Exception]
    tool: Mapping[str, Any]
    actions_of: Callable[..., list[dict[str, Any]]]
    observations_of: Callable[..., list[dict[str, Any]]]


def read_settings() -> Settings:
    """Read the packaged configuration without importing the library. Raises InputError where that cannot be."""
    import yaml

    version, folder = _installed()
    try:
        text = (folder / _CONFIG).read_text(encoding="utf-8")
        config = yaml.safe_load(text)
        agent, environment, model = config["agent"], config["environment"], config["model"]
        variables = {name: str(value) for name, value in environment["env"].items() if name not in _LEFT_OUT}
        return Settings(
            system_template=agent["system_template"],
            instance_template=agent["instance_template"],
            observation_template=model["observation_template"],
            format_error_template=model["format_error_template"],
            step_limit=int(agent["step_limit"]),
            workdir=environment["cwd"],
            command_timeout_s=float(environment["timeout"]),
            variables=variables,
            digest=digest([version, text]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise InputError(
            f"arm 'mini': {_CONFIG} of {_DISTRIBUTION} {version} cannot be used ({type(error).__name__}: {error}); "
            f"install it again: {INSTALL}"
        ) from error


def load_library() -> Library:
    """Import what an agent needs. Raises InputError where it or something that it needs is missing."""
    _installed()
    try:
        with _quiet_import():
            default = importlib.import_module("minisweagent.agents.default")
            exceptions = importlib.import_module("minisweagent.exceptions")
            calls = importlib.import_module("minisweagent.models.utils.actions_toolcall")
    except ImportError as error:
        raise InputError(f"arm 'mini': {_DISTRIBUTION} cannot be imported ({error}); {INSTALL}") from error
    return Library(
        agent=default.DefaultAgent,
        submitted=exceptions.Submitted,
        time_exceeded=exceptions.TimeExceeded,
        format_error=exceptions.FormatError,
        tool=calls.BASH_TOOL["function"],
        actions_of=calls.parse_toolcall_actions,
        observations_of=calls.format_toolcall_observation_messages,
    )


def _installed() -> tuple[str, Path]:
    """Return the version and the folder of the library. Raises InputError for none, or one of another series."""
    spec = importlib.util.find_spec("minisweagent")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"arm 'mini' drives {_DISTRIBUTION}, which is not installed: {INSTALL}")
    try:
        version = importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown version"
    if not version.startswith(_SERIES):
        raise InputError(
            f"arm 'mini' drives {_DISTRIBUTION} {_SERIES}x, but the one installed is {version!r}: {INSTALL}"
        )
    return version, Path(spec.submodule_search_locations[0])


@contextlib.contextmanager
def _quiet_import() -> Iterator[None]:
    """Keep the import from greeting, from making a folder in a person's home and from loading the `.env` there."""
    with tempfile.TemporaryDirectory() as folder:
        ours = {"MSWEA_SILENT_STARTUP": "1", "MSWEA_CONFIGURED": "true", "MSWEA_GLOBAL_CONFIG_DIR": folder}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
