from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.comparison.reading import read_source
from pytest_swebench.reporting.gate.baselines import (
    age_note,
    find_baseline,
    list_baselines,
    models_of,
    save_baseline,
)
from tests.support.graded import IDS, put, report, run_of

CELLS = "R" * 12 + "U" * 6 + "NI"


def changed(path: Path, **members: Any) -> Path:
    """Write members of a saved baseline anew."""
    return put(path, json.loads(path.read_text()) | members)


def test_saved_baseline_says_what_its_run_says(tmp_path: Path) -> None:
    run = run_of(tmp_path / "results", "one", {"a": CELLS, "b": "R" * 20}, oracles=["b"])
    source, saved = read_source(run), read_source(save_baseline(run, "main", tmp_path))
    assert saved.samples()["a"].coverage == source.samples()["a"].coverage == 0.95
    for name, sample in source.samples().items():
        kept = saved.samples()[name].tallies
        assert {one: (t.resolved, t.attempted, t.lost) for one, t in kept.items()} == {
            one: (t.resolved, t.attempted, t.lost) for one, t in sample.tallies.items()
        }
    assert saved.digests == source.digests
    assert len(saved.digests) == len(IDS)
    assert (saved.conditions, saved.origin, saved.oracles) == (source.conditions, source.origin, source.oracles)


def test_a_baseline_of_500_instances_three_times_is_small(tmp_path: Path) -> None:
    cells = {
        name: {"resolved": True, "cost": 1.0}
        for name in (f"django__django-{number}" for number in range(10_000, 10_500))
    }
    path = save_baseline(put(tmp_path / "table.json", cells), "main", tmp_path)
    assert path.stat().st_size < 25_000


def test_a_name_is_taken_once_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    first = run_of(tmp_path / "results", "one", {"a": CELLS})
    second = run_of(tmp_path / "results", "two", {"a": "U" * 20})
    path = save_baseline(first, "main", tmp_path)
    with pytest.raises(InputError, match=r"'main': .* is there already; choose another name, or give --replace"):
        save_baseline(second, "main", tmp_path)
    assert read_source(path).samples()["a"].resolved == 12
    save_baseline(second, "main", tmp_path, replace=True)
    assert read_source(path).samples()["a"].resolved == 0


def test_results_with_holes_are_no_baseline(tmp_path: Path) -> None:
    run = run_of(tmp_path / "results", "one", {"a": "R" * 17})
    with pytest.raises(InputError, match="a has an answer in 17 of 20 cells, and a baseline needs 90%"):
        save_baseline(run, "main", tmp_path)


def test_a_name_that_is_no_name_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path / "results", "one", {"a": CELLS})
    with pytest.raises(InputError, match=r"NAME '../main': may hold letters"):
        save_baseline(run, "../main", tmp_path)


def test_a_missing_repetition_stays_missing(tmp_path: Path) -> None:
    run = run_of(tmp_path / "results", "one", {"a": CELLS})
    path = save_baseline(run, "main", tmp_path)
    cells = json.loads(path.read_text())["cells"]
    cells["a"][IDS[0]] = "r.u"
    found = [one.rep for one in read_source(changed(path, cells=cells)).cells if one.instance_id == IDS[0]]
    assert found == [1, 3]


def test_saved_baselines_are_listed(tmp_path: Path) -> None:
    save_baseline(run_of(tmp_path / "results", "one", {"a": CELLS, "b": CELLS}), "main", tmp_path / "kept")
    (saved,) = list_baselines(tmp_path / "kept")
    assert (saved.name, saved.run_id, saved.instances, saved.variants) == ("main", "one", 20, {"a": 20, "b": 20})
    put(tmp_path / "kept" / "other.json", {"resolved_ids": []})
    with pytest.raises(InputError, match=r"other.json' is no saved baseline"):
        list_baselines(tmp_path / "kept")


def test_a_baseline_is_found_by_name_path_and_run(tmp_path: Path) -> None:
    run = run_of(tmp_path / "results", "one", {"a": CELLS})
    saved = save_baseline(run, "main", tmp_path / "baselines")
    assert find_baseline("main", tmp_path, tmp_path / "results") == saved
    assert find_baseline("results/one", tmp_path, tmp_path) == run
    assert find_baseline("one", tmp_path, tmp_path / "results") == run
    with pytest.raises(InputError, match=r"--baseline 'mian': there is no such path, saved baseline \(main\) or run"):
        find_baseline("mian", tmp_path, tmp_path / "results")


def test_only_an_old_baseline_is_called_old(tmp_path: Path) -> None:
    run = run_of(tmp_path / "results", "one", {"a": CELLS}, finished_at="2026-01-02T23:00:00.000+00:00")
    path = save_baseline(run, "main", tmp_path)
    for source in (read_source(run), read_source(path), read_source(changed(path, saved_at="2026-06-01T00:00:00Z"))):
        assert source.ended_on == date(2026, 1, 2)  # when it was saved does not make it younger
        assert age_note(source, date(2026, 2, 1)) == ""
        assert age_note(source, date(2026, 2, 2)).startswith("the baseline was run 31 days ago")
    by_others = read_source(put(tmp_path / "report.json", report(IDS)))
    assert age_note(by_others, date(2099, 1, 1)) == ""


def test_a_baseline_that_says_no_end_is_as_old_as_its_file(tmp_path: Path) -> None:
    path = save_baseline(run_of(tmp_path / "results", "one", {"a": CELLS}), "main", tmp_path)
    assert read_source(changed(path, saved_at="2026-06-01T00:00:00Z", ended_on=None)).ended_on == date(2026, 6, 1)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"format_version": 2}, "format 2 of a baseline is unknown, 1 is known"),
        ({"cells": {}}, "holds no graded results, though it is a saved baseline"),
        ({"cells": {"a": {"x__x-1": "z"}}}, "is not shaped as a saved baseline: KeyError"),
        ({"planned": None}, "is not shaped as a saved baseline: AttributeError"),
    ],
)
def test_damaged_baselines_are_refused(tmp_path: Path, members: dict[str, Any], words: str) -> None:
    path = save_baseline(run_of(tmp_path / "results", "one", {"a": CELLS}), "main", tmp_path)
    with pytest.raises(InputError, match=words):
        read_source(changed(path, **members))


def test_a_list_names_what_it_cannot_read(tmp_path: Path) -> None:
    put(tmp_path / "main.json", {"type": "baseline"})
    with pytest.raises(InputError, match=r"main.json' is not shaped as a saved baseline: KeyError\('run_id'\)"):
        list_baselines(tmp_path)
    put(tmp_path / "main.json", "{")
    with pytest.raises(InputError, match=r"main.json' is not valid JSON"):
        list_baselines(tmp_path)


def test_folders_of_others_tell_no_models(tmp_path: Path) -> None:
    put(tmp_path / "plans" / "p.json", {"mine": 1})
    assert models_of(tmp_path) == {}
    assert models_of(put(tmp_path / "report.json", [])) == {}
    assert models_of(tmp_path / "all.jsonl") == {}
