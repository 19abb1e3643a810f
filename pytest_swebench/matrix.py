"""The experiment matrix: which variants, which instances, in which order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import Arm
from pytest_swebench.cell import Cell, Variant, slug
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import SelectionError, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which instances of a dataset take part; empty fields select everything.

    `substrings` and `ids` narrow by instance id, `language` by language, `limit` (0 = all) takes the first so many
    after sorting, or after shuffling with `seed`.
    """

    substrings: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    language: str = ""
    limit: int = 0
    seed: int | None = None

    def describe(self) -> str:
        """Return the options that would select the same, "" for everything."""
        parts = []
        if self.substrings:
            parts.append(f"--instances {','.join(self.substrings)}")
        if self.ids:
            shown = ",".join(self.ids) if len(self.ids) <= 5 else f"({len(self.ids)} ids)"
            parts.append(f"--instance-ids {shown}")
        if self.language:
            parts.append(f"--language {self.language}")
        if self.limit:
            parts.append(f"--max-instances {self.limit}")
        if self.seed is not None:
            parts.append(f"--shuffle {self.seed}")
        return " ".join(parts)


def selection_of(
    setting: Callable[[str], Any], *, ids: tuple[str, ...] = (), seed: int | None = None, limited: bool = True
) -> Selection:
    """Return what the settings select, which `setting` looks up; unless `limited`, however many that are."""
    return Selection(
        substrings=split(setting("instances") or ""),
        ids=ids,
        language=(setting("language") or "").lower(),
        limit=setting("max_instances") if limited else 0,
        seed=seed,
    )


def select(instances: Sequence[Instance], selection: Selection, dataset: str) -> list[Instance]:
    """Return the selected instances, ordered by image and id. Raises SelectionError if nothing or an unknown id."""
    chosen = list(instances)
    if selection.ids:
        by_id = {instance.instance_id: instance for instance in instances}
        for wanted in selection.ids:
            if wanted not in by_id:
                near = unknown("instance", wanted, _closest(wanted, by_id))
                raise SelectionError(f"--instance-ids: {near} ({len(by_id)} instances in {dataset!r})")
        chosen = [instance for instance in chosen if instance.instance_id in set(selection.ids)]
    if selection.language:
        languages = {instance.problem.language for instance in instances}
        if selection.language not in languages:
            raise SelectionError(f"--language: {unknown('language', selection.language, filter(None, languages))}")
        chosen = [instance for instance in chosen if instance.problem.language == selection.language]
    if selection.substrings:
        chosen = [one for one in chosen if any(part in one.instance_id for part in selection.substrings)]
    if not chosen:
        examples = ", ".join(sorted(one.instance_id for one in instances)[:3])
        raise SelectionError(
            f"{selection.describe() or 'the selection'} matches none of the {len(instances)} instances of {dataset!r}; "
            f"ids look like {examples}"
        )
    chosen.sort(key=lambda instance: (instance.image, instance.instance_id))
    if selection.seed is not None:
        random.Random(selection.seed).shuffle(chosen)
    return chosen[: selection.limit] if selection.limit else chosen


def _closest(wanted: str, ids: Iterable[str], count: int = 5) -> list[str]:
    """Return the few ids nearest to `wanted`: a message that lists 2,294 of them helps nobody."""
    import difflib

    names = sorted(ids)
    return difflib.get_close_matches(wanted, names, n=count, cutoff=0.3) or names[:count]


def read_ids(value: str, base_dir: Path) -> tuple[str, ...]:
    """Return the ids of `--instance-ids`: a comma list, or `@file` with one id a line (`#` starts a comment).

    Raises SelectionError for a file that cannot be read, and for a value without any id: no id selects everything.
    """
    ids = _listed(value, base_dir / value[1:]) if value.startswith("@") else split(value)
    if value and not ids:
        raise SelectionError(f"--instance-ids {value!r} names no instance; leave the option out to select all")
    return ids


def _listed(value: str, path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SelectionError(f"--instance-ids {value!r}: cannot read {str(path)!r}: {reason}") from None
    ids = (line.partition("#")[0].strip() for line in lines)
    return tuple(dict.fromkeys(filter(None, ids)))


def split(value: str) -> tuple[str, ...]:
    """Return the non-empty parts of a comma list, in order, each once."""
    return tuple(dict.fromkeys(filter(None, (part.strip() for part in value.split(",")))))


def build_variants(
    arms: Sequence[Arm],
    models: Sequence[str],
    temperatures: Sequence[float | None],
    turns: Sequence[int | None] = (None,),
) -> dict[str, Variant]:
    """Return variant name -> variant for arms x models x temperatures x turns.

    An arm without a model gives one variant whatever the models, one that takes no turns (`takes_turns`) one whatever
    the turns. Names are `arm[+model][+t0.2][+turns10]`; a part appears only where it tells variants apart. Raises
    SelectionError if two variants get one name.
    """
    variants: dict[str, Variant] = {}
    for arm in arms:
        bounds = turns if takes_turns(arm) else (None,)
        settings: list[tuple[str, float | None, int | None]] = [(own_model(arm), None, None)]
        if arm.paid:
            settings = list(itertools.product(models or [""], temperatures, bounds))
        for model, heat, bound in settings:
            name = slug(arm.name)
            if arm.paid and len(models) > 1:
                name += f"+{slug(model)}"
            if arm.paid and len(temperatures) > 1:
                name += f"+t{heat:g}" if heat is not None else "+tdefault"
            if arm.paid and len(bounds) > 1:
                name += f"+turns{bound}"
            if name in variants:
                raise SelectionError(
                    f"two variants would both be called {name!r}: {variants[name]} and model {model!r}"
                )
            variants[name] = Variant(name, arm.name, model, heat, bound)
    return variants


def takes_turns(arm: Arm) -> bool:
    """Say whether `--max-turns` bounds this arm."""
    return bool(getattr(arm, "takes_turns", False))


def own_cap_usd(arm: Arm) -> float | None:
    """Return what this arm lets a cell cost where nobody says otherwise, None for any sum."""
    cap_usd: float | None = getattr(arm, "max_cost_usd", None)
    return cap_usd


def own_model(arm: Arm) -> str:
    """Return the model that an arm without a provider names, as imported patches do; "" where there is none."""
    return str(getattr(arm, "model", ""))


def build_cells(instance_ids: Sequence[str], variants: Sequence[str], reps: int) -> list[Cell]:
    """Return all cells, repetitions breadth first and variants interleaved.

    A run cut short is balanced: every instance has its first repetition before any has a second, and drift of a
    provider over time hits all variants alike.
    """
    return [
        Cell(instance_id, variant, rep)
        for rep in range(1, reps + 1)
        for instance_id in instance_ids
        for variant in variants
    ]
