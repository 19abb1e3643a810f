from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.selfcheck import TOPIC, Report, State, quarantined, self_check, update
from pytest_swebench.outcome import Outcome
from tests.support.made import made_instance, made_record


@pytest.fixture
def instance() -> Instance:
    return made_instance("a__a-1")


def run_of(
    arm: str, resolved: bool, rep: int = 1, *, run_id: str = "run-1", cell: str = "a__a-1", **fields: Any
) -> dict[str, Any]:
    outcome = Outcome.RESOLVED if resolved else Outcome.UNRESOLVED
    groups = {"success": ["new"] * resolved, "failure": ["new"] * (not resolved)}
    verdict = {"resolved": resolved, "reason": "", "tests": {"FAIL_TO_PASS": groups}}
    given = {"verdict": verdict, "seconds": {"grade": 4.0}, "grading": {"network": "none"}} | fields
    return made_record(Cell(cell, arm, rep), outcome, run_id=run_id, **given)


def infra(arm: str, error_type: str, message: str) -> dict[str, Any]:
    error = {"type": error_type, "message": message}
    return made_record(Cell("a__a-1", arm, 1), Outcome.INFRA, verdict=None, error=error)


def states(report: Report) -> list[tuple[State, str]]:
    return [(row.state, row.reason) for row in report.rows]


def test_an_instance_is_ok_where_gold_resolves_and_null_does_not(known: Known, instance: Instance) -> None:
    report = self_check([run_of("gold", True), run_of("gold", True, 2), run_of("null", False)], known, [instance])
    assert states(report) == [(State.OK, "")]
    (row,) = report.rows
    assert (row.run.gold_resolved, row.run.gold, row.run.null_resolved, row.run.null) == (2, 2, 0, 1)
    assert (row.network, row.seconds) == ("none", 4.0)
    assert (report.ok, report.all_ok) == (1, True)
    assert quarantined(known, [instance]) == {}


def test_gold_that_fails_is_broken_and_quarantined(known: Known, instance: Instance) -> None:
    report = self_check([run_of("gold", False), run_of("null", False)], known, [instance])
    assert states(report) == [(State.BROKEN, "gold fails always (0 of 1): new")]
    assert not report.all_ok
    assert quarantined(known, [instance]) == {"a__a-1": "gold fails always (0 of 1): new"}


def test_gold_that_fails_once_is_flaky(known: Known, instance: Instance) -> None:
    records = [run_of("gold", False), run_of("gold", True, 2), run_of("null", False)]
    assert states(self_check(records, known, [instance])) == [
        (State.FLAKY, "gold fails sometimes (1 of 2 resolved): new")
    ]


def test_what_an_earlier_check_saw_still_counts(known: Known, instance: Instance) -> None:
    self_check([run_of("gold", True), run_of("null", True)], known, [instance])
    fine = [run_of("gold", True, run_id="run-2"), run_of("null", False, run_id="run-2")]
    assert states(self_check(fine, known, [instance])) == [(State.QUARANTINED, "null resolves (1 of 2)")]
    self_check([run_of("gold", False, run_id="run-3")], known, [(other := made_instance("b__b-1"))])
    assert quarantined(known, [instance, other]) == {"a__a-1": "null resolves (1 of 2)"}


def test_an_earlier_flake_makes_flaky(known: Known, instance: Instance) -> None:
    self_check([run_of("gold", False), run_of("null", False)], known, [instance])
    fine = [run_of("gold", True, run_id="run-2"), run_of("null", False, run_id="run-2")]
    assert states(self_check(fine, known, [instance])) == [(State.FLAKY, "gold fails sometimes (1 of 2 resolved): new")]


def test_broken_infrastructure_leaves_an_instance_unchecked_and_unblamed(known: Known, instance: Instance) -> None:
    records = [infra("gold", "DockerUnavailable", "no engine"), run_of("null", False)]
    assert states(self_check(records, known, [instance])) == [(State.UNCHECKED, "1 not graded: no engine")]
    assert quarantined(known, [instance]) == {}


def test_a_missing_network_is_the_instance_s_own_trouble(known: Known, instance: Instance) -> None:
    report = self_check([infra("gold", "NeedsNetwork", "pip"), run_of("null", False)], known, [instance])
    assert states(report) == [(State.BROKEN, "needs network")]


@pytest.mark.parametrize(
    ("arms", "reason"),
    [((), "no record of gold and null"), (("gold",), "no record of null"), (("null",), "no record of gold")],
)
def test_a_check_that_was_stopped_says_what_is_missing(
    known: Known, instance: Instance, arms: tuple[str, ...], reason: str
) -> None:
    records = [run_of(arm, arm == "gold") for arm in arms]
    assert states(self_check(records, known, [instance])) == [(State.UNCHECKED, reason)]


def test_fail_to_pass_that_passes_without_a_patch_is_remarked(known: Known, instance: Instance) -> None:
    tests = {"FAIL_TO_PASS": {"success": ["free"], "failure": ["new"]}}
    null = run_of("null", False, verdict={"resolved": False, "reason": "", "tests": tests})
    assert states(self_check([run_of("gold", True), null], known, [instance])) == [
        (State.OK, "1 FAIL_TO_PASS test passes without a patch")
    ]


def test_records_of_others_are_left_out(known: Known, instance: Instance) -> None:
    records = [run_of("gold", True, cell="b__b-1"), run_of("mine", True), run_of("gold", True), run_of("null", False)]
    assert states(self_check(records, known, [instance])) == [(State.OK, "")]
    assert known.get(made_instance("b__b-1"), TOPIC) is None


def test_the_same_records_count_once(known: Known, instance: Instance) -> None:
    records = [run_of("gold", True), run_of("null", False)]
    first = update(known, instance, records)
    assert update(known, instance, records) == first
    assert known.get(instance, TOPIC)["gold"] == 1


def test_other_facts_of_an_instance_stay(known: Known, instance: Instance) -> None:
    known.put(instance, "network", {"network": "bridge", "because": "gold resolves with a network only"})
    update(known, instance, [run_of("gold", True)])
    assert known.get(instance, "network")["network"] == "bridge"


def test_gold_that_no_network_helps_is_quarantined_before_any_self_check(known: Known, instance: Instance) -> None:
    known.put(instance, "network", {"network": "unknown", "because": "gold resolves neither way"})
    assert quarantined(known, [instance]) == {"a__a-1": "gold resolves neither way"}


def test_network_of_an_instance_without_a_graded_gold_is_the_known_one(known: Known, instance: Instance) -> None:
    known.put(instance, "network", {"network": "bridge", "because": "gold resolves with a network only"})
    (row,) = self_check([run_of("null", False)], known, [instance]).rows
    assert (row.network, row.seconds) == ("bridge", 4.0)


def test_a_changed_row_starts_anew(known: Known, instance: Instance) -> None:
    update(known, instance, [run_of("gold", False)])
    assert quarantined(known, [made_instance("a__a-1", image="another")]) == {}
