from __future__ import annotations

import pytest

from pytest_swebench.errors import InputError, SelectionError
from pytest_swebench.statistics.comparison import Word, compare, compare_all, points
from pytest_swebench.statistics.data import Sample, Tally
from tests.support.samples import sample, single, wins_and_losses


def test_a_clear_difference_is_named() -> None:
    found = compare(*wins_and_losses(53, 25, 422))
    assert found.word is Word.BETTER
    assert found.sentence == "after is better than before: +5.6 pp [+2.1 pp, +9.0 pp]"
    assert (len(found.won), len(found.lost), found.ties) == (53, 25, 422)
    swapped = compare(*reversed(wins_and_losses(53, 25, 422)))
    assert swapped.word is Word.WORSE


def test_no_difference_shown_is_never_called_equal() -> None:
    found = compare(*wins_and_losses(40, 41, 419))
    assert found.word is Word.NONE
    assert found.sentence == (
        "no difference shown; differences beyond [-3.8 pp, +3.4 pp] excluded; this could see 5.0 pp or more"
    )


def test_agreement_everywhere_names_no_difference_that_could_be_seen() -> None:
    assert compare(*wins_and_losses(0, 0, 50)).sentence == (
        "no difference shown; differences beyond [-5.5 pp, +5.5 pp] excluded"
    )


def test_both_p_and_interval_must_say_so() -> None:
    clear, p = wins_and_losses(12, 2, 30), 0.05
    alone = compare(*clear)
    assert alone.word is Word.BETTER
    # among many comparisons the same p is none, while its interval is not adjusted
    crowd = {f"x{number}": single(f"x{number}", [0] * 44) for number in range(9)}
    many = compare_all({"before": clear[0], "after": clear[1], **crowd})
    same = next(one for one in many if {one.baseline, one.variant} == {"before", "after"})
    assert same.numbers is not None
    assert same.numbers.test.p < p <= same.numbers.adjusted_p
    assert same.numbers.interval is not None
    assert same.numbers.interval.low > 0
    assert same.word is Word.NONE
    assert same.sentence.startswith("no difference shown: p adjusted for all comparisons is ")
    assert same.sentence.endswith(", which is not adjusted, excludes 0")


def test_all_pairs_have_the_better_rate_as_the_variant() -> None:
    samples = {name: single(name, [1] * count + [0] * (20 - count)) for name, count in (("b", 9), ("a", 5), ("c", 2))}
    found = [(one.baseline, one.variant) for one in compare_all(samples)]
    assert found == [("c", "a"), ("c", "b"), ("a", "b")]


def test_a_named_baseline_is_held_against_all_others() -> None:
    samples = {name: single(name, [1, 0, 1]) for name in ("a", "b", "c")}
    assert [(one.baseline, one.variant) for one in compare_all(samples, against="b")] == [("b", "a"), ("b", "c")]
    with pytest.raises(SelectionError, match="--baseline-variant: unknown variant 'bb'; did you mean 'b'"):
        compare_all(samples, against="bb")


def test_a_single_instance_is_not_comparable() -> None:
    found = compare(single("a", [1]), single("b", [0]))
    assert found.word is Word.NOT_COMPARABLE
    assert found.sentence == "not comparable: a single instance has an answer of both a and b"
    assert found.numbers is not None
    assert (found.numbers.difference, found.numbers.interval) == (-1.0, None)


def test_nothing_in_common_is_not_comparable() -> None:
    found = compare(sample("a", {"x__x-1": (1, 1)}), sample("b", {"x__x-2": (1, 1)}))
    assert found.sentence == "not comparable: no instance has an answer of both a and b"
    assert found.numbers is None
    assert found.as_json()["numbers"] is None


def test_a_variant_without_any_answer_is_not_comparable_and_no_part_of_the_family() -> None:
    broken = Sample(variant="broken", tallies={"one__one-00000": Tally(lost=1)}, planned=44)
    before, after = wins_and_losses(12, 2, 30)
    found = {(one.baseline, one.variant): one for one in compare_all({"a": before, "b": after, "broken": broken})}
    assert found["broken", "after"].word is Word.NOT_COMPARABLE
    numbers = found["before", "after"].numbers
    assert numbers is not None
    assert numbers.adjusted_p == numbers.test.p


def test_what_was_dropped_is_told_and_how_hard_it_is_for_others() -> None:
    ids = [f"x__x-{number:02}" for number in range(20)]
    full = sample("a", dict.fromkeys(ids, (1, 1)))
    holes = Sample(variant="b", tallies={name: Tally(attempted=1, resolved=1) for name in ids[1:]}, planned=20)
    other = sample("c", {name: (int(number > 9), 1) for number, name in enumerate(ids)})
    found = compare(full, holes, others=[other])
    assert found.dropped == {"x__x-00": "no answer of b"}
    assert found.others_on_dropped == (0.0, pytest.approx(10 / 19))
    assert found.extremes is not None
    assert (round(found.extremes.low, 4), found.extremes.high) == (-0.05, 0.0)
    assert compare(full, other).others_on_dropped is None


def test_clustering_by_repository_widens_the_interval() -> None:
    cells = [(group, number) for group in range(6) for number in range(20)]
    before = sample("a", {f"r{group}__r-{number}": (0, 1) for group, number in cells})
    after = sample("b", {f"r{group}__r-{number}": (int(number < 3 * group), 1) for group, number in cells})
    plain, clustered = compare(before, after).numbers, compare(before, after, by_repository=True).numbers
    assert plain is not None
    assert plain.interval is not None
    assert clustered is not None
    assert clustered.interval is not None
    assert clustered.clustered
    assert clustered.minimal_effect is None
    assert clustered.interval.high - clustered.interval.low > 2 * (plain.interval.high - plain.interval.low)
    with pytest.raises(InputError, match="--cluster repo"):
        compare(single("a", [1, 0]), single("b", [0, 1]), by_repository=True)


def test_clearest_wins_come_first() -> None:
    before = sample("a", {"x__x-1": (1, 3), "x__x-2": (0, 3), "x__x-3": (0, 3)})
    after = sample("b", {"x__x-1": (2, 3), "x__x-2": (3, 3), "x__x-3": (1, 3)})
    assert compare(before, after).won == ("x__x-2", "x__x-1", "x__x-3")


def test_differences_bear_their_sign() -> None:
    assert [points(one) for one in (0.056, -0.002, 0.0, -0.0004)] == ["+5.6 pp", "-0.2 pp", *["+0.0 pp"] * 2]
