"""What one test function asks to run: its marker, overridden by the command line, completed by other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_swebench.cell import digest
from pytest_swebench.config import SETTINGS, Resolved
from pytest_swebench.config.active import settings_of
from pytest_swebench.errors import InputError, unknown
from pytest_swebench.matrix import Selection, read_ids, selection_of, split
from pytest_swebench.options import MARKER_KEYS

TEMPERATURE: Final = 0.2
DEMO: Final = "demo"
DEMO_PROVIDER: Final = "replay:demo"
DEMO_MODEL: Final = "demo-model"
DEMO_ARM: Final = "singleshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """One experiment, with nothing resolved yet. `base_dir` is what relative dataset paths start from.

    `names_dataset` is false where nobody chose the dataset.
    """

    dataset: str
    names_dataset: bool
    split: str
    base_dir: Path
    arms: tuple[str, ...]
    models: tuple[str, ...]
    temperatures: tuple[float | None, ...]
    turns: tuple[int | None, ...]
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
    """Merge command line, marker, and what the environment and files set, in that order. Raises InputError.

    Paths in the marker are relative to `here`, the folder of the test file; all others to the folder pytest was
    started in. The embedded demo answers from its own recordings unless the command line or the marker name a
    provider: what a person keeps in `.env` for real runs must not make it a paid one.
    """
    given = dict(marker.kwargs) if marker else {}
    _check_marker(marker)
    settings, started_in = settings_of(config, env), config.invocation_params.dir
    dataset, data_dir = _chosen(settings["dataset"], given.get("dataset"), started_in, here)
    provider, provider_dir = _chosen(settings["provider"], given.get("provider"), started_in, here)
    if dataset == DEMO and not (settings["provider"].is_typed or given.get("provider")):
        provider = DEMO_PROVIDER
    is_demo = provider == DEMO_PROVIDER
    return ExperimentSpec(
        dataset=dataset,
        names_dataset=bool(given.get("dataset")) or not settings["dataset"].is_default,
        split=_chosen(settings["split"], given.get("split"), started_in, here)[0],
        base_dir=data_dir,
        arms=_arms(settings["arms"], given.get("arms")),
        models=_models(config, settings["model"], given, is_demo=is_demo),
        temperatures=_temperatures(settings["temperatures"], given.get("temperatures"), is_demo=is_demo),
        turns=_turns(settings["max_turns"], given.get("max_turns")),
        provider=_absolute(provider, provider_dir),
        provider_url=settings.value("provider_url") or "",
        selection=selection_of(
            settings.value,
            ids=read_ids(config.getoption("swe_instance_ids") or "", started_in),
            seed=config.getoption("swe_shuffle"),
        ),
        reps=max(1, int(config.getoption("count", 1) or 1)),
    )


def _chosen(setting: Resolved, marked: Any, started_in: Path, here: Path) -> tuple[str, Path]:
    """Return the text that holds, "" for none, and the folder that it is relative to."""
    if marked and not setting.is_typed:
        return str(marked), here
    return setting.value or "", here if setting.is_default else started_in


def _check_marker(marker: pytest.Mark | None) -> None:
    if marker is None:
        return
    if marker.args:
        raise InputError(f"@pytest.mark.experiment takes keywords only, found {marker.args[0]!r}; e.g. dataset='demo'")
    for key in marker.kwargs:
        if key not in MARKER_KEYS:
            raise InputError(f"@pytest.mark.experiment: {unknown('keyword', key, MARKER_KEYS)}")


def _arms(setting: Resolved, marked: Any) -> tuple[str, ...]:
    if marked is None or setting.is_typed:
        names = split(setting.value)
        if not names:
            raise InputError(
                f"{setting.source} {setting.value!r}: names no arm; give a comma list such as gold,singleshot"
            )
        return names
    names = split(marked) if isinstance(marked, str) else tuple(marked)
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"@pytest.mark.experiment(arms={marked!r}): takes names of arms; give e.g. arms=['singleshot']"
        )
    return names


def _models(config: pytest.Config, setting: Resolved, given: Mapping[str, Any], *, is_demo: bool) -> tuple[str, ...]:
    many, one = config.getoption("swe_models"), config.getoption("swe_model")
    if many and one:
        raise InputError(f"--model {one!r} and --models {many!r} exclude each other; give one of them")
    if setting.is_typed:
        return split(setting.value)
    if models := given.get("models") or given.get("model"):
        return split(models) if isinstance(models, str) else tuple(models)
    return (DEMO_MODEL,) if is_demo else split(setting.value or "")


def _temperatures(setting: Resolved, marked: Any, *, is_demo: bool) -> tuple[float | None, ...]:
    if is_demo and marked is None and not setting.is_typed:
        return (TEMPERATURE,)
    where, texts = _listed("temperatures", setting, marked)
    if not texts:
        raise InputError(f"{where}: no temperature; give e.g. 0.2,0.8, or leave it out for {TEMPERATURE}")
    return tuple(None if text == "default" else float(text) for text in texts)


def _turns(setting: Resolved, marked: Any) -> tuple[int | None, ...]:
    return tuple(map(int, _listed("max_turns", setting, marked)[1])) or (None,)


def _listed(name: str, setting: Resolved, marked: Any) -> tuple[str, tuple[str, ...]]:
    """Return where the list that holds stands, and its items. Raises InputError for one that cannot be meant."""
    if marked is None or setting.is_typed:
        return setting.source, split(setting.value or "")
    where = f"@pytest.mark.experiment({name}=...)"
    items = marked if isinstance(marked, list | tuple) else [marked]
    text = ",".join("default" if item is None else str(item) for item in items)
    return where, split(SETTINGS[name].check(text, where))


def _absolute(provider: str, folder: Path) -> str:
    """Make the path of `replay:FILE` absolute; other providers stay as they are."""
    kind, colon, path = provider.partition(":")
    if kind != "replay" or not colon or provider == DEMO_PROVIDER:
        return provider
    return f"replay:{folder / path}"
