"""A gate that looks at a run while it goes on: when it stops it, what is left out, and how such a run goes on."""

from __future__ import annotations

import json
import sys

import pytest

from pytest_swebench.reporting.gate.told import GateTold, gate_told
from pytest_swebench.statistics.anytime import anytime_bounds
from pytest_swebench.statistics.sequential import planned_looks
from tests.plugin.conftest import Run, outcomes
from tests.plugin.gated import ASKED, IDS, SILENT, WORKERS, before, bounds, verdict
from tests.plugin.gated import nowhere as nowhere

RUNNER = (sys.executable, "-m", "pytest_swebench")
# From the eighth instance of the order on it waits for the decision, so that no machine is too fast for it. Its place
# counts, not how many have begun: a worker that starts late holds one of the first, which the decision waits for.
PATIENT = """
import time
from pathlib import Path
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.statistics.sequential import analysis_order

class Patient(Silent):
    def solve(self, context):
        order = analysis_order([instance.instance_id for instance in load_demo()], "now")
        if order.index(context.problem.instance_id) >= 7:
            for _ in range(300):
                if Path("results/now/gate_decided.txt").exists():
                    break
                time.sleep(0.1)
        return Solution(patch="")

def pytest_swebench_arms():
    return [Patient()]
"""
BET = 8  # instances that a bet at 60 % takes if all of them are lost


