from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_swebench.cli.baseline import baseline
from pytest_swebench.cli.command import run
from pytest_swebench.cli.compare import compare_runs
from pytest_swebench.cli.gate_run import gate
from pytest_swebench.errors import InputError
from pytest_swebench.records.layout import write_json
from pytest_swebench.reporting.gate.told import gate_told
from tests.support.graded import put, report, run_of

SAME, WORSE = "R" * 10 + "U" * 10, "R" * 2 + "U" * 18


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs, outside GitHub."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "OUTPUT_DIR"):
        monkeypatch.delenv(name, raising=False)
    run_of(tmp_path / "results", "one", {"a": SAME})
    run_of(tmp_path / "results", "two", {"a": WORSE}, finished_at="2026-01-02T00:00:00+00:00")
    return tmp_path


def gated(*arguments: str) -> Result:
    return CliRunner().invoke(gate, arguments, standalone_mode=False)


def test_gate_returns_the_verdict_and_leaves_it_in_the_run(here: Path) -> None:
    ran = gated("results/two", "--baseline", "one")
    assert ran.return_value.code == 10
    assert ran.output.startswith("gate: regressed: a drop of 3 points against 'one' is tolerated, at 95%\n")
    assert json.loads((here / "results" / "two" / "reports" / "gate_afterwards.json").read_text())["exit"] == 10
    assert not (here / "results" / "one" / "reports").exists()


def test_the_verdict_of_a_run_that_looked_is_left_and_told(here: Path) -> None:
    own = here / "results" / "two" / "reports" / "gate.json"
    looked = {"rule": "planned", "instances_looked_at": 5, "instances_planned": 20, "stopped_early": True}
    write_json(own, {"verdict": "pass", "exit": 0, "sequential": looked})
    left = own.read_bytes()
    ran = gated("two", "--baseline", "one")
    assert ran.return_value.code == 10
    assert (
        "the run's own verdict stands in reports/gate.json, and is left there: pass (exit 0), by looks (planned), "
        "after 5 of 20 instances\n"
    ) in ran.output
    assert own.read_bytes() == left


@pytest.mark.parametrize(
    ("found", "told"),
    [('{"verdict": "pass", "exit": 0, "sequential": null}', True), ("{", False), ("[]", False), ("{}", False)],
)
def test_a_try_is_no_verdict_of_the_run_itself(here: Path, found: str, told: bool) -> None:
    own = here / "results" / "two" / "reports" / "gate.json"
    assert gated("two", "--baseline", "one").return_value.code == 10
    assert gate_told(here / "results" / "two") is None
    own.write_text(found)
    assert ("left there: pass (exit 0)\n" in gated("two", "--baseline", "one").output) is told
    assert own.read_text() == found


def test_a_run_without_a_verdict_is_not_comparable_on_either_side(here: Path) -> None:
    run_of(here / "results", "none", {"a": "C" * 20})
    ran = gated("none", "--baseline", "one", "--gate-markdown", "gate.md")
    assert ran.return_value.code == gated("one", "--baseline", "none").return_value.code == 12
    assert "holds no graded results" in ran.return_value.result["reason"]
    assert (here / "results" / "none" / "reports" / "gate_afterwards.json").exists()
    assert (here / "gate.md").read_text().startswith("## SWE-bench gate: not comparable\n")


def test_gate_takes_limits_and_mode(here: Path) -> None:
    assert gated("two", "--baseline", "one", "--max-drop", "70pp").return_value.code == 0
    assert gated("two", "--baseline", "one", "--max-drop", "30pp").return_value.code == 11
    assert gated("two", "--baseline", "one", "--max-drop", "30pp", "--gate", "lenient").return_value.code == 0
    assert gated("two", "--baseline", "one", "--gate", "report").return_value.code == 0
    refused = gated("two", "--baseline", "one", "--max-drop", "3")
    assert isinstance(refused.exception, InputError)
    assert "--max-drop '3': neither points nor a share below 1" in str(refused.exception)


