"""Where the files of a run lie, and how they are written so that a reader never meets half a file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import Cell, slug
from pytest_swebench.errors import RecordError

TRANSCRIPT_FILE: Final = "transcript.jsonl"
CONVERSATION_FILE: Final = "conversation.jsonl"
PATCH_FILE: Final = "patch.diff"
INVALID_FILE: Final = "invalid.diff"
LOG_FILE: Final = "test_output.txt"
EVAL_FILE: Final = "eval.sh"
REPORT_FILE: Final = "report.json"
SOLVED_FILE: Final = "solved.json"
_NO_TESTS: Final = '"""Results, not tests."""\n\ncollect_ignore_glob = ["*"]\n'
_NUMBERED: Final = re.compile(r"attempt\d+")
_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")


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

    @property
    def ledger(self) -> Path:
        """Return the file that all processes of the run keep their spending in."""
        return self.folder / "ledger.sqlite"

    def cell_folder(self, cell: Cell) -> Path:
        """Return the folder of a cell's artefacts; it is not made here."""
        return self.folder / "cells" / _place(cell)

    def conversation(self, cell: Cell, attempt: int | None = None) -> Path:
        """Return what was said in an attempt at a cell, by default the latest; those before it were set aside."""
        folder = self.cell_folder(cell)
        aside = folder / f"attempt{attempt}"
        return (aside if attempt is not None and aside.is_dir() else folder) / CONVERSATION_FILE

    def solve_folder(self, cell: Cell, attempt: int) -> Path:
        """Return the folder that an arm may fill; it lies apart, since a cell's own folder shows hidden tests."""
        return self.folder / "solve" / f"{cell.instance_id}@{cell.variant}@r{cell.rep}.attempt{attempt}"

    @property
    def traces(self) -> Path:
        """Return the folder of the traces of all cells."""
        return self.folder / "traces"

    def trace(self, cell: Cell, workflow: str, attempt: int) -> Path:
        """Return the events of one workflow in one attempt at a cell."""
        return self.trace_folder(cell) / f"{workflow_id(workflow, attempt)}.jsonl"

    def trace_folder(self, cell: Cell) -> Path:
        """Return the folder of a cell's events, those of all its workflows and attempts."""
        return self.traces / _place(cell)

    def dag(self, cell: Cell) -> Path:
        """Return the folder of a cell's artifact DAG, over all its workflows and attempts."""
        return self.folder / "artifact_dags" / _place(cell)

    def predictions(self, variant: str, rep: int) -> Path:
        return self.folder / "predictions" / f"{variant}_run{rep}.jsonl"


def _place(cell: Cell) -> Path:
    return Path(cell.instance_id, cell.variant, f"rep{cell.rep}")


def workflow_id(workflow: str, attempt: int) -> str:
    """Return what names a workflow within a cell: one of a later attempt bears its number, after what no slug holds."""
    name = slug(workflow) or "workflow"
    return name if attempt == 1 else f"{name}@attempt{attempt}"


def set_aside(folder: Path, attempt: int) -> None:
    """Move what `attempt` left in a cell's folder into `attempt<n>/`; files that bear an attempt's number stay."""
    stale = [path for path in folder.glob("*") if path.is_file() and not _NUMBERED.search(path.name)]
    for path in stale:
        aside = folder / f"attempt{attempt}"
        aside.mkdir(exist_ok=True)
        path.replace(aside / path.name)


def keep_solved(folder: Path, line: dict[str, Any], commands: tuple[str, ...]) -> None:
    """Store the record of a solved cell that lacks its verdict, so that only grading is left if we die now."""
    write_json(folder / SOLVED_FILE, {**line, "commands": list(commands)})


def take_solved(folder: Path, key: str) -> dict[str, Any] | None:
    """Return what the latest attempt that was solved left for the cell with this key, and put its files back."""
    for aside in _set_aside(folder):
        try:
            line: dict[str, Any] = json.loads((aside / SOLVED_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        if line["key"] == key and not line["cap"]:  # what a cap cut short goes on from its answers
            for name in (SOLVED_FILE, TRANSCRIPT_FILE, CONVERSATION_FILE, PATCH_FILE, INVALID_FILE):
                if (aside / name).exists():
                    write_whole(folder / name, (aside / name).read_bytes())
            return line
    return None


def earlier_transcripts(folder: Path, key: str) -> list[Path]:
    """Return the transcripts of earlier attempts at the cell with this key, latest first."""
    paths = (aside / TRANSCRIPT_FILE for aside in _set_aside(folder))
    return [path for path in paths if _labelled(path, key)]


def _labelled(path: Path, key: str) -> bool:
    """Say whether a transcript bears `key`, by its first whole line; another provider's answers are another cell's."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with suppress(ValueError, KeyError, TypeError):
                return bool(json.loads(line)["key"] == key)
    return False


def _set_aside(folder: Path) -> list[Path]:
    asides = [path for path in folder.glob("attempt*") if path.is_dir()]
    return sorted(asides, key=lambda path: int(path.name.removeprefix("attempt")), reverse=True)


def stop_if_full(error: Exception) -> None:
    """Raise RecordError for a disk without room: whatever comes next would be lost as well."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        raise RecordError(f"{error}; free space on that disk and go on with --resume") from error


@contextmanager
def stopping_if_full() -> Iterator[None]:
    """Do in here what writes files of a run. Raises RecordError where a disk has no room for them."""
    try:
        yield
    except OSError as error:
        stop_if_full(error)
        raise


def keep_from_collection(folder: Path) -> None:
    """Keep pytest out of a folder of results: a `test_output.txt` looks like a doctest to it."""
    path = folder / "conftest.py"
    if not path.exists():
        write_whole(path, _NO_TESTS)


def discard_unused(layout: RunLayout, *, over: bool = False) -> None:
    """Remove what a run made before it had anything to keep; whatever else lies in its folder stays.

    Of a run that is `over`, nobody needs its manifests any more.
    """
    folder = layout.folder
    made = [folder / "run.lock", folder / "claim.lock", *(folder / "manifests").glob("*" if over else "*.lock")]
    with suppress(OSError):
        if (folder / "conftest.py").read_text(encoding="utf-8") == _NO_TESTS:
            made.append(folder / "conftest.py")
    for path in made:
        with suppress(OSError):
            path.unlink()
    for emptied in (folder / "manifests", folder):
        with suppress(OSError):  # not empty, or never made
            emptied.rmdir()


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Let one process at a time change what lies in `folder`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def as_bytes(text: str) -> bytes:
    r"""Return `text` in UTF-8; what was undecodable becomes its bytes again, any other surrogate `\udXXX`.

    The first come from files of a repository, the second from JSON answers that hold half of a pair.
    """
    told = _NO_BYTE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return told.encode("utf-8", errors="surrogateescape")


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write `content` beside `path` and rename it into place, making folders as needed; results are for sharing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = as_bytes(content) if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, mode)  # mkstemp makes private files
        os.replace(name, path)
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole; lone surrogates as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, text.encode(errors="backslashreplace"))


def read_json(path: Path) -> Any:
    """Return the JSON data in a file of a run. Raises RecordError for one that is damaged, or cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{str(path)!r} is damaged, or cannot be read: {error}; bring it back, or move it away to do without it"
        ) from error


def json_line(value: Any) -> bytes:
    """Return `value` as one line of JSON, in UTF-8 with lone surrogates as escapes."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
