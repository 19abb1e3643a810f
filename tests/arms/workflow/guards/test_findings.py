from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards import findings
from pytest_swebench.arms.workflow.guards.findings import Findings
from pytest_swebench.arms.workflow.shapes import ContextRead, Shape, Snippet

ANALYSIS = {
    "bug_type": "logic",
    "root_cause_hypothesis": "the sign is wrong",
    "affected_components": ["add"],
    "files": ["calc.py"],
    "fix_approach": "add",
    "confidence": "high",
}
LOCALIZATION = {"files": ["./calc.py", "pkg/core.py"], "functions": ["add"], "reasoning": "it subtracts"}
STRUCTURE = {"packages": ["pkg", "."], "entry_points": ["calc.py"], "test_folders": ["tests"], "summary": "small"}
ROOT_CAUSE = {"cause": "minus", "triggers": ["add(1, 2)"], "files": ["calc.py"], "confidence": "high"}
SNIPPET = {"file": "calc.py", "code": "def add(a, b):\n  return a - b", "relevance": "the fault"}
CONTEXT = {"snippets": [SNIPPET], "summary": "one function"}
TESTS = {"files": ["tests/test_calc.py"], "conventions": "pytest"}
APPROACH = {"steps": ["turn the sign"], "files": ["calc.py", "new.py"], "reasoning": ""}
IMPACT = {"risk": "low", "affected_components": [], "affected_tests": ["tests/test_calc.py"], "compatibility": "none"}
PLANNED = {"file": "calc.py", "new_file": False, "change": "turn the sign"}
PLAN = {"edits": [PLANNED, {"file": "new.py", "new_file": True, "change": "make it"}], "reasoning": ""}
REVIEW = {"verdict": "approve", "backtrack_target": "", "comments": ""}

