"""Rows of the SWE-bench family: official, Lite, Verified, Multilingual, Multimodal and Pro.

The official package 5.x grades with four columns of the row itself: `image`, `eval_script`, `log_parser` and
`eval_type`. Older rows lack them. Those of the known Python repositories are completed (`classic.py`); others load,
and `Instance.missing_for_grading()` names what they lack. SWE-bench Pro has columns of its own (`pro.py`), and what
an arm must know is spread over problem statement, requirements and interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_swebench.datasets import allowances
from pytest_swebench.datasets.classic import classic_columns, is_classic
from pytest_swebench.datasets.fields import Fields
from pytest_swebench.datasets.instance import PRO, WORKDIR, Hidden, Instance, Problem
from pytest_swebench.datasets.language import language_of
from pytest_swebench.datasets.pro import PRO_WORKDIR, pro_eval_script, pro_image
from pytest_swebench.errors import unknown

COLUMNS: Final = frozenset(
    {
        *("instance_id", "repo", "base_commit", "problem_statement", "version", "difficulty"),
        *("patch", "test_patch", "FAIL_TO_PASS", "PASS_TO_PASS", "hints_text"),
        *("image", "eval_script", "log_parser", "eval_type", "image_assets"),
        *("requirements", "interface", "fail_to_pass", "pass_to_pass", "dockerhub_tag"),
        *("before_repo_set_cmd", "selected_test_files_to_run"),
        *("language", "repo_language", "_spec_md", allowances.COLUMN),
    }
)
"""The columns that an instance is made of."""

_EVAL_TYPES: Final = ("pass_and_fail", "fail_only", "exit_code")


def instance_from_row(row: Mapping[str, Any], *, where: str) -> Instance:
    """Turn one row into an instance; `where` (`file:line`) opens every message. Raises DatasetError."""
    fields = Fields(row, where)
    pro = "requirements" in row or "dockerhub_tag" in row
    problem = Problem(
        instance_id=fields.identifier("instance_id"),
        statement=_statement(fields),
        repo=fields.text("repo", required=True),
        base_commit=fields.text("base_commit", required=True),
        version=fields.text("version"),
        language=language_of(row),
        category=fields.text("difficulty"),
        workdir=PRO_WORKDIR if pro else WORKDIR,
    )
    derived = _derived(fields, problem, pro=pro)
    return Instance(
        problem=problem,
        hidden=_hidden(fields, derived),
        image=fields.text("image") or derived.get("image", ""),
        exceptions=allowances.allowances(fields),
    )


def _derived(fields: Fields, problem: Problem, *, pro: bool) -> dict[str, str]:
    """Return by name the columns that a row without eval script does not carry but implies."""
    if fields.text("eval_script"):
        return {"image": pro_image(problem.instance_id, problem.repo, fields.text("dockerhub_tag"))} if pro else {}
    if pro:
        before, selected = fields.text("before_repo_set_cmd"), "selected_test_files_to_run"
        tests = fields.names(selected) if selected in fields.row else ()
        return {
            "image": pro_image(problem.instance_id, problem.repo, fields.text("dockerhub_tag")),
            "eval_script": pro_eval_script(problem.base_commit, before, tests) if before and tests else "",
            "eval_type": PRO,
        }
    if not is_classic(problem.repo):
        return {}
    return classic_columns(
        instance_id=problem.instance_id,
        repo=problem.repo,
        version=problem.version,
        base_commit=problem.base_commit,
        test_patch=fields.text("test_patch"),
        where=fields.where,
    )


def _statement(fields: Fields) -> str:
    """Join what the person who filed the problem said; a null statement is allowed, a missing column is not."""
    if "problem_statement" not in fields.row:
        raise fields.missing("problem_statement")
    statement = fields.text("problem_statement")
    if not statement:
        # Some collections of Pro rows keep the whole text in one document, under a heading that names an audit.
        document = fields.text("_spec_md")
        return document.partition("## PROBLEM\n")[2].strip() or document
    sections = [statement]
    for title, name in (("Requirements", "requirements"), ("Interface", "interface")):
        text = fields.text(name)
        if text.strip():
            sections.append(f"## {title}\n\n{text}")
    return "\n\n".join(sections)


def _hidden(fields: Fields, derived: Mapping[str, str]) -> Hidden:
    for name in ("patch", "test_patch"):
        if name not in fields.row:
            raise fields.missing(name)
    eval_type = fields.text("eval_type")
    if eval_type and eval_type not in _EVAL_TYPES:
        raise fields.error("eval_type", eval_type, unknown("eval_type", eval_type, _EVAL_TYPES))
    return Hidden(
        gold_patch=fields.text("patch"),
        test_patch=fields.text("test_patch"),
        fail_to_pass=_tests(fields, "FAIL_TO_PASS"),
        pass_to_pass=_tests(fields, "PASS_TO_PASS"),
        hints=fields.text("hints_text"),
        eval_script=fields.text("eval_script") or derived.get("eval_script", ""),
        log_parser=fields.text("log_parser") or derived.get("log_parser", ""),
        eval_type=eval_type or derived.get("eval_type", ""),
        image_assets=fields.mapping("image_assets"),
    )


def _tests(fields: Fields, name: str) -> tuple[str, ...]:
    """Read a list of tests; SWE-bench Pro writes the name of the column small."""
    small = name.lower()
    return fields.names(small if name not in fields.row and small in fields.row else name)
