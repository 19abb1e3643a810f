from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest

from pytest_swebench.statistics.analysis import analyse, analyse_samples
from pytest_swebench.statistics.comparison import Word
from tests.support.samples import single


def records(variants: int = 2, reps: int = 2, instances: int = 30) -> list[dict[str, Any]]:
    chance = random.Random(4)
    return [
        {
            "type": "result",
            "instance_id": f"a__a-{number}",
            "variant": f"v{variant}",
            "rep": rep,
            "outcome": chance.choice(["resolved", "unresolved", "no_patch"]),
            "oracle": False,
            "cost_usd": 0.1 * number,
            "tokens": {"input": 10, "output": 1, "cache_read": 0, "cache_write": 0},
            "wall_time_seconds": {"total": 5.0},
        }
        for number in range(instances)
        for variant in range(variants)
        for rep in range(1, reps + 1)
    ]


def test_the_order_of_records_does_not_change_a_byte() -> None:
    rows = records()
    shuffled = random.Random(1).sample(rows, len(rows))
    assert json.dumps(analyse(rows).as_json()) == json.dumps(analyse(shuffled).as_json())


def test_an_analysis_tells_rates_costs_repetitions_and_pairs() -> None:
    told = analyse(records(), {"v0": 60, "v1": 60}).as_json()
    assert [one["variant"] for one in told["variants"]] == ["v0", "v1"]
    first, second = told["variants"]
    assert (first["oracle"], second["oracle"]) == (False, False)
    assert first["pass_k"]["k"] == 2
    assert first["cost_usd"]["p95"] == pytest.approx(2.8)
    assert first["attempted"] == 60
    assert first["graded"] < 60
    assert [one["verdict"] for one in told["comparisons"]] == [str(Word.NONE)]
    assert told["hints"] == []


def test_one_repetition_and_many_variants_are_told() -> None:
    found = analyse(records(variants=5, reps=1))
    assert found.hints == [
        "name a baseline to test 4 instead of 10 pairs",
        "one repetition: rerun luck is not measured (often sd 6.1 pp); use --count 3",
    ]
    whole = analyse(records(variants=2, reps=1), {"v0": 90, "v1": 90})
    assert whole.hints[0].startswith("one repetition so far: rerun luck is not measured")
    assert "--count" not in whole.hints[0]
    assert analyse(records(variants=5), against="v3").hints == []
    assert found.variants[0].passes is None


def test_one_set_of_patches_graded_again_measures_no_rerun() -> None:
    rows = [{**row, "arm": "predictions"} for row in records(variants=1, reps=3)]
    found = analyse(rows)
    assert found.hints == ["one set of answers: rerun luck is not measured (often sd 6.1 pp); make them again"]
    told = found.as_json()["variants"][0]
    assert [told[name] for name in ("pass_k", "rerun_sd", "single_run_sd", "consistency")] == [None] * 4


def test_oracles_and_the_frame_are_told_and_held_against_nothing() -> None:
    rows = records(variants=5)
    for row in rows:
        row["arm"] = "null" if row["variant"] == "v0" else "tdd"
        row["oracle"] = row["variant"] == "v1"
    told = analyse(rows).as_json()
    assert [one["variant"] for one in told["variants"]] == ["v0", "v1", "v2", "v3", "v4"]
    assert told["apart"] == ["v0", "v1"]
    assert {name for one in told["comparisons"] for name in (one["baseline"], one["variant"])} == {"v2", "v3", "v4"}
    named = analyse(rows, against="v0")
    assert sorted(one.variant for one in named.comparisons) == ["v2", "v3", "v4"]
    assert named.apart == {"v1"}


def test_captured_cells_are_neither_analysed_nor_missed() -> None:
    captured = {"type": "result", "instance_id": "s", "variant": "quiet", "rep": 1, "outcome": "captured"}
    found = analyse([*records(1), captured], {"v0": 60, "quiet": 1})
    assert [one.sample.variant for one in found.variants] == ["v0"]
    assert found.as_json()["unjudged"] == ["quiet"]


@pytest.mark.parametrize("without", ["no_patch", "limit", "infra"])
def test_a_variant_without_a_verdict_has_no_rate_of_its_failures_alone(without: str) -> None:
    quiet = [{**row, "variant": "quiet", "outcome": "captured"} for row in records(1, 1)]
    quiet[0]["outcome"] = without
    found = analyse([*records(2, 1), *quiet], {"v0": 30, "v1": 30, "quiet": 30})
    assert [one.sample.variant for one in found.variants] == ["v0", "v1"]
    assert len(found.comparisons) == 1
    assert found.unjudged == {"quiet"}


def test_ungraded_patches_of_a_variant_with_verdicts_are_missing() -> None:
    rows = records(2, 1)
    for row in [row for row in rows if row["variant"] == "v0"][:10]:
        row["outcome"] = "captured"
    found = analyse(rows, {"v0": 30, "v1": 30})
    assert [(one.rate.attempted, one.rate.planned) for one in found.variants] == [(20, 30), (30, 30)]
    assert found.comparisons[0].word is Word.NOT_COMPARABLE
    assert found.unjudged == set()


def test_a_variant_that_was_never_run_has_no_rate_and_no_comparison() -> None:
    told = analyse(records(1), {"v0": 60, "late": 60}).as_json()
    assert [(one["variant"], one["rate"] is None) for one in told["variants"]] == [("late", True), ("v0", False)]
    assert told["comparisons"][0]["verdict"] == "not comparable"


def test_nothing_at_all_is_an_analysis_too() -> None:
    told = analyse([]).as_json()
    assert (told["variants"], told["comparisons"], told["hints"]) == ([], [], [])


def test_zero_resolved_has_an_interval_and_no_cost_per_resolved() -> None:
    told = analyse_samples({"a": single("a", [0] * 20)}).as_json()["variants"][0]
    assert told["interval"] == pytest.approx([0.0, 0.16113], abs=5e-6)
    assert told["cost_per_resolved"]["usd"] is None


def test_no_heavy_library_is_loaded() -> None:
    told = json.dumps(records())
    script = (
        "import json, sys; rows = json.load(sys.stdin)\n"
        "from pytest_swebench.statistics import gate, planning, sequential\n"
        "from pytest_swebench.statistics.analysis import analyse\n"
        "analyse(rows)\n"
        "print(sorted(sys.modules.keys() & {'numpy', 'scipy', 'pandas', 'statsmodels'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, input=told)
    assert ran.stdout.strip() == "[]"


def test_prompt_scenarios_of_a_variant_with_answers_do_not_lower_its_coverage() -> None:
    scenarios = [
        {**row, "instance_id": f"s-{number}", "type": "scenario_result", "outcome": "captured"}
        for number, row in enumerate(records(1, 1)[:20])
    ]
    found = analyse([*records(2, 1), *scenarios], {"v0": 30 + 20, "v1": 30})
    assert [(one.rate.planned, one.rate.coverage) for one in found.variants] == [(30, 1.0), (30, 1.0)]
    assert found.comparisons[0].word is not Word.NOT_COMPARABLE


def test_runs_without_an_answer_are_given_no_hint_on_repetitions() -> None:
    assert analyse(records(5, 1)[:0], dict.fromkeys("abcde", 3)).hints == []