GOOD = [
    (findings.ANALYSIS, ANALYSIS),
    (findings.LOCALIZATION, LOCALIZATION),
    (findings.CLASSIFICATION, {"category": "trivial_fix", "complexity": 1, "reasoning": "one sign"}),
    (findings.STRUCTURE, STRUCTURE),
    (findings.ROOT_CAUSE, ROOT_CAUSE),
    (findings.CONTEXT, CONTEXT),
    (findings.LOCALISED_TESTS, TESTS),
    (findings.FIX_APPROACH, APPROACH),
    (findings.IMPACT, IMPACT),
    (findings.EDIT_PLAN, PLAN),
    (findings.REVIEW_SCHEMA, REVIEW),
    (findings.REVIEW_SCHEMA, REVIEW | {"verdict": "revise", "comments": "name it better"}),
    (findings.REVIEW_SCHEMA, {"verdict": "backtrack", "backtrack_target": "analysis", "comments": "wrong file"}),
]
BAD = [
    (findings.ANALYSIS, ANALYSIS | {"root_cause_hypothesis": " "}, "root_cause_hypothesis: must not be empty"),
    (findings.ANALYSIS, ANALYSIS | {"fix_approach": ""}, "fix_approach: must not be empty"),
    (findings.ANALYSIS, ANALYSIS | {"files": [""]}, "files: must name at least one"),
    (
        findings.ANALYSIS,
        ANALYSIS | {"files": ["a/calc.py", "/etc/passwd", "qqq", "zzz"]},
        "files: no such file in the repository: 'a/calc.py', '/etc/passwd', 'qqq' and 1 more; "
        "for 'a/calc.py' there is 'calc.py'",
    ),
    (
        findings.LOCALIZATION,
        LOCALIZATION | {"files": ["calc.py"] * 6},
        "files: 6 are too many; name at most 5, those that must change",
    ),
    (
        findings.LOCALIZATION,
        LOCALIZATION | {"files": ["tests/test_calc.py", "conftest.py"]},
        "files: 'tests/test_calc.py', 'conftest.py' hold tests; name only source files to change",
    ),
    (
        findings.LOCALIZATION,
        LOCALIZATION | {"files": ["pkg/cores.py"]},
        "files: no such file in the repository: 'pkg/cores.py'; for 'pkg/cores.py' there is 'pkg/core.py'",
    ),
    (
        findings.CLASSIFICATION,
        {"category": "refactor", "complexity": 5, "reasoning": ""},
        "reasoning: must not be empty",
    ),
    (
        findings.STRUCTURE,
        STRUCTURE | {"packages": ["lib"], "summary": ""},
        "summary: must not be empty\npackages: no such folder in the repository: 'lib'",
    ),
    (findings.STRUCTURE, STRUCTURE | {"entry_points": []}, "entry_points: must name at least one"),
    (
        findings.STRUCTURE,
        STRUCTURE | {"test_folders": ["../tests"]},
        "test_folders: no such folder in the repository: '../tests'",
    ),
    (findings.ROOT_CAUSE, ROOT_CAUSE | {"triggers": []}, "triggers: must name at least one"),
    (
        findings.ROOT_CAUSE,
        ROOT_CAUSE | {"cause": "", "files": []},
        "cause: must not be empty\nfiles: must name at least one",
    ),
    (findings.CONTEXT, CONTEXT | {"snippets": []}, "snippets: must name at least one"),
    (
        findings.CONTEXT,
        CONTEXT | {"snippets": [SNIPPET | {"file": "core.py"}]},
        "snippets: no such file in the repository: 'core.py'; for 'core.py' there is 'pkg/core.py'",
    ),
    (
        findings.CONTEXT,
        CONTEXT | {"snippets": [SNIPPET | {"code": "return a * b"}]},
        "snippets: the code given for 'calc.py' does not stand there; copy lines as they are in the file",
    ),
    (findings.CONTEXT, CONTEXT | {"snippets": [SNIPPET | {"code": " "}]}, "snippets: one holds no code"),
    (findings.LOCALISED_TESTS, TESTS | {"files": []}, "files: must name at least one"),
    (findings.FIX_APPROACH, APPROACH | {"steps": [" "]}, "steps: must name at least one"),
    (findings.FIX_APPROACH, APPROACH | {"files": []}, "files: must name at least one"),
    (
        findings.FIX_APPROACH,
        APPROACH | {"files": ["qqq"]},
        "files: no such file in the repository: 'qqq'",
    ),
    (findings.IMPACT, IMPACT | {"compatibility": ""}, "compatibility: must not be empty"),
    (
        findings.IMPACT,
        IMPACT | {"affected_tests": ["qqq"]},
        "affected_tests: no such file in the repository: 'qqq'",
    ),
    (findings.EDIT_PLAN, PLAN | {"edits": []}, "edits: must name at least one"),
    (
        findings.EDIT_PLAN,
        PLAN | {"edits": [PLANNED | {"file": "qqq"}]},
        "edits: no such file in the repository: 'qqq'",
    ),
    (
        findings.EDIT_PLAN,
        PLAN | {"edits": [PLANNED | {"new_file": True, "change": ""}]},
        "edits: 'calc.py' exist already; set new_file to false to change them\nedits: one does not say what to change",
    ),
    (
        findings.REVIEW_SCHEMA,
        REVIEW | {"verdict": "backtrack"},
        "backtrack_target: name the step to do again\ncomments: say what has to change",
    ),
    (
        findings.REVIEW_SCHEMA,
        REVIEW | {"backtrack_target": "analysis"},
        "backtrack_target: 'analysis' goes with the verdict 'backtrack' alone; leave it empty",
    ),
]


@pytest.mark.parametrize(("guard", "fields"), GOOD)
def test_good_answer_passes(guard: Findings, fields: dict[str, Any], given: Given) -> None:
    report = guard.check(answer(guard, fields), given)
    assert (report.passed, report.feedback, report.guard) == (True, "", guard.name)


@pytest.mark.parametrize(("guard", "fields", "feedback"), BAD)
def test_bad_answer_is_told_what_to_mend(guard: Findings, fields: dict[str, Any], feedback: str, given: Given) -> None:
    report = guard.check(answer(guard, fields), given)
    assert (report.passed, report.fatal) == (False, False)
    assert report.feedback == feedback


def answer(guard: Findings, fields: dict[str, Any]) -> Shape:
    return guard.judges.model_validate(fields)


def test_a_link_to_nowhere_holds_no_code(given: Given) -> None:
    read = ContextRead(snippets=[Snippet(file="nowhere.py", code="x = 1", relevance="")], summary="s")
    assert findings.CONTEXT.check(read, given).feedback.startswith("snippets: the code given for 'nowhere.py' does not")


def test_names_in_messages_are_short(given: Given) -> None:
    read = ContextRead(snippets=[Snippet(file="x" * 100_000, code="x = 1", relevance="")], summary="s")
    assert len(findings.CONTEXT.check(read, given).feedback) < 1_000
