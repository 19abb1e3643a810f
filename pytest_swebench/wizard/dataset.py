"""Which dataset, and how much of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import DatasetError, SelectionError
from pytest_swebench.wizard.screen import NUMBER, Screen

if TYPE_CHECKING:
    from pytest_swebench.config import Settings
    from pytest_swebench.datasets.instance import Instance

DATASETS: Final = (
    ("lite", "quick validation runs"),
    ("verified", "curated"),
    ("full", "complete benchmark"),
)
_USUAL_COUNT: Final = 5
_ALL: Final = ("", "all", "0")


def dataset_page(screen: Screen, settings: Settings, folder: Path) -> tuple[str, list[Instance]]:
    """Return the name of a dataset, and the instances of it that settings do not leave out."""
    screen.page("Pick a dataset:")
    screen.entries([f"{name} ({what})" for name, what in DATASETS])
    names = [name for name, _ in DATASETS]
    kept = "" if settings["dataset"].is_default else str(settings.value("dataset"))
    default = str(names.index(kept) + 1) if kept in names else kept or "1"
    while True:
        typed = screen.ask(f"{NUMBER} [{default}] or type a file or a dataset of the hub", default).strip()
        number = screen.number(typed, len(names))
        name = names[number - 1] if number is not None else typed
        try:
            with screen.trying(f"Loading {name}"):
                found = loaded(name, settings, folder)
        except (DatasetError, SelectionError) as error:
            screen.say(str(error))
        else:
            screen.say(f"  • {len(found)} instance{'' if len(found) == 1 else 's'}")
            return name, found


def count_page(screen: Screen, settings: Settings, most: int) -> int:
    """Return how many instances to run, 0 for all of them."""
    kept = settings["max_instances"]
    default = min(_USUAL_COUNT, most) if kept.is_default else kept.value or "all"
    screen.page("Limit the run to N instances?")
    screen.say(
        f"  • Yes → Enter a number (default {default})", "  • No  → Type a blank, or all, to run all of the dataset"
    )
    while True:
        typed = screen.ask("How many instances?", str(default), shown=True)
        word = typed.strip().lower()
        if word in _ALL:
            return 0
        if (count := screen.number(word, 10**6)) is not None:
            return count
        screen.say(f"{typed!r}: give a number, or all.")


def loaded(name: str, settings: Settings, folder: Path) -> list[Instance]:
    """Return the instances of a dataset that settings do not leave out, however many they are.

    Raises DatasetError and SelectionError as a run would.
    """
    from pytest_swebench.datasets.load import load_instances
    from pytest_swebench.matrix import select, selection_of

    found = load_instances(name, settings.value("split"), base_dir=folder)
    return select(found, selection_of(settings.value, limited=False), name)
