"""What a cell leaves on disk: all of it, nothing secret, and nothing that an earlier attempt could lend."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.cell import Cell
from pytest_swebench.errors import RecordError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.journal import Journal
from pytest_swebench.records.results import merge
from pytest_swebench.redact import Redactor
from pytest_swebench.run import run_cell
from tests.run.bench import INSTANCES, NAME, SECRET, Bench, OwnArm, raising


def test_patch_of_undecodable_bytes_is_graded_and_recorded(bench: Bench) -> None:
    def work(context: SolveContext) -> Solution:
        patch = b"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+caf\xe9\n"
        return Solution(patch=patch.decode(errors="surrogateescape"))

    result = bench.run(OwnArm(work))
    assert result.outcome is Outcome.UNRESOLVED
    assert result.record["verdict"]["applied"] is True
    assert bench.entries()[-1]["record"] == result.record
    assert b"+caf\xe9\n" in (bench.cell_folder("own") / "patch.diff").read_bytes()


def test_secrets_in_an_answer_reach_no_file(bench: Bench) -> None:
    bench.run(OwnArm(lambda context: Solution(response_text=SECRET, notes=f"key={SECRET}")))
    files = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_arms_can_take_secrets_out_of_their_own_files(bench: Bench) -> None:
    kept: list[Any] = []
    bench.run(OwnArm(lambda context: Solution(notes=str(kept.append(context.redact({"said": [SECRET]}))))))
    assert kept == [{"said": ["[redacted]"]}]


def test_secrets_in_a_patch_and_in_what_its_tests_print_reach_no_file(bench: Bench) -> None:
    hidden = INSTANCES[NAME].hidden
    hidden = dataclasses.replace(hidden, eval_script=f"{hidden.eval_script}\necho {SECRET}\n")
    bench.instances[NAME] = dataclasses.replace(INSTANCES[NAME], hidden=hidden)
    new = f"diff --git a/k b/k\nnew file mode 100644\n--- /dev/null\n+++ b/k\n@@ -0,0 +1 @@\n+{SECRET}\n"
    result = bench.run(OwnArm(lambda context: Solution(patch=hidden.gold_patch + new)))
    assert result.outcome is Outcome.RESOLVED
    assert "+[redacted]" in (bench.cell_folder("own") / "patch.diff").read_text(encoding="utf-8")
    assert "\n[redacted]\n" in (bench.cell_folder("own") / "test_output.txt").read_text(encoding="utf-8")
    assert [path for path in bench.folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []


def test_later_attempt_of_another_version_gets_nothing_of_an_earlier_one(bench: Bench) -> None:
    gold = INSTANCES[NAME].hidden.gold_patch
    bench.run(OwnArm(lambda context: Solution(patch=gold)))
    assert (bench.cell_folder("own") / "eval.sh").exists()
    met: list[Path] = []

    def look(context: SolveContext) -> Solution:
        met.extend(path for path in context.folder.parent.rglob("*") if path.is_file())
        return Solution()

    result = bench.run(OwnArm(look, version="2"), attempt=2)
    assert (result.outcome, met) == (Outcome.NO_PATCH, [])
    folder = bench.cell_folder("own")
    assert {path.name for path in folder.iterdir()} == {
        *("attempt1", "record.attempt1.json", "record.attempt2.json", "solved.json")
    }
    aside = {path.name for path in (folder / "attempt1").iterdir()}
    assert aside == {"apply.log", "eval.sh", "patch.diff", "report.json", "solved.json", "test_output.txt"}


def test_attempt_that_lacks_only_its_verdict_is_graded_and_not_solved_again(bench: Bench, tmp_path: Path) -> None:
    hidden = INSTANCES[NAME].hidden
    healed = tmp_path / "healed"
    ground = f"[ -e {healed} ] || {{ echo 'curl: (6) Could not resolve host: example.org'; exit; }}\n"
    hidden = dataclasses.replace(hidden, eval_script=f"#!/bin/bash\n{ground}{hidden.eval_script}")
    bench.instances[NAME] = dataclasses.replace(INSTANCES[NAME], hidden=hidden)
    answers = iter(["said once"])

    def work(context: SolveContext) -> Solution:
        return Solution(patch=hidden.gold_patch, response_text=next(answers))

    assert bench.run(OwnArm(work)).outcome is Outcome.INFRA
    healed.touch()
    result = bench.run(OwnArm(work), attempt=2)
    assert (result.outcome, result.record["attempt"]) == (Outcome.RESOLVED, 2)
    assert (result.record["response_text"], result.record["patch"]) == ("said once", hidden.gold_patch)
    assert bench.phases() == ["solve", "grade", "record", "grade", "record"]


def test_arm_keeps_what_it_leaves_in_its_own_folder(bench: Bench) -> None:
    def work(context: SolveContext) -> Solution:
        (context.folder / "thoughts.txt").write_text("hm")
        return Solution()

    busy, idle = OwnArm(work), OwnArm(lambda context: Solution(), name="idle")
    bench.run(busy)
    bench.run(idle)
    assert busy.seen is not None
    assert idle.seen is not None
    assert [path.name for path in busy.seen.folder.iterdir()] == ["thoughts.txt"]
    assert not idle.seen.folder.exists()


def test_keys_that_are_no_text_are_recorded_as_text(bench: Bench) -> None:
    result = bench.run(OwnArm(lambda context: Solution(tool_calls=({1: "x"},), notes="n")))  # type: ignore[dict-item]
    assert (result.outcome, result.record["tool_calls"]) == (Outcome.NO_PATCH, [{"1": "x"}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tool_calls", ({"x": {1, 2}},)),
        ("tool_calls", 5),
        ("per_step_tokens", {"step": object()}),
        ("response_text", b"x"),
    ],
)
def test_what_no_record_can_hold_is_named_and_the_rest_is_kept(bench: Bench, field: str, value: Any) -> None:
    patch = INSTANCES[NAME].hidden.gold_patch
    result = bench.run(OwnArm(lambda context: Solution(patch=patch, notes="mine", **{field: value})))
    assert (result.outcome, type(result.error)) == (Outcome.ERROR, TypeError)
    assert f"arm 'own' left what no record can hold: {field} (" in result.record["error"]["message"]
    assert (result.record["patch"], result.record["notes"]) == (patch, "mine")
    assert bench.entries()[-1]["record"] == result.record


def test_half_a_surrogate_pair_costs_no_record(bench: Bench) -> None:
    new = "diff --git a/k b/k\nnew file mode 100644\n--- /dev/null\n+++ b/k\n@@ -0,0 +1 @@\n+\ud83d\n"
    left = bench.run(OwnArm(lambda context: Solution(patch=new)))
    raised = bench.run(OwnArm(raising(ValueError("bad \ud83d"))), rep=2)
    assert (left.outcome, left.record["verdict"]["applied"]) == (Outcome.UNRESOLVED, True)
    assert raised.outcome is Outcome.ERROR
    assert raised.record["error"]["message"].startswith("bad \ud83d (at ")
    stored = [entry["record"] for entry in bench.entries() if entry["kind"] == "record"]
    assert stored == [left.record, raised.record]


def test_cell_whose_record_cannot_be_stored_is_not_passed_over(bench: Bench) -> None:
    def work(context: SolveContext) -> Solution:
        (bench.layout.journals / "main.jsonl").unlink()
        return Solution()

    journal = Journal(bench.layout.journals / "main.jsonl" / "below-a-file.jsonl", Redactor())
    bench.layout.journals.mkdir(parents=True)
    (bench.layout.journals / "main.jsonl").write_text("in the way", encoding="utf-8")
    with pytest.raises(RecordError, match=r"below-a-file\.jsonl"):
        run_cell(bench.context(OwnArm(work), journal), Cell(NAME, "own", 1))


def test_patch_with_a_secret_is_graded_as_it_is_and_never_from_what_is_stored(bench: Bench) -> None:
    gold = INSTANCES[NAME].hidden.gold_patch
    new = f"diff --git a/k b/k\nnew file mode 100644\n--- /dev/null\n+++ b/k\n@@ -0,0 +1 @@\n+{SECRET}\n"
    result = bench.run(OwnArm(lambda context: Solution(patch=gold + new)))
    assert result.outcome is Outcome.RESOLVED
    assert result.record["patch_redacted"] is True
    assert "the patch holds a secret" in result.record["notes"]
    assert not (bench.cell_folder("own") / "solved.json").exists()
    merge(bench.layout)
    assert not bench.layout.predictions("own", 1).exists()
