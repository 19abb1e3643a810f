"""What one test function asks to run: its marker, overridden by the command line, completed by the environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_swebench.cell import digest
from pytest_swebench.errors import InputError, unknown
from pytest_swebench.matrix import Selection, read_ids, split
from pytest_swebench.options import MARKER_KEYS

TEMPERATURE: Final = 0.2
DEMO: Final = "demo"
DEMO_PROVIDER: Final = "replay:demo"
DEMO_MODEL: Final = "demo-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """One experiment, with nothing resolved yet. `base_dir` is what relative dataset paths start from."""

    dataset: str
    split: str
    base_dir: Path
    arms: tuple[str, ...]
    models: tuple[str, ...]
    temperatures: tuple[float | None, ...]
    provider: str
    provider_url: str
    selection: Selection
    reps: int

    @property
    def manifest_name(self) -> str:
        """Return a file name that is the same for whatever has the same instances and passes the same checks."""
        selection = self.selection
        parts = [selection.substrings, selection.ids, selection.language, selection.limit, selection.seed]
        checked = [self.arms, self.models, self.provider, self.provider_url]
        return digest([self.dataset, self.split, str(self.base_dir), parts, checked])


def make_spec(config: pytest.Config, marker: pytest.Mark | None, env: Mapping[str, str], here: Path) -> ExperimentSpec:
    """Merge command line, marker and environment, in that order. Raises InputError.

    Paths in the marker are relative to `here`, the folder of the test file; those of the command line to the folder
    pytest was started in.
    """
    given = dict(marker.kwargs) if marker else {}
    _check_marker(marker)
    option = config.getoption
    started_in = config.invocation_params.dir
    dataset = option("swe_dataset") or given.get("dataset") or DEMO
    provider, provider_dir = option("swe_provider"), started_in
    if not provider and given.get("provider"):
        provider, provider_dir = str(given["provider"]), here
    if not provider:
        provider = DEMO_PROVIDER if dataset == DEMO else env.get("PROVIDER", "")
    return ExperimentSpec(
        dataset=str(dataset),
        split=option("swe_split") or given.get("split") or "test",
        base_dir=started_in if option("swe_dataset") else here,
        arms=_names(option("swe_arms"), given.get("arms"), "singleshot"),
        models=_models(config, given, env, provider),
        temperatures=_temperatures(option("swe_temperatures"), given.get("temperatures")),
        provider=_absolute(provider, provider_dir),
        provider_url=option("swe_provider_url") or env.get("BASE_URL", ""),
        selection=_selection(config, started_in),
        reps=max(1, int(config.getoption("count", 1) or 1)),
    )


def _check_marker(marker: pytest.Mark | None) -> None:
    if marker is None:
        return
    if marker.args:
        raise InputError(f"@pytest.mark.experiment takes keywords only, found {marker.args[0]!r}; e.g. dataset='demo'")
    for key in marker.kwargs:
        if key not in MARKER_KEYS:
            raise InputError(f"@pytest.mark.experiment: {unknown('keyword', key, MARKER_KEYS)}")


def _names(option: str | None, marker: Any, default: str) -> tuple[str, ...]:
    if option is not None:
        names = split(option)
        if not names:
            raise InputError(f"--arms {option!r}: names no arm; give a comma list such as gold,singleshot")
        return names
    if marker is None:
        return (default,)
    names = split(marker) if isinstance(marker, str) else tuple(marker)
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"@pytest.mark.experiment(arms={marker!r}): takes names of arms; give e.g. arms=['singleshot']"
        )
    return names


def _models(config: pytest.Config, given: Mapping[str, Any], env: Mapping[str, str], provider: str) -> tuple[str, ...]:
    many, one = config.getoption("swe_models"), config.getoption("swe_model")
    if many and one:
        raise InputError(f"--model {one!r} and --models {many!r} exclude each other; give one of them")
    if many or one:
        return split(many or one)
    if models := given.get("models") or given.get("model"):
        return split(models) if isinstance(models, str) else tuple(models)
    if provider == DEMO_PROVIDER:
        return (DEMO_MODEL,)
    return split(env.get("MODEL", ""))


def _temperatures(option: str | None, marker: Any) -> tuple[float | None, ...]:
    if option is not None:
        where = "--temperatures"
        given: list[Any] = [None if text == "default" else text for text in split(option)]
    else:
        where = "@pytest.mark.experiment(temperatures=...)"
        given = [*marker] if isinstance(marker, list | tuple) else [TEMPERATURE if marker is None else marker]
    values = tuple(None if value is None else _temperature(value, where) for value in given)
    if not values:
        raise InputError(f"{where}: no temperature; give e.g. 0.2,0.8, or leave it out for {TEMPERATURE}")
    return values


def _temperature(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise InputError(f"{where}: {value!r} is not a number of 0 or more; give e.g. 0.2,0.8")
    return number


def _selection(config: pytest.Config, started_in: Path) -> Selection:
    option = config.getoption
    limit = option("swe_max_instances") or 0
    if limit < 0:
        raise InputError(f"--max-instances {limit}: must be 0 (all) or more")
    return Selection(
        substrings=split(option("swe_instances") or ""),
        ids=read_ids(option("swe_instance_ids") or "", started_in),
        language=(option("swe_language") or "").lower(),
        limit=limit,
        seed=option("swe_shuffle"),
    )


def _absolute(provider: str, folder: Path) -> str:
    """Make the path of `replay:FILE` absolute; other providers stay as they are."""
    kind, colon, path = provider.partition(":")
    if kind != "replay" or not colon or provider == DEMO_PROVIDER:
        return provider
    return f"replay:{folder / path}"
