"""Where the files of a run lie, and how they are written so that a reader never meets half a file."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_swebench.cell import Cell


@dataclass(frozen=True, slots=True)
class RunLayout:
    """Paths of one run: flat per-variant files in `root`, all the rest under `root/<run_id>`."""

    root: Path
    run_id: str
    timestamp: str

    @property
    def folder(self) -> Path:
        return self.root / self.run_id

    @property
    def journals(self) -> Path:
        return self.folder / "journal"

    @property
    def results(self) -> Path:
        return self.folder / "results.jsonl"

    def cell_folder(self, cell: Cell) -> Path:
        """Return the folder of a cell's artefacts; it is not made here."""
        return self.folder / "cells" / cell.instance_id / cell.variant / f"rep{cell.rep}"

    def predictions(self, variant: str, rep: int) -> Path:
        return self.folder / "predictions" / f"{variant}_run{rep}.jsonl"


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` beside `path` and rename it into place, making folders as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8", errors="surrogateescape") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)  # mkstemp makes private files; results are for sharing
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole; lone surrogates as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, text.encode(errors="backslashreplace"))


def json_line(value: Any) -> bytes:
    """Return `value` as one line of JSON, in UTF-8 with lone surrogates as escapes."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
