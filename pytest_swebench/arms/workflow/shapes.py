"""The shapes of answers: what a step asks a model for, and what later steps and guards take.

Fields and the closed sets of values are those of atomicguard's structured outputs. Every field is required, so that
endpoints can guarantee the shape.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_RETRIES: Final = 6
"""How often a planned step may be asked again."""


class Shape(BaseModel):
    """An answer, or a part of one.

    `key` names an answer in prompts: `$analysis` stands for the accepted answer of shape `Analysis`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: ClassVar[str]


class Analysis(Shape):
    """What is wrong, and where."""

    key = "analysis"
    bug_type: Literal[
        "logic", "type", "boundary", "null_handling", "state", "concurrency", "api_misuse", "io", "performance", "other"
    ]
    root_cause_hypothesis: str = Field(description="what goes wrong and why, in a few sentences")
    affected_components: list[str] = Field(description="functions, methods or classes")
    files: list[str] = Field(description="paths in the repository that have to change, most important first")
    fix_approach: str = Field(description="how to mend it")
    confidence: Literal["low", "medium", "high"]


class GeneratedTest(Shape):
    """A test that shows the fault."""

    key = "test"
    test_code: str = Field(description="one whole Python file of tests")
    target_behavior: str
    expected_to_fail: bool = Field(description="whether it fails before the fix")


class Edit(Shape):
    """One replacement in one file."""

    file: str = Field(description="path in the repository")
    search: str = Field(description="lines exactly as they stand in the file, unique in it; empty for a new file")
    replace: str


class Patch(Shape):
    """The change."""

    key = "patch"
    edits: list[Edit]
    reasoning: str


class Localization(Shape):
    """Where the change has to be made."""

    key = "localization"
    files: list[str] = Field(description="one to five paths in the repository to change, the main one first; no tests")
    functions: list[str] = Field(description="functions, methods or classes in them to change")
    reasoning: str


class Classification(Shape):
    """What kind of problem it is."""

    key = "classification"
    category: Literal["trivial_fix", "single_file_bug", "multi_file_bug", "api_change", "refactor"]
    complexity: Literal[1, 2, 3, 4, 5] = Field(description="1 for a change of one line, 5 for a redesign")
    reasoning: str


class Structure(Shape):
    """How the part of the repository that matters is built."""

    key = "structure"
    packages: list[str] = Field(description="folders that matter to the problem")
    entry_points: list[str] = Field(description="files in which the behaviour at issue begins")
    test_folders: list[str] = Field(description="folders or files that hold the tests")
    summary: str


class RootCause(Shape):
    """Why it goes wrong."""

    key = "root_cause"
    cause: str = Field(description="what goes wrong and why, in a few sentences")
    triggers: list[str] = Field(description="inputs or situations in which it goes wrong")
    files: list[str] = Field(description="paths in the repository where it goes wrong")
    confidence: Literal["low", "medium", "high"]


class Snippet(Shape):
    """A passage of a file."""

    file: str = Field(description="path in the repository")
    code: str = Field(description="lines exactly as they stand in the file")
    relevance: str


class ContextRead(Shape):
    """The passages that a change has to take into account."""

    key = "context"
    snippets: list[Snippet]
    summary: str


class LocalisedTests(Shape):
    """The tests that are near the fault."""

    key = "localised_tests"
    files: list[str] = Field(description="paths of test files in the repository, nearest first")
    conventions: str = Field(description="how these tests are written: framework, fixtures, style")


class FixApproach(Shape):
    """How to mend it."""

    key = "fix_approach"
    steps: list[str] = Field(description="what to do, in order")
    files: list[str] = Field(description="paths in the repository that change")
    reasoning: str


class Impact(Shape):
    """What the change may break."""

    key = "impact"
    risk: Literal["low", "medium", "high"]
    affected_components: list[str] = Field(description="functions, methods or classes that depend on what changes")
    affected_tests: list[str] = Field(description="paths of tests that may need a look")
    compatibility: str = Field(description="what changes for those who use it")


class PlannedEdit(Shape):
    """One intended change."""

    file: str = Field(description="path in the repository")
    new_file: bool = Field(description="whether the file is to be made")
    change: str


class EditPlan(Shape):
    """The changes to make, before they are written."""

    key = "edit_plan"
    edits: list[PlannedEdit]
    reasoning: str


class Review(Shape):
    """What a reviewer says of a patch."""

    key = "review"
    verdict: Literal["approve", "revise", "backtrack"]
    backtrack_target: str = Field(description="the step to do again where the verdict is backtrack, else empty")
    comments: str


Kind = Literal[
    "analysis",
    "localization",
    "structure",
    "root_cause",
    "context",
    "localised_tests",
    "fix_approach",
    "impact",
    "edit_plan",
    "test",
    "patch",
]
"""The keys of the shapes that a planned step may ask for."""


class PlannedStep(Shape):
    """One step of a planned workflow."""

    name: str = Field(description="unique in the workflow: lower-case letters, digits and underscores")
    kind: Kind = Field(description="what the step asks for")
    requires: list[str] = Field(description="names of the steps that it builds on")
    guards: list[str] = Field(description="names of the guards that judge it, in order")
    rmax: int = Field(description=f"how often it may be asked again, 0 to {MOST_RETRIES}")


class WorkflowPlan(Shape):
    """A workflow made for one problem; its last accepted patch is what it leaves."""

    key = "workflow_plan"
    steps: list[PlannedStep]
    reasoning: str


SHAPES: Final[tuple[type[Shape], ...]] = (
    Analysis,
    Localization,
    Classification,
    Structure,
    RootCause,
    ContextRead,
    LocalisedTests,
    FixApproach,
    Impact,
    EditPlan,
    GeneratedTest,
    Patch,
    Review,
    WorkflowPlan,
)
"""Every shape that a step can ask for; those that only occur inside others are left out."""
