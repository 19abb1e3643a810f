from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.baselines import save_baseline
from pytest_swebench.reporting.gate.judging import gate_run
from pytest_swebench.reporting.gate.looks import Looked, LookTaken
from pytest_swebench.reporting.gate.report import GateReport
from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.gate import GateExit, GateMode, Verdict
from tests.support.graded import IDS, put, report, run_of

SAME, WORSE = "R" * 10 + "U" * 10, "R" * 2 + "U" * 18
Runs = Mapping[str, str | Sequence[str]]


def gated(root: Path, before: Runs, now: Runs, swebench: str = "5.0.2", **asked: Any) -> GateReport:
    """Gate a run of twenty instances against another."""
    first = run_of(root, "before", before)
    second = run_of(root, "now", now, swebench=swebench, finished_at="2026-01-02T00:00:00.000+00:00")
    return gate_run(GateAsked(baseline="before", **asked), second, first)


def reason(found: GateReport) -> str:
    return found.reason or found.gated[0].judged.reason


def test_pass_and_inconclusive_part_at_the_bound_itself(tmp_path: Path) -> None:
    bounds = gated(tmp_path / "0", {"a": SAME}, {"a": SAME}).gated[0].judged.bounds
    assert bounds is not None
    on_the_line = gated(tmp_path / "1", {"a": SAME}, {"a": SAME}, max_drop=-bounds.low)
    assert (on_the_line.verdict, on_the_line.exit) == (Verdict.INCONCLUSIVE, GateExit.INCONCLUSIVE)
    beyond = gated(tmp_path / "2", {"a": SAME}, {"a": SAME}, max_drop=math.nextafter(-bounds.low, 1))
    assert (beyond.verdict, beyond.exit) == (Verdict.PASS, GateExit.PASS)


def test_regressed_and_inconclusive_part_at_the_bound_itself(tmp_path: Path) -> None:
    worse = gated(tmp_path / "0", {"a": SAME}, {"a": WORSE})
    bounds = worse.gated[0].judged.bounds
    assert bounds is not None
    assert (worse.verdict, worse.exit) == (Verdict.REGRESSED, GateExit.REGRESSED)
    on_the_line = gated(tmp_path / "1", {"a": SAME}, {"a": WORSE}, max_drop=-bounds.high)
    assert on_the_line.verdict is Verdict.INCONCLUSIVE
    assert worse.gated[0].lost == tuple(IDS[2:10])
    assert worse.gated[0].won == ()
    assert worse.gated[0].rates == (0.5, 0.1)


def test_the_mode_decides_what_a_verdict_does(tmp_path: Path) -> None:
    codes = {}
    for mode in GateMode:
        codes[mode] = [
            gated(tmp_path / mode / str(number), {"a": SAME}, {"a": now}, mode=mode).exit
            for number, now in enumerate((WORSE, SAME, "R" * 10))
        ]
    assert codes == {GateMode.STRICT: [10, 11, 12], GateMode.LENIENT: [10, 0, 12], GateMode.REPORT: [0, 0, 0]}


def test_an_incomplete_run_is_not_comparable(tmp_path: Path) -> None:
    found = gated(tmp_path, {"a": SAME}, {"a": "R" * 17})
    assert (found.verdict, found.exit) == (Verdict.NOT_COMPARABLE, GateExit.NOT_COMPARABLE)
    assert reason(found) == ("a: 17 of 20 cells have an answer (85.0%), and 90% are needed; go on with --resume")


def test_mixed_versions_are_not_comparable_unless_that_is_allowed(tmp_path: Path) -> None:
    found = gated(tmp_path / "0", {"a": SAME}, {"a": SAME}, swebench="6.0.0")
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert reason(found).startswith("made under other conditions: swebench: 5.0.2 against 6.0.0; run the baseline")
    allowed = gated(tmp_path / "1", {"a": SAME}, {"a": SAME}, swebench="6.0.0", allow_drift=True)
    assert allowed.verdict is Verdict.INCONCLUSIVE
    assert "differs: swebench: 5.0.2 against 6.0.0" in allowed.cautions


def test_changed_instances_are_not_comparable_and_with_leave_left_out(tmp_path: Path) -> None:
    first = run_of(tmp_path, "before", {"a": SAME})
    second = run_of(tmp_path, "now", {"a": SAME}, images={IDS[0]: "other"}, finished_at="2026-01-02T00:00:00+00:00")
    refused = gate_run(GateAsked(baseline="before"), second, first)
    assert "1 instances are not the same in both: acme__acme-00;" in reason(refused)
    allowed = gate_run(GateAsked(baseline="before", allow_drift=True), second, first)
    assert allowed.gated[0].judged.instances == 19


