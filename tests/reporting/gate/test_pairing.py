from __future__ import annotations

import pytest

from pytest_swebench.errors import SelectionError
from pytest_swebench.reporting.gate.pairing import Pairing, pairing_of


def test_variants_are_paired_by_name_and_others_are_told() -> None:
    assert pairing_of(["a", "b"], ["b", "c", "a"]) == Pairing((("a", "a"), ("b", "b")), ("c",))


def test_the_only_variant_of_a_baseline_needs_no_name() -> None:
    assert pairing_of(["old", "gold"], ["x", "y"]) == Pairing((("old", "x"), ("old", "y")), ())


def test_gold_and_null_frame_a_run_and_are_not_gated() -> None:
    assert pairing_of(["a", "gold", "null"], ["a", "gold", "null"]) == Pairing((("a", "a"),), ())


def test_one_named_variant_is_held_against_all_even_gold() -> None:
    assert pairing_of(["a", "gold"], ["b", "gold", "null"], "gold") == Pairing((("gold", "b"), ("gold", "gold")), ())


@pytest.mark.parametrize(
    ("before", "now", "against", "words"),
    [
        (["a", "b"], ["c"], "", r"no variant of the run \(c\) is in the baseline \(a, b\); name one"),
        (["a"], ["gold"], "", r"nothing to gate but gold, and gold and null .* themselves; run an arm under test$"),
        (
            ["a", "b", "gold", "null"],
            ["null"],
            "gold",
            "nothing to gate but null, .* arm under test, or hold null against itself with --baseline-variant null$",
        ),
        (["main"], ["c"], "mian", "unknown variant 'mian'; did you mean 'main'"),
    ],
)
def test_pairs_that_cannot_be_told_are_refused(before: list[str], now: list[str], against: str, words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        pairing_of(before, now, against)
