"""What an exception of somebody's own code tells: its words, and where in that code it arose."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent


def told(error: BaseException) -> str:
    """Return the words of `error`, in their first line also the notes on it and its place."""
    first, newline, rest = str(error).partition("\n")
    place = place_of(error)
    aside = ", ".join([*getattr(error, "__notes__", ()), *([f"at {place}"] if place else [])])
    return f"{first} ({aside})".lstrip() + newline + rest if aside else str(error)


def place_of(error: BaseException) -> str:
    """Return `file:line` of the innermost frame that is neither ours nor an installed package's, "" without one."""
    installed = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    foreign = ("<", *(f"{folder}{os.sep}" for folder in (_PACKAGE, *installed)))
    places = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
    own = [f"{short(file)}:{line}" for file, line in places if not file.startswith(foreign)]
    return own[-1] if own else ""


def short(file: str) -> str:
    """Return a path as it reads from the current folder; of one that lies elsewhere the name alone."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name