@WORKERS
def test_a_decided_gate_stops_the_run_and_the_rest_is_not_run(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(SILENT + PATIENT)
    result = run(*ASKED, before(pytester.path, IDS), "--sequential", *workers)
    assert result.ret == 10
    told = verdict(pytester.path)
    assert told["verdict"] == "regressed"
    looked = told["sequential"]
    assert looked["stopped_early"]
    assert (looked["rule"], looked["instances_looked_at"]) == ("planned", 6)
    ended = outcomes(pytester.path)
    assert len(ended) == 13 - looked["cells_saved"]
    assert len(ended) <= 9
    assert set(ended.values()) == {"no_patch"}  # what is left out is no infra
    way = "the command without --sequential, with --resume=now, runs them as well"
    result.stdout.fnmatch_lines(
        [
            f"left out:    {looked['cells_saved']} of 13 cells, by the gate once it was decided; {way}",
            "*gate decided: silent regressed, after * of 13 instances*",
        ]
    )
    result.stdout.no_fnmatch_line("to go on:*")
    result.stdout.no_fnmatch_line("*lack an answer*")


def test_page_and_show_tell_that_the_gate_stopped_the_run(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(SILENT + PATIENT)
    assert run(*ASKED, before(pytester.path, IDS), "--sequential", "--run-report").ret == 10
    folder = pytester.path / "results" / "now"
    looked = verdict(pytester.path)["sequential"]
    seen = f"gate: regressed against before.json; looked at {looked['instances_looked_at']} of 13 instances"
    said = f"{seen}, which decided: the run was stopped, {looked['cells_saved']} cells left out on purpose"
    page = (folder / "reports" / "index.html").read_text(encoding="utf-8").split("<script")[0]
    assert said in page
    assert f"stopped by its gate: {looked['cells_saved']} selected cells left out on purpose" in page
    assert "are needed; the gate stopped the run on purpose, and its verdict holds" in page
    assert "--resume" not in page
    shown = gate_told(folder)
    assert shown == GateTold(said, stopped=True)
    done = {name: pytester.run(*RUNNER, name, "now") for name in ("show", "watch", "validate")}
    assert [one.ret for one in done.values()] == [0, 0, 0]
    assert said in done["show"].outlines
    left = f"left out by the gate: silent {looked['cells_saved']} of 13 cells; coverage "
    assert any(line.startswith(left) for line in done["show"].outlines)
    ended = f"run now was ended by its {said}; its summary: swebench-runner show now"
    assert done["watch"].outlines[-1] == ended
    assert done["validate"].outlines == [
        f"run now is complete: {13 - looked['cells_saved']} cells, 5 files",
        f"its gate was decided without {looked['cells_saved']} cells, left out on purpose",
    ]
    path = folder / "reports" / "gate.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"run": told["run"] | {"digest": "of other results"}}))
    assert gate_told(folder) == GateTold(f"{said} (before the run went on)", stopped=False)
    path.write_text("{}")
    torn = gate_told(folder)
    assert torn is not None
    assert "cannot be read" in torn.line


@WORKERS
def test_a_bet_decides_between_planned_looks_and_goes_on_to_the_same(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(SILENT + PATIENT.replace(">= 7", f">= {BET}"))
    options = (before(pytester.path, IDS), "--sequential=anytime", "--confidence=0.6", *workers)
    result = run(*ASKED, *options)
    assert result.ret == 10
    told = verdict(pytester.path)
    looked = told["sequential"]
    assert (looked["rule"], looked["instances_looked_at"], looked["stopped_early"]) == ("anytime", BET, True)
    found = anytime_bounds([-1.0] * BET, 1 - 0.6)
    assert told["variants"][0]["bounds"] == pytest.approx(found.as_json())
    assert BET not in planned_looks(13)
    result.stdout.fnmatch_lines(
        ["gate: regressed: *a look after each*", f"*gate decided: silent regressed, after {BET} of 13 instances*"]
    )
    assert run(*ASKED, *options).ret == 10
    assert verdict(pytester.path)["sequential"]["instances_looked_at"] == BET


def test_a_path_behind_a_bare_sequential_is_not_taken_for_a_rule(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_cells="def test_nothing(): ...")
    result = run(*ASKED, before(pytester.path, IDS), "--sequential", "test_cells.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--sequential 'test_cells.py': neither planned nor anytime; write --sequential=any" in result.stderr.str()
    assert not (pytester.path / "results" / "now").exists()


def test_a_stopped_run_goes_on_to_the_same_verdict(run: Run, pytester: pytest.Pytester) -> None:
    options = (before(pytester.path, IDS), "--sequential")
    assert run(*ASKED, *options).ret == 10
    done = len(outcomes(pytester.path))
    assert run(*ASKED, *options).ret == 10
    assert verdict(pytester.path)["sequential"]["instances_looked_at"] == 6
    assert done <= len(outcomes(pytester.path)) <= done + 1
    whole = run(*ASKED, options[0])
    assert (whole.ret, len(outcomes(pytester.path))) == (10, 13)
    assert not list(pytester.path.glob("results/now/*gate*"))  # what was decided before is forgotten
    assert run(*ASKED, *options).ret == 10  # with nothing left to run
    assert verdict(pytester.path)["sequential"] is not None


def test_what_a_gate_left_out_is_forgotten_by_a_run_that_goes_on_and_by_no_refused_one(
    run: Run, pytester: pytest.Pytester
) -> None:
    options = (before(pytester.path, IDS), "--sequential")
    assert run(*ASKED, *options).ret == 10
    kept = sorted(pytester.path.glob("results/now/*gate*"))
    assert len(kept) == 2
    assert run(*ASKED[:-2], "--arms=nobody", "--resume=now").ret == pytest.ExitCode.USAGE_ERROR
    assert sorted(pytester.path.glob("results/now/*gate*")) == kept
    assert run(*ASKED, "-k", min(outcomes(pytester.path)).split("/")[0]).ret == 1  # which is done
    assert not list(pytester.path.glob("results/now/*gate*"))


def test_looks_that_decide_nothing_leave_a_whole_run(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*ASKED, before(pytester.path, IDS[:4]), "--sequential")
    assert result.ret == 11
    assert len(outcomes(pytester.path)) == 13
    looked = verdict(pytester.path)["sequential"]
    assert (looked["instances_looked_at"], looked["stopped_early"], looked["cells_saved"]) == (13, False, 0)
    low, high = verdict(pytester.path)["variants"][0]["bounds"]
    assert (low, high) != pytest.approx(bounds(4))  # looking has its price
    assert low < bounds(4)[0]
