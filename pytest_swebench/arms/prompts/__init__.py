"""Prompt templates, a folder or file an arm family."""

from __future__ import annotations

from importlib.resources import files
from string import Template


def template(folder: str, name: str) -> Template:
    """Read `<folder>/<name>.md`, without white space around it."""
    return Template(files(__name__).joinpath(folder, f"{name}.md").read_text(encoding="utf-8").strip())