def test_a_baseline_that_resolves_nothing_leaves_nothing_to_drop(tmp_path: Path) -> None:
    found = gated(tmp_path, {"a": "U" * 20}, {"a": SAME})
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert "resolves nothing, so there is nothing to drop from" in reason(found)


@pytest.mark.parametrize(
    ("variant", "cells", "told"),
    [
        ("a", SAME, "has one repetition, and its luck stays in every gate against it; run the baseline with --count 3"),
        ("a", SAME[:-1], "has one repetition so far, and its luck stays in every gate against it"),
        ("predictions", SAME, "is one set of answers, and its luck stays in every gate against it"),
    ],
)
def test_a_baseline_without_repetitions_is_told_with_what_helps(
    tmp_path: Path, variant: str, cells: str, told: str
) -> None:
    found = gated(tmp_path, {variant: cells}, {variant: SAME})
    assert [one.partition(" ")[2] for one in found.cautions if "luck" in one] == [told]


def test_a_run_that_resolves_nothing_is_said_to(tmp_path: Path) -> None:
    found = gated(tmp_path, {"a": SAME}, {"a": "U" * 20})
    assert found.verdict is Verdict.REGRESSED
    assert "a resolves nothing at all" in found.cautions


def test_one_instance_tells_nothing(tmp_path: Path) -> None:
    first = run_of(tmp_path, "before", {"a": "R"}, ids=IDS[:1])
    second = run_of(tmp_path, "now", {"a": "U"}, ids=IDS[:1], finished_at="2026-01-02T00:00:00+00:00")
    found = gate_run(GateAsked(baseline="before"), second, first)
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert reason(found).startswith("one instance has an answer of both")
    assert found.gated[0].judged.bounds is None


def test_missing_empty_and_identical_baselines_are_not_comparable(tmp_path: Path) -> None:
    run = run_of(tmp_path, "now", {"a": SAME})
    (tmp_path / "empty.jsonl").touch()
    saved = save_baseline(run, "main", tmp_path)
    words = {
        tmp_path / "nowhere.json": "nowhere.json' cannot be read: No such file or directory",
        tmp_path / "empty.jsonl": "empty.jsonl' holds no graded results of any known shape",
        run: "hold the same results, and nothing differs from itself",
        saved: "hold the same results, and nothing differs from itself",
        put(tmp_path / "other.json", report(["b__b-1"])): "have no instance in common",
        put(tmp_path / "none.json", report([])): "none.json' holds no graded results",
    }
    for baseline, told in words.items():
        found = gate_run(GateAsked(baseline=str(baseline)), run, baseline)
        assert (found.verdict, found.exit) == (Verdict.NOT_COMPARABLE, GateExit.NOT_COMPARABLE)
        assert told in found.reason


def test_a_run_without_results_is_not_comparable_and_what_is_no_run_an_error(tmp_path: Path) -> None:
    run, asked = run_of(tmp_path, "before", {"a": SAME}), GateAsked(baseline="before")
    found = gate_run(asked, run_of(tmp_path, "now", {"a": "C" * 20}), run)
    assert (found.verdict, found.exit) == (Verdict.NOT_COMPARABLE, GateExit.NOT_COMPARABLE)
    assert "holds no graded results" in found.reason
    with pytest.raises(InputError, match="holds no graded results"):
        gate_run(asked, put(tmp_path / "list.json", [1, 2]), run)


def test_what_may_decide_follows_from_the_plan(tmp_path: Path) -> None:
    few = gated(tmp_path, {"a": SAME}, {"a": SAME})
    assert (few.verdict, few.repetitions_may_decide) == (Verdict.INCONCLUSIVE, False)
    mixed = "U" * 3 + "R" * 10 + "U" * 7
    enough = gated(tmp_path / "1", {"a": SAME}, {"a": mixed}, max_drop=0.2)
    assert (enough.verdict, enough.repetitions_may_decide) == (Verdict.INCONCLUSIVE, True)
    bet = gated(tmp_path / "2", {"a": SAME}, {"a": mixed}, max_drop=0.2, sequential=Sequential.ANYTIME)
    assert (bet.verdict, bet.repetitions_may_decide) == (Verdict.INCONCLUSIVE, False)


def test_vanished_instances_are_counted(tmp_path: Path) -> None:
    first = run_of(tmp_path, "before", {"a": SAME})
    second = run_of(tmp_path, "now", {"a": SAME[:19]}, ids=IDS[:19], finished_at="2026-01-02T00:00:00+00:00")
    found = gate_run(GateAsked(baseline="before"), second, first)
    assert found.vanished == (IDS[19],)
    assert f"1 of the baseline's 20 instances are not in this run: {IDS[19]}" in found.cautions
    assert found.gated[0].judged.instances == 19


