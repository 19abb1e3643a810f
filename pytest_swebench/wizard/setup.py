"""Guided setup: from the first page to the results of a run, and defaults for the next one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_swebench.cli.outcome import Answer, ExitCode
from pytest_swebench.errors import InputError
from pytest_swebench.wizard import ready
from pytest_swebench.wizard.choices import Choices
from pytest_swebench.wizard.dataset import count_page, dataset_page
from pytest_swebench.wizard.key import keep, keep_page, key_page, keys_of
from pytest_swebench.wizard.model import model_page
from pytest_swebench.wizard.playing import check_unnamed, play
from pytest_swebench.wizard.saving import save_defaults
from pytest_swebench.wizard.source import source_page
from pytest_swebench.wizard.system import system_checks, welcome

if TYPE_CHECKING:
    from pytest_swebench.cli.mode import Mode
    from pytest_swebench.config import Settings
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.secrets import Keys
    from pytest_swebench.wizard.screen import Screen


def guided_setup(screen: Screen, mode: Mode, keys: Keys | None = None, extra: tuple[str, ...] = ()) -> Answer:
    """Lead a person from page to page, save what they chose, and run it; `extra` goes to pytest as it is.

    Nothing is written before the last Enter. `keys` are those that this sitting asked before. Raises InputError for
    settings of this folder that cannot be meant.
    """
    from pytest_swebench.cli.pytest_options import settings_in

    check_unnamed(extra)
    folder = Path.cwd()
    settings = settings_in(folder, os.environ)
    knows = bool(settings.value("provider") and settings.value("model"))  # then fewer questions are asked
    if not knows:
        welcome(screen)
    system_checks(screen, folder, pauses=not knows)
    keys = keys or keys_of(screen, settings)
    choices, instances = _chosen(screen, settings, folder, keys, extra)
    return _last_pages(screen, mode, settings, choices, instances, folder, keys, asks_preflight=not knows)


def _chosen(
    screen: Screen, settings: Settings, folder: Path, keys: Keys, extra: tuple[str, ...]
) -> tuple[Choices, list[Instance]]:
    source = source_page(screen, settings)
    key = key_page(screen, source, settings, keys)
    model, price = model_page(screen, source, key, settings)
    dataset, instances = dataset_page(screen, settings, folder)
    count = count_page(screen, settings, len(instances))
    key = keep_page(screen, source, key, keys)
    choices = Choices(source=source, key=key, model=model, price=price, dataset=dataset, count=count, extra=extra)
    return choices, instances[:count] if count else instances


def _last_pages(
    screen: Screen,
    mode: Mode,
    settings: Settings,
    choices: Choices,
    instances: list[Instance],
    folder: Path,
    keys: Keys,
    *,
    asks_preflight: bool,
) -> Answer:
    from pytest_swebench.cli.line import line_of

    line = line_of(choices.request, os.environ, folder)
    ground = ready.preflight_page(screen, line, mode, folder, asks=asks_preflight)
    key = choices.key
    runs = ready.summary_page(screen, line, key.words, ground, instances, folder)
    _save(screen, folder, choices, settings)
    keep(screen, key, keys)
    source = choices.source
    if not ready.can_run(source.provider, source.url, has_key=bool(key.value)):
        screen.say(f"A run needs a key of {source.title}: swebench-runner secrets set {source.provider}")
        runs = False
    if not runs:
        screen.say("Later: swebench-runner quick")
        return Answer(code=ExitCode.OK)
    cells = len(instances) * ready.variants(line)
    return Answer(code=play(screen, choices.request, cells, ground.environment, key.environment, asks=True))


def _save(screen: Screen, folder: Path, choices: Choices, settings: Settings) -> None:
    """Write the answers into `.env`, and say what comes before them there."""
    from pytest_swebench.cli.pytest_options import settings_in

    chosen = dict(choices.settings)
    if choices.price:
        model = choices.price.rpartition("=")[0]
        others = (text for text in settings.value("price") or () if text.rpartition("=")[0] != model)
        chosen["price"] = " ".join([*others, choices.price])
    try:
        save_defaults(folder, chosen)
    except InputError as error:
        screen.say(f"Your answers are not saved: {error}")
        return
    screen.say("Saved for the next run: .env")
    now = settings_in(folder, os.environ)
    for name, text in chosen.items():
        value = now.value(name)
        if (" ".join(value) if isinstance(value, tuple) else str(value)) != text:
            screen.say(f"note: {now[name].source} comes before it")
