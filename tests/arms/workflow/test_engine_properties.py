"""Whatever models and guards do, a workflow ends within its bounds and its story holds together."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.workflow.declaration import Workflow
from pytest_swebench.arms.workflow.engine import run_workflow
from pytest_swebench.arms.workflow.policy import Ended, Policy, ReviewBacktracking, RuleBacktracking, Stagnation
from pytest_swebench.arms.workflow.shapes import Patch, Review
from pytest_swebench.errors import BudgetExhausted
from pytest_swebench.providers.protocol import Request
from pytest_swebench.records.trace import EventType, Status
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.kept import Kept
from tests.support.scripted import Scripted
from tests.support.workflows import MEND, Plan, Told, cell_in, step

VERDICTS = st.sampled_from(
    ["", "", "the test fails with a KeyError", "the test fails with an KeyError", "import error", "ImportError: x"]
)
MAYBE_FATAL = st.one_of(VERDICTS, VERDICTS, VERDICTS, st.just("FATAL"))
REVIEWS = st.sampled_from(
    [
        {"verdict": verdict, "backtrack_target": target, "comments": "c"}
        for verdict in ("approve", "revise", "backtrack")
        for target in ("a", "b", "nowhere")
    ]
)
BUDGET = {"a": 1, "b": 2, "p": 1}
POLICIES = st.sampled_from([Stagnation(), ReviewBacktracking(BUDGET), RuleBacktracking(BUDGET)])


def check_story(trace: Kept, ended: Ended, names: list[str]) -> None:
    """Assert that events and artifacts tell of the same attempts."""
    artifacts = list(trace.artifacts.values())
    statuses = Counter(artifact.status for artifact in artifacts)
    assert statuses[Status.PENDING] == 0
    assert len(artifacts) == len(trace.of(EventType.ATTEMPT))
    assert statuses[Status.ACCEPTED] + statuses[Status.SUPERSEDED] == len(trace.of(EventType.STEP_PASS))
    assert statuses[Status.SUPERSEDED] == len(trace.of(EventType.CASCADE_INVALIDATE))
    standing = {artifact.artifact_id for artifact in artifacts if artifact.status is Status.ACCEPTED}
    for artifact in artifacts:
        if artifact.status is Status.ACCEPTED:
            assert set(artifact.dependencies.values()) <= standing
    standing_steps = Counter(artifact.step for artifact in artifacts if artifact.status is Status.ACCEPTED)
    assert max(standing_steps.values(), default=1) == 1
    assert (standing_steps.keys() == set(names)) == (ended is Ended.COMPLETED)
    assert len(trace.of(EventType.STEP_FAIL)) == (ended is not Ended.COMPLETED)
    for name in names:
        attempts = [artifact.attempt for artifact in artifacts if artifact.step == name]
        assert attempts == list(range(1, len(attempts) + 1))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verdicts=st.lists(MAYBE_FATAL, max_size=60),
    reviews=st.lists(REVIEWS, max_size=8),
    policy=POLICIES,
    rmax=st.integers(3, 5),
    e_max=st.integers(1, 2),
    guarded=st.booleans(),
)
def test_every_course_ends_within_its_bounds(
    calc: Sandbox,
    verdicts: list[str],
    reviews: list[dict[str, str]],
    policy: Policy,
    rmax: int,
    e_max: int,
    guarded: bool,
) -> None:
    said = Told(verdicts)
    ways = {"back_by_guard": {"told": ("a", "b")}} if guarded else {"back_to": ("b",)}
    workflow = Workflow(
        name="w",
        rmax=rmax,
        policy=policy,
        steps=(
            step("a", guards=(said,)),
            step("b", Plan, requires=("a",), guards=(said,), r_patience=2, e_max=e_max, back_to=("a",)),
            step("p", Patch, requires=("b",), guards=(said,), r_patience=2, e_max=e_max, **ways),
            step("r", Review, requires=("p",)),
        ),
    )
    answers = [*reviews, {"verdict": "approve", "backtrack_target": "", "comments": ""}]
    opinions = iter(answers)
    thoughts = [{"text": "x"}]
    provider = Scripted(
        {"a": thoughts, "b": thoughts, "p": [MEND], "r": [lambda _: next(opinions, answers[-1])]}, again=True
    )
    cell = cell_in(calc, provider)
    result = run_workflow(workflow, cell.context, specification="", clock=Clock(60.0))
    trace = cell.trace()
    check_story(trace, result.ended, ["a", "b", "p", "r"])
    escalations = Counter(event.step for event in trace.of(EventType.ESCALATE))
    back = sum(escalations.values())
    assert back <= 2 * e_max + sum(BUDGET.values())
    lives = 1 + back
    assert all(len(provider.asked_by(name)) <= lives * (rmax + 1) for name in ("a", "b", "p", "r"))
    rejected = [artifact for artifact in trace.artifacts.values() if artifact.status is Status.REJECTED]
    assert result.retry_count == len(rejected)
    assert sum(result.per_step_tokens.values()) == 15 * provider.calls
    assert bool(result.failed_guard) == (result.ended is not Ended.COMPLETED)
    if isinstance(policy, Stagnation):
        assert all(escalations[name] <= e_max for name in ("b", "p"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verdicts=st.lists(VERDICTS, max_size=20), calls=st.integers(0, 12))
def test_wherever_a_limit_strikes_nothing_is_lost(calc: Sandbox, verdicts: list[str], calls: int) -> None:
    said = Told(verdicts)
    workflow = Workflow(
        name="w",
        rmax=4,
        steps=(
            step("a", guards=(said,)),
            step("p", Patch, requires=("a",), guards=(said,), r_patience=2, e_max=2, back_to=("a",)),
            step("z", Plan, requires=("p",), guards=(said, Told(["no"] * 99, name="never")), rmax=20),
        ),
    )

    def answered(request: Request) -> Any:
        if len(provider.requests) > calls:
            return BudgetExhausted("cell", "spent")
        return MEND if request.agent == "p" else {"text": "x"}

    provider = Scripted([answered], again=True)
    cell = cell_in(calc, provider)
    try:
        run_workflow(workflow, cell.context, specification="", clock=Clock(60.0))
    except BudgetExhausted:
        draft, trace = cell.drafts[-1], cell.trace()
        statuses = [artifact.status for artifact in trace.artifacts.values()]
        standing = [artifact.step for artifact in trace.artifacts.values() if artifact.status is Status.ACCEPTED]
        assert sum(draft.per_step_tokens.values()) == 15 * calls == 15 * len(statuses)
        assert draft.retry_count == statuses.count(Status.REJECTED)
        assert bool(draft.patch) == ("p" in standing)
        assert trace.events[-1].type is EventType.NOTE
        assert draft.failed_step == trace.events[-1].step == provider.requests[-1].agent