def test_a_budget_that_ended_first_is_a_verdict_of_its_own(tmp_path: Path) -> None:
    first = run_of(tmp_path, "before", {"a": SAME})
    second = run_of(tmp_path, "now", {"a": "R" * 5}, finished_at="2026-01-02T00:00:00+00:00")
    found = gate_run(GateAsked(baseline="before"), second, first, budget_ended=True)
    assert (found.verdict, found.exit) == (Verdict.BUDGET_ENDED, GateExit.BUDGET_ENDED)


def test_the_worst_of_several_variants_decides_and_the_level_is_split(tmp_path: Path) -> None:
    found = gated(tmp_path, {"a": SAME, "b": SAME}, {"a": SAME, "b": WORSE, "c": SAME}, max_drop=0.2)
    assert [one.judged.verdict for one in found.gated] == [Verdict.PASS, Verdict.INCONCLUSIVE]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "not gated, the baseline does not have it: c" in found.cautions
    lower = found.gated[1].judged
    assert lower.bounds is not None
    assert lower.fails_below is not None
    assert lower.bounds.high < lower.fails_below


def test_an_old_baseline_is_told(tmp_path: Path) -> None:
    saved = save_baseline(run_of(tmp_path / "0", "before", {"a": SAME}), "main", tmp_path)
    run = run_of(tmp_path / "1", "now", {"a": SAME}, finished_at="2026-01-02T00:00:00+00:00")
    found = gate_run(GateAsked(baseline="main"), run, saved, today=date(2099, 1, 1))
    assert any("days ago; models change under their names" in one for one in found.cautions)


def test_gate_json_holds_inputs_numbers_and_verdict_and_repeats_itself(tmp_path: Path) -> None:
    found = gated(tmp_path, {"a": SAME}, {"a": WORSE})
    told = found.as_json()
    assert json.dumps(told) == json.dumps(gate_run(found.asked, found.run, found.baseline).as_json())
    assert (told["format_version"], told["verdict"], told["exit"]) == (1, "regressed", 10)
    assert told["run"]["digest"] != told["baseline"]["digest"]
    assert told["variants"][0]["rates"] == {"baseline": 0.5, "run": 0.1}
    assert told["sequential"] is None
    assert told["cost_usd"] == pytest.approx(5.0)


def test_a_look_that_could_not_be_taken_leaves_a_variant_open(tmp_path: Path) -> None:
    first = run_of(tmp_path, "before", {"a": SAME})
    second = run_of(tmp_path, "now", {"a": SAME}, finished_at="2026-01-02T00:00:00+00:00")
    looked = Looked(
        rule=Sequential.PLANNED, instance_ids=tuple(IDS[:12]), planned=20, taken={}, stopped=True, cells_left=8
    )
    found = gate_run(
        GateAsked(baseline="before", max_drop=0.9, sequential=Sequential.PLANNED), second, first, looked=looked
    )
    assert found.verdict is Verdict.INCONCLUSIVE
    assert reason(found) == "no look could be taken at it"
    assert found.saved_usd == pytest.approx(8 * 0.25)


def test_a_damaged_date_of_a_baseline_is_a_verdict_and_no_traceback(tmp_path: Path) -> None:
    saved = save_baseline(run_of(tmp_path / "0", "before", {"a": SAME}), "main", tmp_path)
    put(saved, json.loads(saved.read_text()) | {"ended_on": "yesterday"})
    run = run_of(tmp_path / "1", "now", {"a": SAME}, finished_at="2026-01-02T00:00:00.000+00:00")
    found = gate_run(GateAsked(baseline="main"), run, saved)
    assert "is not shaped as a saved baseline: ValueError" in found.reason


def test_runs_that_ended_alike_are_told_apart_by_what_they_came_to(tmp_path: Path) -> None:
    first = run_of(tmp_path / "0", "one", {"a": SAME})
    second = run_of(tmp_path / "1", "one", {"a": WORSE})
    assert gate_run(GateAsked(baseline="one"), second, first).verdict is Verdict.REGRESSED


@pytest.mark.parametrize("kept", ["saved", "run"])
def test_another_model_is_told(tmp_path: Path, kept: str) -> None:
    first = run_of(tmp_path, "before", {"a": SAME})
    second = run_of(tmp_path, "now", {"a": SAME}, finished_at="2026-01-02T00:00:00.000+00:00")
    for folder, model in ((first, "m-2026-01"), (second, "m-2026-06")):
        plan = folder / "plans" / "p.json"
        data = json.loads(plan.read_text())
        data["variants"]["a"]["model"] = model
        put(plan, data)
    baseline = save_baseline(first, "main", tmp_path) if kept == "saved" else first
    found = gate_run(GateAsked(baseline="main"), second, baseline)
    assert "a ran on m-2026-06, and the baseline on m-2026-01" in found.cautions


