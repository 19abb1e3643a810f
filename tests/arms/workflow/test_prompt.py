from __future__ import annotations

import pytest

from pytest_swebench.arms.workflow.prompt import ESCALATION, FEEDBACK, as_text, filled, load_prompt, parse_prompt
from pytest_swebench.arms.workflow.shapes import EditPlan, FixApproach, GeneratedTest, PlannedEdit
from pytest_swebench.errors import InputError

WHOLE = "# role\nYou test.\n\n# task\n\nTest $analysis.\n\n## a heading of the task\n# feedback\nNo: $feedback\n"


def test_a_part_reaches_to_the_next_heading_and_what_is_missing_has_a_default() -> None:
    prompt = parse_prompt(WHOLE, where="x.md")
    assert (prompt.role, prompt.constraints) == ("You test.", "")
    assert prompt.task == "Test $analysis.\n\n## a heading of the task"
    assert (prompt.feedback, prompt.escalation) == ("No: $feedback", ESCALATION)
    assert parse_prompt("# role\nr\n# task\nt", where="x.md").feedback == FEEDBACK
    assert prompt.placeholders == {"analysis"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# role\nr\n# taks\nt", r"prompt x\.md: unknown part 'taks'; did you mean 'task'\?"),
        ("# role\nr", r"no text under the heading '# task'"),
        ("# role\n\n# task\nt", r"no text under the heading '# role'"),
        ("# role\nr\n# task\nt\n# role\nr", r"the part 'role' is there twice"),
        ("Hello\n# role\nr\n# task\nt", r"text before the first heading: 'Hello'"),
    ],
)
def test_a_template_that_is_not_whole_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_prompt(text, where="x.md")


def test_a_prompt_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InputError, match=r"unknown prompt 'direct/analisys'; did you mean 'direct/analysis'\?"):
        load_prompt("direct", "analisys")


def test_an_answer_is_shown_as_text_that_a_person_would_write() -> None:
    approach = FixApproach(steps=["one", "two"], files=[], reasoning="so")
    assert as_text(approach) == "steps:\n- one\n- two\nfiles: (none)\nreasoning: so"
    test = GeneratedTest(test_code="def test_a():\n    assert 0\n", target_behavior="b", expected_to_fail=True)
    assert as_text(test).startswith("test_code:\n```\ndef test_a():\n    assert 0\n```\ntarget_behavior: b")
    plan = EditPlan(edits=[PlannedEdit(file="a.py", new_file=False, change="x")], **_rest(EditPlan))
    assert "- file: a.py\n  new_file: False\n  change: x" in as_text(plan)


def _rest(shape: type[EditPlan]) -> dict[str, str]:
    return {name: "r" for name in shape.model_fields if name != "edits"}


def test_a_very_long_answer_is_cut() -> None:
    text = as_text(FixApproach(steps=[], files=[], reasoning="x" * 50_000))
    assert text.endswith("more characters ...]")
    assert len(text) < 31_000


def test_what_is_filled_in_is_not_filled_again_and_is_text() -> None:
    assert filled("$a $$b", {"a": "$b \udcff"}) == "$b ? $b"
