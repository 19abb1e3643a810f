"""What a run is told apart from its tests: settings from many places, one value each, and where it stands."""

from __future__ import annotations

from pytest_swebench.config.resolve import Layer, Resolved, Settings, resolve
from pytest_swebench.config.settings import Kind, Setting
from pytest_swebench.config.table import SETTINGS

__all__ = ["SETTINGS", "Kind", "Layer", "Resolved", "Setting", "Settings", "resolve"]
