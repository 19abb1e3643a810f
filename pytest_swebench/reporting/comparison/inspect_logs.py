"""Logs of Inspect AI, as JSON and as its archive of JSON files (`.eval`).

Source: the log format 2 of inspect_ai; archives of older releases keep `start.json` at the top, newer ones are packed
with zstd, which zipfile reads since Python 3.14. `eval` names task,
model, dataset and epochs; each sample has `id`, `epoch`, `scores` (scorer -> `value`: "C", "I" or a number), `error`,
`total_time` and `model_usage`. The task of inspect_evals scores by `swe_bench_scorer`, perhaps among others.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import slug
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.source import Source
from pytest_swebench.statistics.data import Observation

_RIGHT: Final = ("C", 1, True)
_WRONG: Final = ("I", "N", 0, False)
_HEADERS: Final = ("header.json", "_journal/start.json", "start.json")
_SCORER: Final = "swe_bench_scorer"


def is_inspect(data: Mapping[str, Any]) -> bool:
    """Say whether a JSON document is a log of Inspect."""
    return isinstance(data.get("eval"), Mapping) and "version" in data


def source_of_log(path: Path, data: Mapping[str, Any]) -> Source:
    """Return what a log says. Raises InputError for scores that are neither right nor wrong."""
    return _source(path, data, data.get("samples") or [])


def source_of_archive(path: Path) -> Source:
    """Return what an archive says; one that was cut short holds no header, but what it began with."""
    if sys.version_info >= (3, 14):
        import zipfile

        from compression.zstd import ZstdError
    else:
        from backports.zstd import ZstdError, zipfile
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            header = next((name for name in _HEADERS if name in names), None)
            if header is None:
                raise InputError(f"{str(path)!r}: no log of Inspect, for it lacks {' and '.join(_HEADERS)}")
            samples = [json.loads(archive.read(name)) for name in sorted(names) if name.startswith("samples/")]
            return _source(path, json.loads(archive.read(header)), samples)
    except (zipfile.BadZipFile, ZstdError, zlib.error, EOFError, RuntimeError, ValueError) as error:  # or encrypted
        raise InputError(
            f"{str(path)!r} cannot be read as a log of Inspect: {str(error) or repr(error):.200}; `inspect log convert "
            "--to json` makes a file that can"
        ) from error


def _source(path: Path, data: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> Source:
    about = data["eval"]
    variant = slug(str(about.get("model") or path.stem))
    cells = [_cell(path, variant, sample) for sample in samples]
    return Source(
        path=path,
        name=path.stem,
        kind="a log of Inspect",
        cells=tuple(cells),
        planned={variant: max(len(cells), _planned(data))},
        conditions={"Inspect task": frozenset({str(about.get("task", ""))})},
        origin=str(about.get("eval_id") or about.get("run_id") or ""),
    )


def _planned(data: Mapping[str, Any]) -> int:
    """Return how many cells a log was to hold; its dataset is named whole, however few samples were asked for."""
    if total := (data.get("results") or {}).get("total_samples"):
        return int(total)
    about = data["eval"]
    dataset, config = about.get("dataset") or {}, about.get("config") or {}
    ids, limit, chosen = dataset.get("sample_ids"), config.get("limit"), config.get("sample_id")
    numbers = range(len(ids) if isinstance(ids, list) else int(dataset.get("samples") or 0))
    if chosen is not None:
        numbers = numbers[: len(chosen) if isinstance(chosen, list) else 1]
    elif limit is not None:
        numbers = numbers[slice(*limit) if isinstance(limit, list) else slice(limit)]
    return len(numbers) * int(config.get("epochs") or 1)


def _cell(path: Path, variant: str, sample: Mapping[str, Any]) -> Observation:
    usage = (sample.get("model_usage") or {}).values()
    return Observation(
        instance_id=str(sample["id"]),
        variant=variant,
        rep=int(sample.get("epoch") or 1),
        outcome=_outcome(path, sample),
        tokens=sum(int(one.get("total_tokens") or 0) for one in usage) if usage else None,
        seconds=sample.get("total_time"),
    )


def _outcome(path: Path, sample: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a sample; one that ended in an error, or was never scored, is missing."""
    scores = sample.get("scores") or {}
    if sample.get("error") or not scores:
        return Outcome.ERROR
    if _SCORER in scores:
        scores = {_SCORER: scores[_SCORER]}
    elif len(scores) > 1:
        raise InputError(
            f"{str(path)!r}: sample {sample['id']!r} has {len(scores)} scores ({', '.join(scores)}), and none of them "
            f"is {_SCORER!r}; score the log again with one scorer"
        )
    ((name, score),) = scores.items()
    value = score.get("value")
    if isinstance(value, Mapping) and len(value) == 1:  # a scorer may name its only metric
        value = next(iter(value.values()))
    if value in _RIGHT:
        return Outcome.RESOLVED
    if value in _WRONG:
        return Outcome.UNRESOLVED
    raise InputError(
        f"{str(path)!r}: sample {sample['id']!r} has the value {value!r} by {name!r}; only right and wrong can be "
        'compared ("C" and "I", or 1 and 0)'
    )
