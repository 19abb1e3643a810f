from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.grading.validation import PatchKind, Validation
from pytest_swebench.reporting.patches import Partial, ValidationStats, judge_partial


def record(kind: PatchKind | None) -> dict[str, Any]:
    return {"validation": None if kind is None else Validation(kind, "because").as_json()}


def test_records_are_counted_by_kind() -> None:
    kinds = [PatchKind.OK] * 3 + [PatchKind.BINARY] + [PatchKind.DOES_NOT_APPLY] * 2 + [PatchKind.EMPTY, None]
    stats = ValidationStats.of(map(record, kinds))
    assert (stats.total, stats.valid, stats.invalid) == (6, 3, 3)
    assert stats.errors == {"binary": 1, "does_not_apply": 2}
    assert str(stats) == "patches: 6 left, 3 valid, 3 invalid (does_not_apply 2, binary 1)"


def test_counts_add_up() -> None:
    one = ValidationStats.of(map(record, [PatchKind.OK, PatchKind.BINARY]))
    other = ValidationStats.of(map(record, [PatchKind.OK, PatchKind.BINARY, PatchKind.OUTSIDE]))
    assert one + other == ValidationStats(2, {"binary": 2, "outside": 1})


def test_nothing_is_said_where_nothing_was_validated() -> None:
    assert str(ValidationStats.of([{}, record(None), record(PatchKind.EMPTY)])) == ""


def test_no_kinds_are_listed_where_all_are_valid() -> None:
    assert str(ValidationStats(valid=2)) == "patches: 2 left, 2 valid, 0 invalid"


@pytest.mark.parametrize(
    ("ok", "allowed", "answer", "expected"),
    [
        (5, False, None, Partial(True)),
        (3, False, True, Partial(True, "Generated 3/5 patches; going on with partial results")),
        (3, False, False, Partial(False, "Generated 3/5 patches; stopped as you said")),
        (
            3,
            False,
            None,
            Partial(False, "Generated 3/5 patches; stopped. Without a terminal, partial results need --allow-partial"),
        ),
        (3, True, None, Partial(True, "Generated 3/5 patches; going on with partial results (--allow-partial)")),
        (2, True, True, Partial(False, "Generated 2/5 patches, no more than half; stopped")),
    ],
)
def test_more_than_half_goes_on_if_somebody_says_so(
    ok: int, allowed: bool, answer: bool | None, expected: Partial
) -> None:
    asked = []

    def ask(question: str) -> bool:
        asked.append(question)
        return bool(answer)

    assert judge_partial(ok, 5, allowed=allowed, ask=None if answer is None else ask) == expected
    assert asked in ([], ["⚠️ Generated 3/5 patches. Continue with partial results?"])
    assert bool(asked) == (ok == 3 and not allowed and answer is not None)


def test_half_is_not_enough_and_nothing_at_all_is_complete() -> None:
    assert not judge_partial(1, 2, allowed=True, ask=None).go_on
    assert judge_partial(0, 0, allowed=False, ask=None) == Partial(True)
