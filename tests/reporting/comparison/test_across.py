from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_swebench.errors import InputError, SelectionError
from pytest_swebench.reporting.comparison.across import Across, compare_sources
from pytest_swebench.reporting.comparison.reading import read_source
from pytest_swebench.reporting.comparison.text import lines_of
from pytest_swebench.statistics.comparison import Word
from tests.support.graded import IDS, inspect_log, put, report, run_of

GOOD, BAD = "R" * 18 + "UU", "R" * 4 + "U" * 16


def compared(*paths: Path, against: str = "") -> Across:
    return compare_sources([read_source(path) for path in paths], against=against)


def named(across: Across) -> list[tuple[str, str]]:
    return [(one.baseline, one.variant) for one in across.analysis.comparisons]


def test_variants_of_one_run_are_held_against_each_other(tmp_path: Path) -> None:
    found = compared(run_of(tmp_path, "one", {"a": GOOD, "b": BAD, "c": "R" * 20}))
    assert named(found) == [("b", "a"), ("b", "c"), ("a", "c")]
    assert found.analysis.comparisons[0].word is Word.BETTER
    assert named(compared(tmp_path / "one", against="c")) == [("c", "a"), ("c", "b")]


def test_runs_are_compared_by_the_names_of_variants_the_first_being_the_baseline(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": BAD, "old": BAD})
    after = run_of(tmp_path, "after", {"a": GOOD, "new": GOOD})
    found = compared(before, after)
    assert named(found) == [("a@before", "a@after")]
    (pair,) = found.analysis.comparisons
    assert (pair.word, pair.won[0]) == (Word.BETTER, IDS[4])
    assert found.drift == ()
    assert found.cautions == ()


def test_sources_without_a_common_name_are_compared_all_with_all(tmp_path: Path) -> None:
    run = run_of(tmp_path, "run", {"a": BAD, "b": GOOD})
    other = put(tmp_path / "theirs.json", report(IDS[:9], IDS[9:]))
    found = compared(run, other)
    assert named(found) == [("a@run", "theirs@theirs"), ("b@run", "theirs@theirs")]
    assert "theirs: no digests of instances there, so they are matched by their names alone" in found.cautions
    assert named(compared(run, other, against="b")) == [
        ("b@run", "a@run"),
        ("b@run", "theirs@theirs"),
    ]


def test_chosen_pairs_get_no_advice_to_choose(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, name, {"a": GOOD, "b": BAD}) for name in ("one", "two")]
    assert not any("name a baseline" in hint for hint in compared(*runs).analysis.hints)


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one = run_of(tmp_path / "x", "run", {"a": BAD})
    two = run_of(tmp_path / "y", "run", {"a": GOOD})
    assert named(compared(one, two)) == [("a@x-run", "a@y-run")]


