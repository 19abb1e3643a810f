"""Real benchmark instances in real containers, as items of a real run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import LLMServer, ScriptedAnswer, prompt_text

# small and quick; SWEBENCH_REAL_INSTANCES=all runs all of them
FEW = ("django__django-16901", "pytest-dev__pytest-10356", "sympy__sympy-24661")


@pytest.fixture
def rows(
    real_rows: dict[str, dict[str, Any]], real_row: Callable[[str], dict[str, Any]], pytester: pytest.Pytester
) -> dict[str, dict[str, Any]]:
    """Write the chosen rows to `rows.jsonl` and return them."""
    wanted = real_rows if os.environ.get("SWEBENCH_REAL_INSTANCES") == "all" else FEW
    found = {name: real_row(name) for name in wanted}
    pytester.path.joinpath("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found.values()))
    return found


def test_gold_resolves_and_null_does_not(run: Run, pytester: pytest.Pytester, rows: dict[str, dict[str, Any]]) -> None:
    options = ("--dataset=rows.jsonl", "--arms", "gold,null", "-n", 2, "--outcome", "capture")
    result = run("-m", "experiment", *options, timeout_s=900)
    result.assert_outcomes(passed=2 * len(rows))
    ended = outcomes(pytester.path)
    assert ended == {
        f"{name}/{arm}/r1": outcome for name in rows for arm, outcome in (("gold", "resolved"), ("null", "unresolved"))
    }
    for record in records(pytester.path):
        row, tests = rows[record["instance_id"]], record["verdict"]["tests"]
        fixed, kept = json.loads(row["FAIL_TO_PASS"]), json.loads(row["PASS_TO_PASS"])
        resolved = record["variant"] == "gold"
        assert tests["FAIL_TO_PASS"] == {"success": fixed if resolved else [], "failure": [] if resolved else fixed}
        assert tests["PASS_TO_PASS"] == {"success": kept, "failure": []}


@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_singleshot_over_a_real_wire(
    run: Run, pytester: pytest.Pytester, rows: dict[str, dict[str, Any]], wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = FEW[0]
    wrong = "diff --git a/README.rst b/README.rst\n--- /dev/null\n+++ b/notes.txt\n@@ -0,0 +1 @@\n+no fix\n"
    patches = iter([rows[chosen]["patch"], wrong.replace("README.rst", "notes.txt", 2)])

    def answer(body: dict[str, Any]) -> ScriptedAnswer:
        text = prompt_text(body)
        assert rows[chosen]["problem_statement"].splitlines()[0] in text
        assert rows[chosen]["test_patch"] not in text
        return ScriptedAnswer(text=f"Here it is.\n\n```diff\n{next(patches)}```\n", usage={"input": 900, "output": 80})

    monkeypatch.setenv("LLM_API_KEY", "canary-0123456789")
    with LLMServer(answer) as server:
        url = server.anthropic_url if wire == "anthropic" else server.openai_url
        options = ("--provider", wire, "--provider-url", url, "--model", "some-model", "--arms", "singleshot")
        options += (
            "--dataset=rows.jsonl",
            "--instance-ids",
            chosen,
            "--count",
            2,
            "--outcome",
            "capture",
            "--price=1,2",
        )
        result = run("-m", "experiment", *options, timeout_s=300)
        result.assert_outcomes(passed=2)
        assert len(server.requests) == 2
    assert outcomes(pytester.path) == {f"{chosen}/singleshot/r1": "resolved", f"{chosen}/singleshot/r2": "unresolved"}
    for record in records(pytester.path):
        assert (record["tokens"]["input"], record["tokens"]["output"]) == (900, 80)
        assert record["image_digest"].startswith("sha256:")
        assert record["stop"] == "submitted"
    written = [path for path in pytester.path.glob("results/**/*") if path.is_file()]
    assert not [path for path in written if b"canary-0123456789" in path.read_bytes()]
