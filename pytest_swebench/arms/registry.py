"""Which arms there are: built in (imported on use) and from plugins."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from pytest_swebench.arms.protocol import Arm
from pytest_swebench.errors import InputError, unknown

_BUILT_IN: Final[Mapping[str, str]] = {
    "gold": "pytest_swebench.arms.simple:Gold",
    "null": "pytest_swebench.arms.simple:Null",
    "predictions": "pytest_swebench.arms.predictions:Predictions",
    "singleshot": "pytest_swebench.arms.singleshot:Singleshot",
}


@dataclass(frozen=True, slots=True)
class ArmRegistry:
    """Makes arms by name.

    `extra` holds the arms of plugins, `patches` what the arm `predictions` reads, `context` and `context_tokens` what
    `singleshot` shows of a repository.
    """

    extra: Mapping[str, Arm] = field(default_factory=dict)
    patches: Path | None = None
    max_patch_mb: float | None = None
    context: str | None = None
    context_tokens: int | None = None

    def names(self) -> list[str]:
        """Return all known names, sorted."""
        return sorted(_BUILT_IN.keys() | self.extra.keys())

    def make(self, name: str) -> Arm:
        """Return the arm called `name`. Raises InputError for an unknown name or a missing patches file."""
        if name in self.extra:
            return self.extra[name]
        if name not in _BUILT_IN:
            hint = " (for the tests without any change use 'null')" if name == "baseline" else ""
            raise InputError(f"{unknown('arm', name, self.names())}{hint}")
        module, _, attribute = _BUILT_IN[name].partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        if name == "predictions":
            if self.patches is None:
                raise InputError(
                    "arm 'predictions': which patches? give --patches=PATH, a predictions file or the output folder "
                    "of the tool that made them"
                )
            return cast(Arm, factory(self.patches, self.max_patch_mb))
        if name == "singleshot":
            from pytest_swebench.arms.singleshot import BM25, SingleshotSettings

            shown = SingleshotSettings(context=self.context or BM25, context_tokens=self.context_tokens)
            return cast(Arm, factory(shown))
        return cast(Arm, factory())
