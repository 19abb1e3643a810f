"""What the commands of the analysis say of bad input: one sentence each, no traceback and no number made up."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_swebench.cli.command import run
from pytest_swebench.records.layout import write_json
from tests.support.graded import IDS, put, report, run_of

GOOD, BAD = "R" * 12 + "U" * 8, "R" * 6 + "U" * 14
LATER = "2026-01-03T00:00:00+00:00"
Says = Callable[..., str]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results, with the run `good`, in the folder that the commands stand in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "OUTPUT_DIR"):
        monkeypatch.delenv(name, raising=False)
    run_of(tmp_path / "results", "good", {"a": GOOD, "b": BAD})
    return tmp_path / "results"


@pytest.fixture
def says(capfd: pytest.CaptureFixture[str]) -> Says:
    """Run a command line and return what it printed, on both streams, if it ended with `code`."""

    def told(words: str, code: int = 0) -> str:
        ended = run([*shlex.split(words), "--no-input"])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert ended == code, out + err
        return out + err

    return told


RUNS = ("compare", "plan", "gate --baseline good", "report", "analyze-errors", "visualize", "baseline save x")


@pytest.mark.parametrize("command", RUNS)
def test_a_run_that_is_none_is_answered_with_the_nearest(command: str, results: Path, says: Says) -> None:
    text = says(f"{command} godo", 1)
    assert f"unknown run 'godo'; did you mean 'good'? known: good; runs lie in {str(results)!r}" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("command", [name for name in RUNS if name != "plan"])
def test_without_any_run_it_is_said_how_to_make_one(command: str, results: Path, says: Says) -> None:
    shutil.rmtree(results)
    text = says(command, 1)
    assert text == f"swebench-runner: RUN: there is no run in {str(results)!r} yet; swebench-runner run makes one\n"


@pytest.mark.parametrize("command", ["report", "analyze-errors", "visualize", "show", "validate"])
def test_a_folder_without_a_run_is_refused_as_that(command: str, results: Path, says: Says) -> None:
    (results.parent / "notes").mkdir()
    assert "'notes' holds no run: it has no journal/*.jsonl; give results/<run id>" in says(f"{command} notes", 1)


@pytest.mark.parametrize("command", ["report", "analyze-errors"])
def test_a_folder_of_runs_means_its_latest(command: str, results: Path, says: Says) -> None:
    moved = results.rename(results.parent / "others")
    assert str(moved / "good") in says(f"{command} others")


def test_incomplete_run_is_not_compared_and_no_baseline(results: Path, says: Says) -> None:
    run_of(results, "half", {"a": "R" * 12, "b": "U" * 5})
    text = says("compare half")
    assert "not comparable: b: 5 of 20 cells have an answer (25.0%), and 90% are needed; go on with --resume" in text
    assert "both variants do the same, so it tells no variance" in says("plan half", 1)
    assert "a: not comparable: a: 12 of 20 cells have an answer (60.0%)" in says("gate half --baseline good", 12)
    assert "a has an answer in 12 of 20 cells, and a baseline needs 90%" in says("baseline save main half", 1)
    assert "(17 cells, " in says("report half")


def test_versions_that_differ_are_told_between_runs_and_within_one(results: Path, says: Says) -> None:
    run_of(results, "old", {"a": GOOD, "b": BAD}, swebench="4.1.0", finished_at=LATER)
    assert "differs: swebench: 5.0.2 against 4.1.0" in says("compare good old")
    gated = says("gate old --baseline good", 12)
    assert "made under other conditions: swebench: 5.0.2 against 4.1.0; run the baseline again" in gated
    plan = results / "old" / "plans" / "p.json"
    data = json.loads(plan.read_text(encoding="utf-8"))
    data["variants"]["b"]["versions"]["swebench"] = "5.0.2"
    write_json(plan, data)
    assert "old: its cells differ in swebench: 4.1.0, 5.0.2" in says("compare old")


def test_nothing_resolved_is_said_and_gives_no_cost_for_it(results: Path, says: Says) -> None:
    run_of(results, "zero", {"a": "U" * 20, "null": "U" * 20})
    text = says("compare zero --baseline-variant null")
    assert "a: nothing at all is resolved; `analyze-errors` tells why" in text
    assert [line.split()[-1] for line in text.splitlines() if line.startswith(("a ", "null "))][:2] == ["-", "-"]
    assert "no difference shown; differences beyond [-13.4 pp, +13.4 pp] excluded" in text
    assert "a@zero resolves nothing, so there is nothing to drop from" in says("gate good --baseline zero", 12)
    assert "40 of 40 cells failed" in says("analyze-errors zero")


def test_one_instance_tells_nothing_of_others(results: Path, says: Says) -> None:
    run_of(results, "single", {"a": "R", "b": "U"}, ids=IDS[:1])
    text = says("compare single")
    assert "not comparable: a single instance has an answer of both b and a" in text
    assert "better" not in text
    assert "answers of both variants for 1 of its instances, which tells no variance" in says("plan single", 1)
    assert "one instance has an answer of both" in says("gate single --baseline good", 12)


def test_one_variant_has_nothing_to_be_compared_with(results: Path, says: Says) -> None:
    run_of(results, "alone", {"a": GOOD}, finished_at=LATER)
    assert "'alone' has one variant (a), and a comparison takes two; give another run" in says("compare alone", 1)
    assert "the pilot has one variant (a), and a plan is for two" in says("plan alone", 1)
    assert "left out: pairwise_effect_sizes: no two variants" in says("visualize alone")


def test_pilot_with_the_reference_patch_says_why_it_counts_for_none(results: Path, says: Says) -> None:
    run_of(results, "framed", {"gold": GOOD, "b": BAD, "null": "U" * 20}, oracles=["gold"])
    text = says("plan framed", 1)
    assert "variants b, gold, null (gold, null: only what frames the others); name the two to plan for" in text
    assert "assumed: the pilot, b against gold on 20 instances" in says("plan framed --variant gold --variant b")


def test_cells_without_an_answer_make_no_number(results: Path, says: Says) -> None:
    run_of(results, "broken", {"a": "I" * 20, "b": "I" * 20})
    text = says("compare broken")
    assert [line.split() for line in text.splitlines() if line[:2] in ("a ", "b ")][:2] == [
        ["a", "0/0/20", "-", "-", "-"],
        ["b", "0/0/20", "-", "-", "-"],
    ]
    assert "left out: pass_rate_comparison: no cell has an answer that counts" in says("visualize broken")


@pytest.mark.parametrize("pattern", ["C" * 20, ""], ids=["captured", "not begun"])
def test_runs_without_a_verdict_are_refused(pattern: str, results: Path, says: Says) -> None:
    run_of(results, "none", {"a": pattern, "b": pattern})
    put(results / "none" / "journal" / "main-2.jsonl", "")
    codes = {"compare none": 1, "plan none": 1, "gate none --baseline good": 12, "baseline save x none": 1}
    for command, code in codes.items():
        told = says(command, code)
        assert "holds no graded results, though it is a run" in told
        assert ("40 patches without a verdict, so no rate and no comparison; " in told) is bool(pattern)
        assert ("give results/<run id>" in told) is not bool(pattern)
    assert "has no cell that a chart could show" in says("visualize none", 1)
    told = "all 40 recorded cells are resolved or captured" if pattern else "No cell of this run has a record yet"
    assert told in says("analyze-errors none")


def test_missing_plans_are_told_of(results: Path, says: Says) -> None:
    for name in ("plans", "manifests"):
        shutil.rmtree(results / "good" / name)
    assert "good: its plan is gone, so cells without a record do not show" in says("compare good")
    says("report good")
    says("analyze-errors good")


@pytest.mark.parametrize("file", ["plans/p.json", "selected.json", "manifests/m.json", "manifests/m.jsonl"])
@pytest.mark.parametrize("command", ["compare", "report", "baseline save x"])
def test_damaged_file_of_a_run_is_named(command: str, file: str, results: Path, says: Says) -> None:
    path = put(results / "good" / file, "{" * 5000)
    assert str(path) in says(f"{command} good", 1)


def test_what_a_command_does_not_need_may_be_damaged(results: Path, says: Says) -> None:
    put(results / "good" / "manifests" / "m.jsonl", "{" * 5000)
    assert "22 of 40 cells failed" in says("analyze-errors good")


def test_damaged_lines_are_left_out_and_counted(results: Path, says: Says) -> None:
    (journal,) = (results / "good" / "journal").glob("*.jsonl")
    journal.write_bytes(journal.read_bytes()[:-200] + b"\n{torn\n")
    text = says("compare good")
    assert "good: 2 damaged lines of the journals are left out" in text
    assert "1 instance dropped" in text


NO_RESULTS = {
    "nobody.json": "there is no such file or folder; give results/<run id>",
    "empty.json": "is not valid JSON",
    "list.json": "holds no graded results of any known shape",
    "binary.json": "cannot be read: it is no text in UTF-8",
    "odd/odd_report.json": "'resolved_ids' must be a list of instance ids, found 3",
    "patches/preds.jsonl": "holds patches, and no official report on them lies beside it",
    "notes": "holds nothing that says what is resolved",
    "torn.eval": "cannot be read as a log of Inspect",
}


@pytest.mark.parametrize("file", NO_RESULTS)
def test_files_that_hold_no_results_are_told_apart(file: str, results: Path, says: Says) -> None:
    here = results.parent
    put(here / "empty.json", "")
    put(here / "list.json", [1, 2])
    (here / "binary.json").write_bytes(bytes(range(256)))
    put(here / "odd" / "odd_report.json", {"resolved_ids": 3})
    put(here / "patches" / "preds.jsonl", {"instance_id": IDS[0], "model_name_or_path": "m", "model_patch": "diff"})
    (here / "notes").mkdir()
    put(here / "torn.eval", "PK")
    for command in (f"compare {file} good", f"plan {file}", f"gate {file} --baseline good", f"baseline save x {file}"):
        assert NO_RESULTS[file] in says(command, 1)


def test_baselines_that_cannot_be_one_are_no_pass(results: Path, says: Says) -> None:
    put(results.parent / "baselines" / "empty.json", "")
    put(results.parent / "others.json", report(["other__other-1"], ["other__other-2"]))
    for baseline, why in (
        ("empty", "is not valid JSON"),
        ("nobody", "there is no such path, saved baseline (empty) or run"),
        ("good", "nothing differs from itself"),
        ("others.json", "have no instance in common"),
    ):
        text = says(f"gate good --baseline {baseline}", 12)
        assert text.startswith("gate: not comparable: ")
        assert why in text
    says("baseline save copy good")
    assert "hold the same results, and nothing differs from itself" in says("gate good --baseline copy", 12)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("compare good --baseline-variant c", "--baseline-variant: unknown variant 'c'; known: a, b"),
        ("compare good good", "hold the same results, and nothing differs from itself; give the other run"),
        ("compare good --list -1", "-1 is not in the range x>=0"),
        ("plan good --variant c", "plan: unknown variant 'c'; known: a, b"),
        ("plan --power 2", "--power 2.0: a chance between 0.05 and 1 is needed"),
        ("plan --effect 0", "--effect: 0.0 is no difference between 0 and 1"),
        ("analyze-errors good --results other", "RUN 'good' and --results 'other' name two runs; give one of them"),
        ("visualize good --resolved nobody.json", "--resolved 'nobody.json': "),
        ("visualize good --output-dir results/good/plans/p.json", "give another place with --output-dir"),
        ("report good -o results/good/plans/p.json/x.html", "give another place with --output"),
        ("baseline save ../x good", "NAME '../x': may hold letters, digits and . _ + - only"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(words: str, said: str, results: Path, says: Says) -> None:
    assert said in says(words, 1)


NO_PATHS = ("a" * 300, "~nobody-of-that-name/run", f"{'a' * 300}/b/c")


@pytest.mark.parametrize("name", NO_PATHS)
@pytest.mark.parametrize("command", ["compare", "gate --baseline good", "watch", "show"])
def test_what_no_path_can_be_names_no_run(command: str, name: str, results: Path, says: Says) -> None:
    assert len(says(f"{command} {name}", 1).splitlines()) == 1


@pytest.mark.parametrize("name", NO_PATHS)
def test_what_no_path_can_be_is_no_baseline(name: str, results: Path, says: Says) -> None:
    text = says(f"gate good --baseline {name}", 12)
    assert f"--baseline {name!r}: there is no such path, saved baseline (none) or run" in text


def test_baseline_that_cannot_be_written_is_said_to_be(results: Path, says: Says) -> None:
    assert "cannot be written: File name too long; make room there" in says(f"baseline save {'a' * 250} good", 1)


@pytest.mark.parametrize("name", ["x__x-1\n::error::y", "x__x-1\x1b[2J", "x__x-1\u202e", "x__x-1\ud800"])
def test_names_that_a_terminal_would_act_upon_are_no_results(name: str, results: Path, says: Says) -> None:
    put(results.parent / "others.json", report([name]))
    text = says("gate good --baseline others.json", 12)
    assert f"holds the name {name!r}, with characters that cannot be shown" in text
    assert text.replace("\n", "").isprintable()
