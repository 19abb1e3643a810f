"""The file of `--generation-output`: the patches of a run as predictions, one JSON line a cell that left one.

    {"instance_id", "model_name_or_path", "model_patch", "patch", "format_version", "variant", "rep", "stop",
     "cost_usd", "tokens"}

`patch` is `model_patch` again, for tools that read that name. The official harness takes one prediction an instance
and silently the last of several, so where FILE holds more than one variant or repetition, each also gets a file of
its own beside it, `<name>.<variant>_run<rep>.jsonl`; those can be graded, FILE is refused. Patches that validation
refused stand with their reasons in `<name>.invalid.jsonl`, to be looked at and mended.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pytest_swebench.errors import RecordError
from pytest_swebench.records.layout import INVALID_FILE, RunLayout, json_line, write_whole
from pytest_swebench.records.results import prediction_name
from pytest_swebench.records.schema import cell_of

GENERATION_VERSION: Final = 1
_SUFFIX: Final = ".jsonl"


def write_generation(path: Path, records: Iterable[dict[str, Any]], layout: RunLayout) -> list[Path]:
    """Write the patches of `records` (the last of each cell) to `path`; return all files written, `path` first.

    `path` is written even if no cell left a patch. `layout` says where refused patches lie. Raises RecordError.
    """
    lines: dict[tuple[str, int], list[bytes]] = {}
    invalid: list[bytes] = []
    for record in records:
        if record["type"] != "result" or record.get("patch_redacted"):
            continue
        if record["patch"].strip():
            lines.setdefault((record["variant"], record["rep"]), []).append(json_line(_line(record)))
        elif (record["validation"] or {}).get("valid") is False:
            invalid.append(json_line(_invalid_line(record, layout)))
    files = {path: b"".join(line for part in lines.values() for line in part)}
    if len(lines) > 1:
        files |= {part_path(path, variant, rep): b"".join(part) for (variant, rep), part in lines.items()}
    if invalid:
        files[invalid_path(path)] = b"".join(invalid)
    try:
        for name, content in files.items():
            write_whole(name, content)
        if not invalid:
            invalid_path(path).unlink(missing_ok=True)  # of an earlier invocation of this run
    except OSError as error:
        raise RecordError(
            f"--generation-output {str(path)!r} cannot be written ({error.strerror}); the patches are kept in "
            f"{layout.folder}, `swebench-runner merge` makes their predictions"
        ) from error
    return list(files)


def part_path(path: Path, variant: str, rep: int) -> Path:
    """Return the file beside `path` that holds only one variant's repetition."""
    return path.with_name(f"{path.stem}.{variant}_run{rep}{path.suffix or _SUFFIX}")


def invalid_path(path: Path) -> Path:
    """Return the file beside `path` that holds the patches which validation refused."""
    return path.with_name(f"{path.stem}.invalid{path.suffix or _SUFFIX}")


def _line(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "instance_id": record["instance_id"],
        "model_name_or_path": prediction_name(record),
        "model_patch": record["patch"],
        "patch": record["patch"],
        "format_version": GENERATION_VERSION,
        "variant": record["variant"],
        "rep": record["rep"],
        "stop": record["stop"],
        "cost_usd": record["cost_usd"],
        "tokens": record["tokens"],
    }


def _invalid_line(record: dict[str, Any], layout: RunLayout) -> dict[str, Any]:
    kept = layout.cell_folder(cell_of(record)) / INVALID_FILE
    patch = kept.read_bytes().decode("utf-8", "surrogateescape") if kept.is_file() else ""
    found = record["validation"]
    return {**_line(record | {"patch": patch}), "kind": found["kind"], "reason": found["reason"]}
