"""Imports point one way, as ARCHITECTURE.md says; the layers are read from there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "pytest_swebench"


def layers() -> list[set[str]]:
    """Return the rooms of each layer, the highest first: a line of two columns, the second going on below itself."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("\n## Layers\n")[2].partition("\n## ")[0]
    found: list[set[str]] = []
    for line in text.splitlines():
        if re.match(r" {4}\w", line):
            found.append(set())
        if line.startswith("    "):
            found[-1] |= set(line[17:].split())
    return found


def imported(body: list[ast.stmt]) -> Iterator[str]:
    """The rooms that a module needs to be imported: neither inside functions nor for type checkers alone."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from imported(node.body + node.orelse)
        elif isinstance(node, ast.ClassDef):
            yield from imported(node.body)
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}."):
            yield str(node.module).split(".")[1]


def test_every_room_stands_in_one_layer() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    named = [room for layer in layers() for room in layer]
    assert sorted(named) == sorted(rooms - {"__init__", "__main__", "demo", "experiments"})


def test_no_import_points_up() -> None:
    rank = {room: number for number, layer in enumerate(layers()) for room in layer}
    up = []
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        up += [
            f"{path.relative_to(PACKAGE)} imports {other}"
            for other in imported(tree.body)
            if other in rank and room in rank and rank[other] < rank[room]
        ]
    assert up == []
