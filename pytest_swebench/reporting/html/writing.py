"""`write_report`: a run as one HTML file, with folders of bundles beside it only where one file would be too large."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Final

from pytest_swebench import __version__
from pytest_swebench.records.flakes import Ledger
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.html import flakes, measures, sections, spending
from pytest_swebench.reporting.html.against import Against
from pytest_swebench.reporting.html.bundles import Shelf
from pytest_swebench.reporting.html.figures import figures_of
from pytest_swebench.reporting.html.ledgers import ledgers_of
from pytest_swebench.reporting.html.markup import escape, island
from pytest_swebench.reporting.html.pagedata import PageData, Shelves, collect
from pytest_swebench.reporting.reading import RunView

INLINE_BYTES: Final = 25_000_000
"""What `auto` puts into one file; browsers open several times as much, but not in a blink."""

_SCRIPTS: Final = ("core", "filters", "bundles", "matrix", "cell", "compare", "main")
_ESCAPED: Final = re.compile(r'[^<>"]*&[^<>"]*')  # a text or an attribute that holds an escaped character
_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
_BUNDLE: Final = re.compile(r"(cell|talk|inst)\d+\.js")


class Content(StrEnum):
    """What of the cells goes where: `auto` puts beside the file what would make it too large."""

    AUTO = "auto"
    ALL = "all"
    NONE = "none"
    SIDE = "side"


@dataclass(frozen=True, slots=True)
class Report:
    """What was written: the file, its size, and how many bundles lie in the folder beside it."""

    path: Path
    size_bytes: int
    cells: int
    beside: int
    folder: Path


def write_report(
    view: RunView,
    path: Path,
    *,
    content: Content = Content.AUTO,
    unfit: Mapping[str, str] | None = None,
    ledgers: Mapping[str, Ledger] | None = None,
    against: Against | None = None,
    redactor: Redactor | None = None,
    inline_bytes: int = INLINE_BYTES,
) -> Report:
    """Write the report of a run to `path`, the same bytes for the same records and ledgers.

    `auto` keeps up to `inline_bytes` of bundles in the file. `unfit` names instances that cannot judge a patch, with
    the reason; `ledgers` are those beside the run, if not given; `against` is the run held against its baseline. Known
    secrets of `redactor` are taken out. Raises OSError where it cannot be written.
    """
    known = redactor or Redactor()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second, tempfile.TemporaryFile() as third:
        kept = content is not Content.NONE
        shelves = Shelves(
            cells=Shelf("cell", first, known) if kept else None,
            talks=Shelf("talk", second, known) if kept else None,
            instances=Shelf("inst", third, known) if kept else None,
        )
        data = collect(
            view,
            shelves,
            known,
            unfit=unfit or {},
            ledgers=ledgers_of(view) if ledgers is None else ledgers,
            against=against,
        )
        beside = _beside(shelves, content, inline_bytes)
        folder = path.with_name(f"{path.stem}_files")
        written = _write_beside(folder, beside)
        inside = [shelf for shelf in shelves.all() if shelf not in beside]
        page = _page(data, shelves, beside, folder.name, known)
        _write(path, page, inside)
        _clear(folder, written)
    return Report(path, path.stat().st_size, len(data.records), len(written), folder)


def _beside(shelves: Shelves, content: Content, room: int) -> list[Shelf]:
    """Return the shelves that do not fit into the file: conversations go first, then issues, then records."""
    if content is Content.SIDE:
        return shelves.all()
    if content is not Content.AUTO:
        return []
    beside: list[Shelf] = []
    for shelf in (shelves.talks, shelves.instances, shelves.cells):
        if shelf is not None and sum(one.size_bytes for one in shelves.all() if one not in beside) > room:
            beside.append(shelf)
    return beside


def _page(data: PageData, shelves: Shelves, beside: list[Shelf], folder: str, redactor: Redactor) -> dict[str, str]:
    """Return what stands in each place of the template."""
    style = _read("page.css")
    script = "(() => {\n'use strict';\n" + "\n".join(_read(f"{name}.js") for name in _SCRIPTS) + "})();\n"
    figures = figures_of(data.records, data.view.selected)
    told: dict[str, Any] = data.as_json(figures.analysis.apart)
    told["pairs"] = figures.pairs_json()
    told["shelves"] = {
        shelf.name: {"starts": shelf.starts if len(shelf) else [], "folder": folder if shelf in beside else ""}
        for shelf in shelves.all()
    }
    return {
        "policy": escape(_policy(style, script, beside=bool(beside))),
        "title": escape(redactor.text(data.title)),
        "style": style,
        "version": escape(__version__),
        "about": escape(redactor.text(data.about)),
        "summary": clean(sections.summary(data, figures), redactor),
        "statistics": clean(measures.statistics(data, figures), redactor),
        "cost": clean(spending.cost(figures), redactor),
        "integrity": clean(flakes.integrity(data, figures), redactor),
        "data": island(redactor.data(told)),
        "script": script,
    }


def clean(markup: str, redactor: Redactor) -> str:
    """Return HTML of `tag` without known secrets, also those that escaping has changed."""
    return _ESCAPED.sub(lambda match: _unescaped(match[0], redactor), redactor.text(markup))


def _unescaped(piece: str, redactor: Redactor) -> str:
    told = html.unescape(piece)
    kept = redactor.text(told)
    return piece if kept == told else escape(kept)


def _policy(style: str, script: str, *, beside: bool) -> str:
    """Return what the page may do: run its own script, by hash, and load bundles beside it; ask nobody for anything."""
    scripts = f"'sha256-{_hash(script)}'" + (" 'self' file:" if beside else "")
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'sha256-{_hash(style)}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _write(path: Path, page: Mapping[str, str], inside: list[Shelf]) -> None:
    """Write the page beside `path` and rename it into place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            _fill(file, page, inside)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _fill(file: IO[bytes], page: Mapping[str, str], inside: list[Shelf]) -> None:
    for place, part in enumerate(_PLACE.split(_read("page.html"))):
        if place % 2 == 0:
            file.write(part.encode())
        elif part == "bundles":
            for shelf in inside:
                for number in range(len(shelf)):
                    file.write(shelf.element(number))
        else:
            file.write(page[part].encode())


def _write_beside(folder: Path, beside: list[Shelf]) -> set[str]:
    written = set()
    for shelf in beside:
        folder.mkdir(exist_ok=True)
        for number in range(len(shelf)):
            name = f"{shelf.name}{number}.js"
            (folder / name).write_bytes(shelf.script(number))
            written.add(name)
    return written


def _clear(folder: Path, kept: set[str]) -> None:
    """Remove the bundles of an earlier report but for those `kept`; whatever else lies there stays, with the folder."""
    if folder.is_dir():
        for path in folder.iterdir():
            if _BUNDLE.fullmatch(path.name) and path.name not in kept:
                path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()


def _read(name: str) -> str:
    return (files("pytest_swebench.reporting.html") / "page" / name).read_text(encoding="utf-8")
