"""Beside cells that broke, or look as if they had: what to do about it, the log that tells most, its last lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_swebench.failures import fix_of
from pytest_swebench.outcome import Outcome
from pytest_swebench.patch import looks_like_diff
from pytest_swebench.records.layout import LOG_FILE, RunLayout
from pytest_swebench.records.schema import cell_of

_TAIL: Final = 3
_EXAMPLES: Final = 5
_WIDEST: Final = 160  # characters of a line of a log


def ways_out(records: Sequence[Mapping[str, Any]], layout: RunLayout | None) -> Iterator[str]:
    """Yield, for each class of errors among `records`, its fix, and the end of a log if one of its cells has any."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        if Outcome(record["outcome"]) in {Outcome.INFRA, Outcome.ERROR} and record["error"]:
            by_type.setdefault(str(record["error"]["type"]), []).append(record)
    for name, group in by_type.items():
        fix = fix_of(name)
        if fix and fix not in str(group[0]["error"]["message"]):
            yield f"{name}: {fix}"
        path, tail = next(filter(lambda found: found[0], (log_of(record, layout) for record in group)), ("", ()))
        if path:
            yield f"log: {path}"
            yield from (f"  | {line[:_WIDEST]}" for line in tail)


def log_of(record: Mapping[str, Any], layout: RunLayout | None, lines: int = _TAIL) -> tuple[str, tuple[str, ...]]:
    """Return the log that tells most of how a cell broke, and its last lines; nothing where there is none."""
    if layout is None:
        return "", ()
    folder = layout.cell_folder(cell_of(record))
    for path in (folder / f"error.attempt{record['attempt']}.txt", folder / LOG_FILE):
        if path.is_file():
            text = _end_of(path).rstrip().splitlines()
            return str(path), tuple(text[-lines:])
    return "", ()


def _end_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16_384))
        return file.read().decode("utf-8", "replace")


def warned(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what looks wrong with the ground, or with what was given to grade, and the cells it befell."""
    by_warning: dict[str, list[str]] = {}
    no_diffs: list[str] = []
    for record in records:
        if warning := (record["verdict"] or {}).get("warning"):
            by_warning.setdefault(warning, []).append(str(cell_of(record)))
        if (patch := record["patch"]).strip() and not looks_like_diff(patch):
            no_diffs.append(str(cell_of(record)))
    lines = [
        f"[bold yellow]WARNING[/] {len(cells)}: {warning} {_listed(cells)}; see swebench-runner validate-env"
        for warning, cells in by_warning.items()
    ]
    if no_diffs:
        lines.append(f"[bold yellow]WARNING[/] {len(no_diffs)}: the patch is no diff at all: {_listed(no_diffs)}")
    return lines


def _listed(cells: Sequence[str]) -> str:
    from rich.markup import escape

    more = f" and {len(cells) - _EXAMPLES} more" if len(cells) > _EXAMPLES else ""
    return escape(", ".join(cells[:_EXAMPLES]) + more)
