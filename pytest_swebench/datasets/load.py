"""Instances by the name of their dataset: `demo`, an alias, a hub id, a local file or folder, or a plugin's own."""

from __future__ import annotations

import reprlib
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_swebench.datasets.files import SUFFIXES, read_instances
from pytest_swebench.datasets.hub import ALIASES, default_cache_dir, hub_id, load_hub
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import DatasetError, SwebenchError, unknown

DEMO: Final = "demo"
DEFAULT_SPLIT: Final = "test"

Loader = Callable[[str], list[Instance]]
"""Loads a third-party dataset; gets what follows the colon of `prefix:rest`, "" where there is no colon."""


def load_instances(
    name: str,
    split: str = DEFAULT_SPLIT,
    *,
    base_dir: Path,
    extra: Mapping[str, Loader] = MappingProxyType({}),
) -> list[Instance]:
    """Load all instances of one dataset and split, in the dataset's order.

    A file or folder is relative to `base_dir`; a single file is one split. `extra` maps prefixes to loaders. Raises
    DatasetError for a name, split, file or row that cannot be used, for an id that comes twice, and for no rows.
    """
    prefix, _, rest = name.partition(":")
    path = base_dir / Path(name).expanduser()
    if prefix in extra:
        found = _placed(name, _from_plugin(name, extra[prefix], rest))
    elif name == DEMO:
        if split != DEFAULT_SPLIT:
            raise DatasetError(f"the demo has the split {DEFAULT_SPLIT!r} only, not {split!r}; leave --split away")
        from pytest_swebench.datasets.demo import load_demo

        found = _placed(name, load_demo())
    elif name in ALIASES or not _is_local(name, path):
        identifier = hub_id(name)
        if identifier is None:
            known = unknown("dataset", name, {DEMO, *ALIASES, *extra})
            raise DatasetError(
                f"{known}; or a dataset of the hub (owner/name), or a file or folder in {str(base_dir)!r}"
            )
        found = read_instances(load_hub(identifier, split, default_cache_dir()), split)
    else:
        found = read_instances(path, split)
    return _unique(name, found)


def _is_local(name: str, path: Path) -> bool:
    """Tell whether `name` can only mean a file or folder; one that is missing gets the message of a missing file."""
    return path.exists() or path.suffix in SUFFIXES or name.startswith(("/", "./", "../", "~"))


def _from_plugin(name: str, load: Loader, rest: str) -> list[Instance]:
    hook = f"dataset {name!r}: its loader from the hook pytest_swebench_datasets"
    try:
        instances = list(load(rest))
    except SwebenchError:
        raise
    except Exception as error:  # somebody else's code may raise anything, and no cell has run yet
        raise DatasetError(f"{hook} raised {type(error).__name__}: {error}{_place(error)}") from error
    strange: list[object] = [one for one in instances if not isinstance(one, Instance)]
    if strange:
        raise DatasetError(f"{hook} returned {reprlib.repr(strange[0])} among others; give a list of Instance")
    return instances


def _place(error: Exception) -> str:
    """Say which line of the loader failed; "" where calling it did, or reading what it returned."""
    beyond_us = traceback.extract_tb(error.__traceback__)[1:]
    return f"; mend {beyond_us[0].filename}:{beyond_us[0].lineno}" if beyond_us else ""


def _placed(name: str, instances: Iterable[Instance]) -> Iterable[tuple[str, Instance]]:
    return ((f"{name}: row {number}", instance) for number, instance in enumerate(instances, start=1))


def _unique(name: str, found: Iterable[tuple[str, Instance]]) -> list[Instance]:
    places: dict[str, list[str]] = {}
    instances = []
    for where, instance in found:
        places.setdefault(instance.instance_id, []).append(where)
        instances.append(instance)
    twice = [f"{instance_id!r} at {' and '.join(at)}" for instance_id, at in places.items() if len(at) > 1]
    if twice:
        raise DatasetError(f"dataset {name!r}: an instance id may come only once; found {'; '.join(twice[:10])}")
    if not instances:
        raise DatasetError(f"dataset {name!r} holds no rows")
    return instances