def test_new_failures_of_stable_instances_are_told_and_fatal_only_when_asked(tmp_path: Path) -> None:
    before, now = {"a": [SAME] * 3}, {"a": [SAME, "U" + SAME[1:], SAME]}
    told = gated(tmp_path / "0", before, now, max_drop=0.3)
    assert told.verdict is Verdict.PASS
    assert told.gated[0].judged.newly_failing == (IDS[0],)
    fatal = gated(tmp_path / "1", before, now, max_drop=0.3, fatal_from=1)
    assert (fatal.verdict, fatal.exit) == (Verdict.REGRESSED, GateExit.REGRESSED)
    assert reason(fatal) == "1 of 10 stable instances newly fail, and 1 are enough"
    assert fatal.as_json()["fail_on_new_failures"] == 1
    assert gated(tmp_path / "2", before, now, max_drop=0.3, fatal_from=2).verdict is Verdict.PASS


def test_a_rule_on_stable_instances_that_finds_none_says_so(tmp_path: Path) -> None:
    found = gated(tmp_path, {"a": SAME}, {"a": SAME}, max_drop=0.5, fatal_from=1)
    assert found.verdict is Verdict.PASS
    assert any(one.startswith("--fail-on-new-failures: nothing in the baseline is stable") for one in found.cautions)


def test_a_saved_baseline_may_be_the_run_that_is_gated(tmp_path: Path) -> None:
    first = save_baseline(run_of(tmp_path / "0", "first", {"a": SAME}), "first", tmp_path)
    second = save_baseline(run_of(tmp_path / "1", "second", {"a": WORSE}), "second", tmp_path)
    assert gate_run(GateAsked(baseline="first"), second, first).verdict is Verdict.REGRESSED


def test_a_run_that_was_stopped_is_judged_though_the_first_instances_were_all_unresolved_before(tmp_path: Path) -> None:
    first = run_of(tmp_path, "before", {"a": SAME})
    ids = IDS[10:16]
    second = run_of(tmp_path, "now", {"a": "U" * 6}, ids=ids, finished_at="2026-01-02T00:00:00+00:00")
    bounds = Interval(-0.4, 0.4)
    look = LookTaken(
        variant="a",
        first=6,
        instances=6,
        planned=20,
        difference=0.0,
        bounds=bounds,
        fails_below=0.4,
        verdict=Verdict.PASS,
    )
    looked = Looked(
        rule=Sequential.PLANNED, instance_ids=tuple(ids), planned=20, taken={"a": look}, stopped=True, cells_left=14
    )
    found = gate_run(
        GateAsked(baseline="before", max_drop=0.5, sequential=Sequential.PLANNED), second, first, looked=looked
    )
    assert (found.verdict, found.gated[0].judged.bounds) == (Verdict.PASS, bounds)
    assert found.gated[0].stopped_early


def test_every_member_of_gate_json_is_documented(tmp_path: Path) -> None:
    docs = (Path(__file__).parents[3] / "docs" / "gate.md").read_text(encoding="utf-8")
    told = gated(tmp_path, {"a": SAME}, {"a": WORSE}).as_json()
    for name in (*told, *told["variants"][0]):
        assert f"`{name}`" in docs, name
    for option in ("--fail-on-new-failures", "--gate-markdown", "--sequential", "--allow-drift"):
        assert f"| `{option}`" in docs


def test_a_variant_that_passed_early_is_told_by_what_that_look_saw(tmp_path: Path) -> None:
    now = {"a": "R" * 10 + "U" * 10, "b": "R" * 9 + "U" * 11}
    first = run_of(tmp_path, "before", {"a": SAME, "b": SAME})
    second = run_of(tmp_path, "now", now, finished_at="2026-01-02T00:00:00+00:00")

    def look(variant: str, size: int) -> LookTaken:
        found = {"variant": variant, "first": size, "instances": size, "planned": 20, "difference": 0.0}
        return LookTaken(**found, bounds=Interval(-0.1, 0.1), fails_below=0.1, verdict=Verdict.PASS)

    taken = {"a": look("a", 8), "b": look("b", 16)}
    looked = Looked(
        rule=Sequential.PLANNED, instance_ids=tuple(IDS[:16]), planned=20, taken=taken, stopped=True, cells_left=8
    )
    found = gate_run(
        GateAsked(baseline="before", max_drop=0.5, sequential=Sequential.PLANNED), second, first, looked=looked
    )
    a, b = found.gated
    assert (a.judged.instances, a.rates) == (8, (1.0, 1.0))
    assert (b.judged.instances, b.rates, b.lost) == (16, (10 / 16, 9 / 16), (IDS[9],))