def test_gate_writes_its_page_and_takes_the_rule_on_new_failures(here: Path) -> None:
    run_of(here / "results", "thrice", {"a": [SAME] * 3})
    run_of(here / "results", "later", {"a": ["U" + SAME[1:]] * 3}, finished_at="2026-01-02T00:00:00+00:00")
    options = ("later", "--baseline", "thrice", "--max-drop", "30pp")
    assert gated(*options).return_value.code == 0
    assert gated(*options, "--fail-on-new-failures", "1", "--gate-markdown", "gate.md").return_value.code == 10
    page = (here / "gate.md").read_text()
    assert page.startswith("## SWE-bench gate: regressed\n")
    assert "1 of 10 stable instances newly fail, and 1 are enough" in page


def test_a_page_that_cannot_be_written_leaves_the_verdict(here: Path) -> None:
    ran = gated("two", "--baseline", "one", "--gate-markdown", "none/gate.md")
    assert ran.return_value.code == 10
    assert "the verdict of the gate could not be written: [Errno 2] the folder of the page does not exist" in ran.output
    assert not (here / "none").exists()


def test_a_saved_baseline_is_a_run_to_gate_and_to_compare(here: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(baseline, ["save", "main", "one"]).exit_code == 0
    assert runner.invoke(baseline, ["save", "next", "two"]).exit_code == 0
    assert gated("next", "--baseline", "main").return_value.code == 10
    compared = runner.invoke(compare_runs, ["main", "next"], standalone_mode=False)
    assert compared.return_value.result["comparisons"][0]["numbers"]["difference"] == pytest.approx(-0.4)
    itself = runner.invoke(compare_runs, ["main", "one"], standalone_mode=False)
    assert isinstance(itself.exception, InputError)
    assert "hold the same results, and nothing differs from itself" in str(itself.exception)


def test_missing_baseline_is_not_comparable(here: Path) -> None:
    ran = gated("two", "--baseline", "main")
    assert ran.return_value.code == 12
    assert "there is no such path, saved baseline (none) or run" in " ".join(ran.output.split())
    assert max(map(len, ran.output.splitlines())) <= 80


def test_missing_run_is_an_error(here: Path) -> None:
    ran = gated("three", "--baseline", "one")
    assert isinstance(ran.exception, InputError)
    assert "unknown run 'three'" in str(ran.exception)


def test_gate_prints_json_and_nothing_beside_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run(["gate", "two", "--baseline", "one", "--json"]) == 10
    out, err = capfd.readouterr()
    told = json.loads(out)
    assert (told["ok"], told["exit_code"], told["result"]["verdict"]) == (False, 10, "regressed")
    assert told["error"]["type"] == "Regressed"
    assert told["error"]["message"].startswith("gate: regressed: a drop of 3 points against 'one'")
    assert err.startswith("::error title=SWE-bench gate::")


def test_results_of_other_tools_are_judged_and_left_as_they_are(here: Path) -> None:
    path = put(here / "theirs" / "report.json", report([f"acme__acme-{n:02}" for n in range(20)]))
    assert gated(str(path), "--baseline", "one").return_value.code == 0
    assert [one.name for one in path.parent.iterdir()] == ["report.json"]


def test_baselines_are_saved_listed_and_gated_against(here: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(baseline, ["list"]).output.startswith("no baseline is saved; swebench-runner baseline save")
    saved = runner.invoke(baseline, ["save", "main", "one"])
    assert saved.output.startswith("saved: baselines/main.json (")
    assert "main: 20 instances, a (20 cells); of one, saved 2" in runner.invoke(baseline, ["list"]).output
    assert gated("two", "--baseline", "main").return_value.code == 10
    again = runner.invoke(baseline, ["save", "main", "two"])
    assert isinstance(again.exception, InputError)
    assert runner.invoke(baseline, ["save", "main", "two", "--replace"]).exit_code == 0
    itself = gated("two", "--baseline", "main")
    assert itself.return_value.code == 12
    assert "hold the same results, and nothing differs from itself" in itself.output