def test_instances_that_changed_are_left_out_and_named(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": BAD})
    after = run_of(tmp_path, "after", {"a": GOOD}, images={IDS[7]: "other"})
    found = compared(before, after)
    (pair,) = found.analysis.comparisons
    assert found.changed == (IDS[7],)
    assert pair.numbers is not None
    assert pair.numbers.instances == 19
    assert IDS[7] not in pair.won


def test_instances_of_one_side_alone_do_not_count_as_missing(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": GOOD})
    after = run_of(tmp_path, "after", {"a": "RURURU"}, ids=IDS[:6])
    (pair,) = compared(before, after).analysis.comparisons
    assert pair.numbers is not None
    assert (pair.numbers.instances, pair.word) == (6, Word.NONE)


def test_instances_of_one_side_alone_are_counted_and_told(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": "R" * 6 + "U" * 14, "b": "R" * 20})
    found = compared(before, run_of(tmp_path, "after", {"a": "RURURU"}, ids=IDS[:6]))
    (pair,) = found.analysis.comparisons
    assert found.as_json()["alone"] == {"before": IDS[6:]}
    assert pair.dropped == dict.fromkeys(IDS[6:], "only in before")
    assert pair.others_on_dropped == (1.0, 1.0)
    text = " ".join(" ".join(lines_of(found)).split())
    assert "rates are on the 6 instances that both have: variant" in text
    assert "14 instances dropped" in text
    told = "before: 14 of its 20 instances are in no other source, and left out of rates and pairs: "
    told += " ".join([*IDS[6:9], "..."])
    assert told in text
    assert told in found.cautions
    named_baseline = compared(before, tmp_path / "after", against="a@after").analysis.comparisons
    assert [(one.variant, len(one.dropped)) for one in named_baseline] == [("a@before", 14), ("b@before", 14)]


def test_cells_that_did_not_run_are_still_missing_on_the_common_instances(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": "R" * 10})  # of 20 planned
    after = run_of(tmp_path, "after", {"a": "R" * 20})
    (pair,) = compared(before, after).analysis.comparisons
    assert pair.sentence.startswith("not comparable: a@before: 10 of 20 cells have an answer (50.0%)")
    text = " ".join(" ".join(lines_of(compared(before, after))).split())
    assert "rates are on the 10 instances that both have; planned are also cells that did not run: variant" in text


def test_conditions_that_differ_are_told(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": BAD}, swebench="4.1.0", image_digest="sha256:1", grading={"profile": "p"})
    after = run_of(tmp_path, "after", {"a": GOOD}, image_digest="sha256:2", grading={"profile": "q"})
    assert compared(before, after).drift == (
        "grading profile: p against q",
        "swebench: 4.1.0 against 5.0.2",
        f"image: 20 instances ran in another one, e.g. {IDS[0]}",
    )


def test_oracles_are_not_to_be_ranked(tmp_path: Path) -> None:
    found = compared(run_of(tmp_path, "one", {"a": GOOD, "gold": "R" * 20}, oracles=["gold"]), against="gold")
    assert found.cautions == ("gold*: oracle, sees hidden tests or the reference patch; not to be ranked with others",)


def test_oracles_and_the_frame_are_held_against_variants_only_if_asked_for(tmp_path: Path) -> None:
    variants = {"a": GOOD, "b": BAD, "gold": "R" * 20, "null": "U" * 20}
    run = run_of(tmp_path, "one", variants, oracles=["gold"])
    assert [(one.baseline, one.variant) for one in compared(run).analysis.comparisons] == [("b", "a")]
    assert len(compared(run).analysis.variants) == 4
    asked = compared(run, against="gold").analysis.comparisons
    assert {(one.baseline, one.variant) for one in asked} == {("gold", "a"), ("gold", "b")}


def test_across_runs_oracles_and_the_frame_are_held_against_nothing_either(tmp_path: Path) -> None:
    frame = {"gold": "R" * 20, "null": "U" * 20}
    one = run_of(tmp_path, "one", {"a": GOOD, **frame}, oracles=["gold"])
    two = run_of(tmp_path, "two", {"a": BAD, **frame}, oracles=["gold"])
    other = run_of(tmp_path, "other", {"b": BAD, **frame}, oracles=["gold"])
    assert named(compared(one, two)) == [("a@one", "a@two")]
    assert compared(one, two).analysis.apart == {f"{name}@{run}" for name in frame for run in ("one", "two")}
    assert named(compared(one, other)) == [("a@one", "b@other")]
    assert named(compared(one, two, against="a@one")) == [("a@one", "a@two")]
    assert named(compared(one, two, against="null@two")) == [("null@two", "a@one"), ("null@two", "a@two")]
    alone = run_of(tmp_path, "frame", frame, oracles=["gold"])
    assert named(compared(one, alone)) == [("a@one", "gold@frame"), ("a@one", "null@frame")]


def test_what_others_resolve_of_dropped_instances_is_not_told_of_oracles_and_the_frame(tmp_path: Path) -> None:
    before = run_of(tmp_path, "before", {"a": GOOD, "gold": "R" * 20, "null": "U" * 20}, oracles=["gold"])
    (pair,) = compared(before, run_of(tmp_path, "after", {"a": "RURURU"}, ids=IDS[:6])).analysis.comparisons
    assert len(pair.dropped) == 14
    assert pair.others_on_dropped is None


def test_answers_that_no_rerun_makes_anew_get_no_advice_to_count(tmp_path: Path) -> None:
    once = "one set of answers: rerun luck is not measured (often sd 7.5 pp); make them again"
    reports = {"x": report(IDS[:9], IDS[9:]), "y": report(IDS[:4], IDS[4:])}
    tables = [put(tmp_path / f"{name}.json", told) for name, told in reports.items()]
    assert compared(*tables).analysis.hints == [once]
    graded = compared(run_of(tmp_path, "run", {"predictions": [GOOD] * 3}), tables[0]).analysis
    assert graded.hints == [once]
    (imported,) = [one for one in graded.variants if one.sample.variant == "predictions@run"]
    assert (imported.passes, imported.rate.rerun_sd) == (None, None)
    made = compared(run_of(tmp_path, "made", {"a": GOOD}), tables[0]).analysis.hints
    assert made == ["one repetition: rerun luck is not measured (often sd 7.5 pp); use --count 3"]


def test_the_same_results_twice_are_refused(tmp_path: Path) -> None:
    one = run_of(tmp_path, "one", {"a": GOOD})
    copy = Path(shutil.copytree(one, tmp_path / "copy"))
    for other in (one, copy):
        with pytest.raises(InputError, match="hold the same results, and nothing differs from itself"):
            compared(one, other)


def test_another_run_that_came_to_the_same_is_no_copy(tmp_path: Path) -> None:
    (pair,) = compared(*(run_of(tmp_path, name, {"a": GOOD}) for name in ("one", "two"))).analysis.comparisons
    assert (pair.ties, pair.word) == (20, Word.NONE)


def test_another_log_of_inspect_that_came_to_the_same_is_no_copy_either(tmp_path: Path) -> None:
    one, two = (put(tmp_path / f"{name}.json", inspect_log(dict.fromkeys(IDS, "C"), eval_id=name)) for name in "ab")
    (pair,) = compared(one, two).analysis.comparisons
    assert (pair.ties, pair.word) == (20, Word.NONE)
    with pytest.raises(InputError, match="hold the same results"):
        compared(one, Path(shutil.copy(one, tmp_path / "copy.json")))


@pytest.mark.parametrize(("made", "advice"), [("run", True), ("log", False)])
def test_only_a_run_of_ours_can_be_gone_on_with(tmp_path: Path, made: str, advice: bool) -> None:
    whole = put(tmp_path / "whole.json", inspect_log(dict.fromkeys(IDS, "C")))
    part = run_of(tmp_path, "part", {"a": "R" * 10})
    if made == "log":
        part = put(tmp_path / "part.json", inspect_log(dict.fromkeys(IDS, None)))
    text = " ".join(" ".join(lines_of(compared(whole, part))).split())
    assert "90% are needed" in text
    assert ("go on with --resume" in text) is advice


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, name, {"a": cells}) for name, cells in (("me@home (old)", BAD), ("me@home", GOOD))]
    assert named(compared(*runs)) == [("a@me-home-old", "a@me-home")]


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    one = run_of(tmp_path, "one", {"a": GOOD})
    other = put(tmp_path / "x.json", report(["other__other-1"], ["other__other-2"]))
    with pytest.raises(InputError, match="have no instance in common"):
        compared(one, other)


def test_a_single_variant_or_an_unknown_one_is_refused(tmp_path: Path) -> None:
    one = run_of(tmp_path, "one", {"a": GOOD})
    with pytest.raises(SelectionError, match=r"'one' has one variant \(a\), and a comparison takes two"):
        compared(one)
    two = run_of(tmp_path, "two", {"a": BAD, "b": BAD})
    with pytest.raises(SelectionError, match="--baseline-variant: unknown variant 'c'"):
        compared(one, two, against="c")
    with pytest.raises(SelectionError, match="unknown variant 'a'"):  # which of the two?
        compared(one, two, against="a")
    with pytest.raises(InputError, match="nothing to compare"):
        compare_sources([])


def test_the_answer_is_the_same_each_time(tmp_path: Path) -> None:
    paths = [run_of(tmp_path, "one", {"a": BAD}), run_of(tmp_path, "two", {"a": GOOD})]
    first, again = (json.dumps(compared(*paths).as_json()) for _ in range(2))
    assert first == again
    assert json.loads(first)["sources"][0]["kind"] == "a run"


def test_text_fits_80_columns_and_tells_all(tmp_path: Path) -> None:
    long = "a-workflow-with-a-long-name+some-maker-model-of-2026+t0.2"
    ids = [f"acme__acme-{number:02}" for number in range(40)]
    before = run_of(tmp_path, "before-20260101", {long: "R" * 8 + "U" * 31 + "I"}, ids=ids, swebench="4.1.0")
    after = run_of(tmp_path, "after-20260101", {long: "R" * 36 + "U" * 4}, ids=ids, images={ids[9]: "other"})
    lines = lines_of(compared(before, after), listed=3)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    assert "  p=1.5e-08 Holm 1.5e-08  better" in text
    assert "won: acme__acme-08 acme__acme-10 acme__acme-11 ... and 24 more" in text
    assert "left out, not the same in all: acme__acme-09" in text
    assert "differs: swebench: 4.1.0 against 5.0.2" in text
    assert "1 instance dropped" in text
    assert "one repetition: rerun luck is not measured" in text


def test_text_of_what_cannot_be_compared_makes_up_no_number(tmp_path: Path) -> None:
    text = "\n".join(lines_of(compared(run_of(tmp_path, "one", {"a": "I" * 20, "b": "R" * 20}))))
    assert text.splitlines()[0] == "one: a run, 20 instances, 40 cells"
    assert text.splitlines()[4].split() == ["a", "0/0/20", "-", "-", "-"]
    assert "not comparable: a: 0 of 20 cells have an answer (0.0%), and 90% are needed" in text


def test_text_warns_where_one_repository_makes_the_difference(tmp_path: Path) -> None:
    ids = [f"a__a-{n}" for n in range(10)] + [f"b__b-{n}" for n in range(10)]
    run = run_of(tmp_path, "one", {"x": "R" * 9 + "U" * 11, "y": "U" * 10 + "R" * 8 + "UU"}, ids=ids)
    text = "\n".join(lines_of(compared(run), listed=0))
    assert "rests on single repositories: without one it is -80.0 pp to +90.0 pp" in text
    assert "won:" not in text


@pytest.mark.parametrize("width", [80, 100, 120])
def test_long_names_fit_too(tmp_path: Path, width: int) -> None:
    name = "v" * 60
    sources = [read_source(run_of(tmp_path, run, {f"{name}1": told})) for run, told in (("one", "RU"), ("two", "RR"))]
    lines = lines_of(compare_sources(sources), width=width)
    assert max(map(len, lines)) <= width
