"""The workflow arms as atomicguard has those of the same names: what a declaration is compared with.

A step is `(name, guards, ways)`; `ways` holds r_patience, e_max and, by guard, the steps gone back to, `*` standing
for a guard without a way of its own.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

Step = tuple[str, tuple[str, ...], dict[str, Any]]


class Row(NamedTuple):
    rmax: int
    steps: tuple[Step, ...]
    oracle: bool = False
    policy: str = "stagnation"
    budget: dict[str, int] | None = None
    git_apply: bool = True


def steps(*names: str) -> tuple[str, ...]:
    return tuple(f"ap_{name}" for name in names)


ANALYSIS: Final[Step] = ("ap_analysis", ("analysis",), {})
RED: Final = ("test_syntax", "test_red")
GREEN: Final = ("patch", "lint", "test_green")
ORACLE: Final = (*GREEN, "full_eval")
BUDGET: Final = {"ap_analysis": 1, "ap_gen_test": 2, "ap_gen_patch": 0}
TWICE: Final = {"r_patience": 2, "e_max": 1}
THRICE: Final = {"r_patience": 3, "e_max": 2}


def verified(*guards: str) -> tuple[Step, ...]:
    back = {"patch": steps("analysis"), "lint": steps("analysis"), "test_green": steps("analysis", "gen_test")}
    if "full_eval" in guards:
        back["full_eval"] = steps("analysis", "gen_test")
    return (
        ANALYSIS,
        ("ap_gen_test", RED, TWICE | {"test_red": steps("analysis")}),
        ("ap_gen_patch", guards, THRICE | back),
    )


FORWARD: Final[tuple[Step, ...]] = (ANALYSIS, ("ap_gen_test", RED, {}), ("ap_gen_patch", ORACLE, {}))
REVIEW: Final[Step] = ("ap_diff_review", ("review_schema",), {})

TABLE: Final[dict[str, Row]] = {
    "s1_direct": Row(3, (ANALYSIS, ("ap_patch", ("patch",), {})), git_apply=False),
    "s1_tdd": Row(
        3, (ANALYSIS, ("ap_gen_test", ("test_syntax",), {}), ("ap_gen_fix", ("patch",), {})), git_apply=False
    ),
    "s1_tdd_verified": Row(6, verified(*ORACLE), oracle=True),
    "s1_tdd_verified_blind": Row(6, verified(*GREEN)),
    "s1_tdd_behavior": Row(
        6,
        (
            ANALYSIS,
            ("ap_gen_test", RED, TWICE | {"*": steps("analysis")}),
            ("ap_gen_patch", ORACLE, THRICE | {"*": steps("analysis", "gen_test")}),
        ),
        oracle=True,
    ),
    "s1_decomposed": Row(
        8,
        (
            ("ap_classify", ("classification",), {}),
            ("ap_structure", ("structure",), TWICE | {"*": steps("classify")}),
            ("ap_root_cause", ("root_cause",), TWICE | {"*": steps("structure")}),
            ("ap_localise_issue", ("localization",), TWICE | {"*": steps("root_cause")}),
            ("ap_context_read", ("context",), TWICE | {"*": steps("localise_issue")}),
            ("ap_localise_tests", ("localised_tests",), TWICE | {"*": steps("localise_issue")}),
            ("ap_fix_approach", ("fix_approach",), TWICE | {"*": steps("root_cause")}),
            ("ap_impact_analysis", ("impact",), TWICE | {"*": steps("fix_approach")}),
            ("ap_gen_test", RED, TWICE | {"*": steps("localise_tests"), "test_red": steps("root_cause")}),
            ("ap_edit_plan", ("edit_plan",), TWICE | {"*": steps("fix_approach")}),
            ("ap_gen_patch", ("patch", "lint"), THRICE | {"*": steps("edit_plan")}),
            (
                "ap_integrate_patch",
                ("test_green", "full_eval"),
                THRICE
                | {
                    "*": steps("gen_patch"),
                    "test_green": steps("gen_patch"),
                    "full_eval": steps("impact_analysis", "gen_patch"),
                },
            ),
        ),
        oracle=True,
    ),
    "s1_decomposed_lite": Row(
        3,
        (
            ANALYSIS,
            ("ap_localise", ("localization",), {}),
            ("ap_fix_approach", ("fix_approach",), {}),
            ("ap_gen_test", ("format", "test_syntax"), {}),
            ("ap_gen_patch", ("format", "patch"), {}),
        ),
        git_apply=False,
    ),
    "s1_tdd_review": Row(6, (*FORWARD, REVIEW), oracle=True),
    "s1_tdd_review_backtrack": Row(6, (*FORWARD, REVIEW), oracle=True, policy="review", budget=BUDGET),
    "s1_tdd_rule_backtrack": Row(6, FORWARD, oracle=True, policy="rule", budget=BUDGET),
    "adaptive_backtrack": Row(
        2,
        (
            ("ap_classify", ("classification",), {}),
            ("ap_generate_workflow", ("workflow_schema",), {"e_max": 1, "*": steps("classify")}),
        ),
    ),
}
