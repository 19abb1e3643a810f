"""`swebench-runner run` with a gate: the verdict is the exit code of the command, as it is of pytest."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.cli.running import Run
from tests.cli.running import env as env
from tests.cli.running import run as run
from tests.plugin.gated import IDS, SILENT
from tests.support.graded import put, report
from tests.support.llm_server import LLMServer, Status

WORKERS = pytest.mark.parametrize("workers", [(), ("--max-workers", "2")], ids=["serial", "xdist"])
ASKED = ("-d", "demo", "--arms", "silent", "--run-id", "now")


@pytest.fixture
def gated(tmp_path: Path, run: Run) -> Run:
    """Run `swebench-runner run` on the demo, with an arm that resolves nothing and takes no time."""
    (tmp_path / "conftest.py").write_text(SILENT)
    return partial(run, "run", *ASKED)


def before(folder: Path, resolved: int) -> str:
    """Write an official report that resolves so many as the baseline, and return the option that names it."""
    put(folder / "before.json", report(IDS[:resolved], IDS[resolved:]))
    return "--baseline=before.json"


def test_regressed_is_10_in_words_and_in_json(gated: Run, tmp_path: Path) -> None:
    found = gated("--json", "--", before(tmp_path, 13))
    told = json.loads(found.stdout)
    assert (found.returncode, told["exit_code"], told["error"]["type"]) == (10, 10, "Regressed")
    assert told["error"]["message"].startswith("gate: regressed: a drop of 3 points against 'before.json'")
    assert (told["result"]["gate"]["verdict"], told["result"]["pytest_exit_code"]) == ("regressed", 10)
    assert told["result"]["cells"]["no_patch"] == 13
    again = gated("--", before(tmp_path, 13), "--gate=report")
    assert again.returncode == 0, again.stderr


def test_a_pass_is_0_and_what_fails_beside_it_is_1(gated: Run, tmp_path: Path) -> None:
    passing = (before(tmp_path, 1), "--max-drop=90pp")
    (tmp_path / "test_mixed.py").write_text(
        "import pytest\n"
        "@pytest.mark.experiment\ndef test_cell(experiment): experiment.judge()\n"
        "@pytest.mark.experiment\ndef test_other(): assert 1 == 2\n"
    )
    beside = gated("--", *passing, "test_mixed.py")
    assert beside.returncode == 1
    assert "gate: pass: " in beside.stderr
    assert "but something beside the cells failed" in beside.stderr
    alone = gated("--", *passing, "test_mixed.py", "--deselect=test_mixed.py::test_other")
    assert alone.returncode == 0, alone.stderr


@WORKERS
@pytest.mark.parametrize(("resolved", "drop", "code"), [(13, "3pp", 10), (1, "95pp", 0)])
def test_a_decision_on_the_way_is_no_interrupt_and_what_is_left_out_no_lack(
    gated: Run, tmp_path: Path, workers: tuple[str, ...], resolved: int, drop: str, code: int
) -> None:
    found = gated(*workers, "--", before(tmp_path, resolved), f"--max-drop={drop}", "--sequential")
    assert found.returncode == code, found.stdout + found.stderr
    assert "left_by_gate=" in found.stdout or workers
    assert "not_run=" not in found.stdout
    assert "infra=" not in found.stdout


def test_a_refused_key_is_12_and_3_where_the_gate_only_reports(gated: Run, tmp_path: Path) -> None:
    # no preflight: it would meet the refusal before the run does
    with LLMServer([Status(401)]) as server:
        asked = ("--arms", "singleshot", "--provider", "openai", "--model", "demo-model", "--no-preflight", "--json")
        more = ("--", f"--provider-url={server.openai_url}", "--price=1,1", before(tmp_path, 13))
        found = gated(*asked, *more, LLM_API_KEY="test-key-12345")
        forgiving = gated(*asked, "--run-id", "other", *more, "--gate=report", LLM_API_KEY="test-key-12345")
    told = json.loads(found.stdout)
    assert (found.returncode, told["error"]["type"]) == (12, "NotComparable"), found.stderr
    assert "the run was stopped before its end: openai 'demo-model' at" in told["error"]["message"]
    assert told["error"]["fix"] == "correct that one, or set another, then go on with --resume=now"
    other = json.loads(forgiving.stdout)
    assert (forgiving.returncode, other["error"]["type"]) == (3, "ProviderRefused"), forgiving.stderr


def test_not_comparable_is_12_before_anything_is_run(gated: Run, tmp_path: Path) -> None:
    found = gated("--", "--baseline=main", "--gate-markdown=gate.md", GITHUB_ACTIONS="true")
    assert found.returncode == 12
    assert "gate: not comparable: --baseline 'main': there is no such path" in found.stderr
    assert not (tmp_path / "results" / "now").exists()
    assert (tmp_path / "gate.md").read_text().startswith("## SWE-bench gate: not comparable\n")
    assert any(line.startswith("::error title=SWE-bench gate::") for line in found.stderr.splitlines())
