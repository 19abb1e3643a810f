"""Guards of what is found out and planned before any code is written."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.paths import exists, folders_of, is_test_file, missing
from pytest_swebench.arms.workflow.guards.reports import few, judged
from pytest_swebench.arms.workflow.shapes import (
    Analysis,
    Classification,
    ContextRead,
    EditPlan,
    FixApproach,
    Impact,
    LocalisedTests,
    Localization,
    Review,
    RootCause,
    Shape,
    Structure,
)
from pytest_swebench.records.trace import GuardReport

MOST_FILES: Final = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """Judges answers of one shape by what `objections` has to say of them."""

    name: str
    judges: type[Shape]
    objections: Callable[[Any, Given], Iterator[str]]
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def check(self, answer: Any, given: Given) -> GuardReport:
        """Say all that is wrong at once."""
        return judged(self.name, self.objections(answer, given))

    def settings(self) -> Mapping[str, Any]:
        """Return nothing: they have no settings."""
        return {}


def _analysis(answer: Analysis, given: Given) -> Iterator[str]:
    yield from _empty(root_cause_hypothesis=answer.root_cause_hypothesis, fix_approach=answer.fix_approach)
    yield from _listed("files", answer.files)
    yield from missing("files", answer.files, _tracked(given))


def _localization(answer: Localization, given: Given) -> Iterator[str]:
    files = _tracked(given)
    yield from _listed("files", answer.files)
    if len(answer.files) > MOST_FILES:
        yield f"files: {len(answer.files)} are too many; name at most {MOST_FILES}, those that must change"
    tests = [path for path in answer.files if is_test_file(path)]
    if tests:
        yield f"files: {few(tests)} hold tests; name only source files to change"
    yield from missing("files", answer.files, files)


def _classification(answer: Classification, given: Given) -> Iterator[str]:
    yield from _empty(reasoning=answer.reasoning)


def _structure(answer: Structure, given: Given) -> Iterator[str]:
    files = _tracked(given)
    yield from _empty(summary=answer.summary)
    yield from _listed("entry_points", answer.entry_points)
    yield from missing("entry_points", answer.entry_points, files)
    places = folders_of(files) | set(files)
    for what, folders in (("packages", answer.packages), ("test_folders", answer.test_folders)):
        lacking = [folder for folder in folders if posixpath.normpath(folder) not in places]
        if lacking:
            yield f"{what}: no such folder in the repository: {few(lacking)}"


def _root_cause(answer: RootCause, given: Given) -> Iterator[str]:
    yield from _empty(cause=answer.cause)
    yield from _listed("triggers", answer.triggers)
    yield from _listed("files", answer.files)
    yield from missing("files", answer.files, _tracked(given))


def _context(answer: ContextRead, given: Given) -> Iterator[str]:
    files = _tracked(given)
    paths = [snippet.file for snippet in answer.snippets]
    yield from _listed("snippets", paths)
    yield from missing("snippets", paths, files)
    known = [snippet for snippet in answer.snippets if exists(snippet.file, files)]
    texts = {snippet.file: _bare(_text(given, snippet.file)) for snippet in known}
    invented = [snippet.file for snippet in known if _bare(snippet.code) not in texts[snippet.file]]
    if invented:
        yield f"snippets: the code given for {few(invented)} does not stand there; copy lines as they are in the file"
    if any(not snippet.code.strip() for snippet in answer.snippets):
        yield "snippets: one holds no code"


def _localised_tests(answer: LocalisedTests, given: Given) -> Iterator[str]:
    files = _tracked(given)
    if any(is_test_file(path) for path in files):  # else there is nothing to name
        yield from _listed("files", answer.files)
    yield from missing("files", answer.files, files)


def _fix_approach(answer: FixApproach, given: Given) -> Iterator[str]:
    files = _tracked(given)
    yield from _listed("steps", answer.steps)
    yield from _listed("files", answer.files)
    if answer.files and not any(exists(path, files) for path in answer.files):  # some may be files to be made
        yield from missing("files", answer.files, files)


def _impact(answer: Impact, given: Given) -> Iterator[str]:
    yield from _empty(compatibility=answer.compatibility)
    yield from missing("affected_tests", answer.affected_tests, _tracked(given))


def _edit_plan(answer: EditPlan, given: Given) -> Iterator[str]:
    files = _tracked(given)
    yield from _listed("edits", [edit.file for edit in answer.edits])
    yield from missing("edits", [edit.file for edit in answer.edits if not edit.new_file], files)
    there = [edit.file for edit in answer.edits if edit.new_file and exists(edit.file, files)]
    if there:
        yield f"edits: {few(there)} exist already; set new_file to false to change them"
    if any(not edit.change.strip() for edit in answer.edits):
        yield "edits: one does not say what to change"


def _review(answer: Review, given: Given) -> Iterator[str]:
    target = answer.backtrack_target.strip()
    if answer.verdict == "backtrack" and not target:
        yield "backtrack_target: name the step to do again"
    if answer.verdict != "backtrack" and target:
        yield f"backtrack_target: {target!r} goes with the verdict 'backtrack' alone; leave it empty"
    if answer.verdict != "approve" and not answer.comments.strip():
        yield "comments: say what has to change"


def _tracked(given: Given) -> frozenset[str]:
    return frozenset(given.sandbox.files())


def _empty(**texts: str) -> Iterator[str]:
    yield from (f"{name}: must not be empty" for name, text in texts.items() if not text.strip())


def _listed(name: str, entries: list[str]) -> Iterator[str]:
    if not any(entry.strip() for entry in entries):
        yield f"{name}: must name at least one"


def _text(given: Given, path: str) -> str:
    """Return a tracked file, "" for one that holds no text of its own: a submodule, a link to nowhere."""
    try:
        return given.sandbox.read(path).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _bare(text: str) -> str:
    """Return `text` without the blanks in which models differ from files."""
    return "\n".join(stripped for line in text.splitlines() if (stripped := line.strip()))


ANALYSIS: Final = Findings("analysis", Analysis, _analysis)
LOCALIZATION: Final = Findings("localization", Localization, _localization)
CLASSIFICATION: Final = Findings("classification", Classification, _classification)
STRUCTURE: Final = Findings("structure", Structure, _structure)
ROOT_CAUSE: Final = Findings("root_cause", RootCause, _root_cause)
CONTEXT: Final = Findings("context", ContextRead, _context)
LOCALISED_TESTS: Final = Findings("localised_tests", LocalisedTests, _localised_tests)
FIX_APPROACH: Final = Findings("fix_approach", FixApproach, _fix_approach)
IMPACT: Final = Findings("impact", Impact, _impact)
EDIT_PLAN: Final = Findings("edit_plan", EditPlan, _edit_plan)
REVIEW_SCHEMA: Final = Findings("review_schema", Review, _review)
