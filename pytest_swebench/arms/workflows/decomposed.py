"""The decomposed arms: a chain of small answers, each judged by a guard of its own."""

from __future__ import annotations

from pytest_swebench.arms.workflow.arm import WorkflowArm
from pytest_swebench.arms.workflow.declaration import Step, Workflow
from pytest_swebench.arms.workflow.prompt import load_prompt
from pytest_swebench.arms.workflow.shapes import (
    Classification,
    ContextRead,
    EditPlan,
    FixApproach,
    GeneratedTest,
    Impact,
    LocalisedTests,
    Localization,
    Patch,
    RootCause,
    Shape,
    Structure,
)
from pytest_swebench.arms.workflows.direct import PATCH_TEMPERATURE, analysis, guards, loose_patch, patch
from pytest_swebench.arms.workflows.tdd import gen_test


def s1_decomposed() -> WorkflowArm:
    """Twelve steps, each with its own way back; the last one is judged by the official evaluation: an oracle."""
    return WorkflowArm(
        Workflow(
            name="s1_decomposed",
            description="twelve small steps, each with its own way back",
            rmax=8,
            steps=(
                _step("classify", Classification, "classification"),
                _step("structure", Structure, "structure", after="classify", back="classify"),
                _step("root_cause", RootCause, "root_cause", after="structure", back="structure"),
                _step("localise_issue", Localization, "localization", after="root_cause", back="root_cause"),
                _step("context_read", ContextRead, "context", after="localise_issue", back="localise_issue"),
                _step(
                    "localise_tests", LocalisedTests, "localised_tests", after="localise_issue", back="localise_issue"
                ),
                _step("fix_approach", FixApproach, "fix_approach", after="context_read", back="root_cause"),
                _step("impact_analysis", Impact, "impact", after="fix_approach", back="fix_approach"),
                _step(
                    *("gen_test", GeneratedTest, "test_syntax", "test_red"),
                    after="localise_tests, fix_approach",
                    back="localise_tests",
                    test_red="root_cause",
                ),
                _step("edit_plan", EditPlan, "edit_plan", after="impact_analysis", back="fix_approach"),
                _step("gen_patch", Patch, "patch", "lint", after="edit_plan", back="edit_plan"),
                _step(
                    *("integrate_patch", Patch, "test_green", "full_eval"),
                    after="gen_patch, gen_test",
                    back="gen_patch",
                    test_green="gen_patch",
                    full_eval="impact_analysis, gen_patch",
                ),
            ),
        )
    )


def s1_decomposed_lite() -> WorkflowArm:
    """Five steps, none of them run, and no way back."""
    return WorkflowArm(
        Workflow(
            name="s1_decomposed_lite",
            description="five small steps without a way back",
            rmax=3,
            steps=(
                analysis(),
                Step(
                    name="ap_localise",
                    shape=Localization,
                    prompt=load_prompt("decomposed", "lite_localise"),
                    requires=("ap_analysis",),
                    guards=guards("localization"),
                ),
                Step(
                    name="ap_fix_approach",
                    shape=FixApproach,
                    prompt=load_prompt("decomposed", "lite_fix_approach"),
                    requires=("ap_localise",),
                    guards=guards("fix_approach"),
                ),
                gen_test(guards("format", "test_syntax")),
                patch(
                    "ap_gen_patch",
                    load_prompt("decomposed", "lite_gen_patch"),
                    (*guards("format"), *loose_patch()),
                    requires=("ap_fix_approach", "ap_gen_test"),
                ),
            ),
        )
    )


def _step(name: str, shape: type[Shape], *judges: str, after: str = "", back: str = "", **back_by_guard: str) -> Step:
    """Return a step of `s1_decomposed`; steps are named without `ap_`, several with a comma between.

    Where it is stuck after two answers it goes back, once; where it asks for a patch after three, twice.
    """
    r_patience, e_max = (3, 2) if shape is Patch else (2, 1)
    return Step(
        name=f"ap_{name}",
        shape=shape,
        prompt=load_prompt("decomposed", name),
        requires=_names(after),
        guards=guards(*judges),
        r_patience=r_patience if back else None,
        e_max=e_max if back else 0,
        back_to=_names(back),
        back_by_guard={guard: _names(names) for guard, names in back_by_guard.items()},
        temperature=PATCH_TEMPERATURE if shape is Patch else None,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(f"ap_{name}" for name in text.split(", ") if name)
