"""What a reader must know before the numbers are believed, and how variants are held against each other."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.datasets.instance import Kind
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.results import Merged
from pytest_swebench.records.summary import summarise
from pytest_swebench.reporting.attention import points_to_look_at, sentences
from pytest_swebench.reporting.pairs import pair_lines
from pytest_swebench.reporting.totals import missing_lines, repetition_line
from tests.support.made import made_record

LUCK = "one repetition: rerun luck is not measured (often sd 23.7 pp); use --count 3"
ALONE = "one variant: nothing to compare it with; swebench-runner compare takes two runs"
ONE = "one instance: its rate says nothing of others; no interval, no comparison"
UNGRADED = (
    "without a verdict, so no rate and no comparison; the same command without --generate-only (`run` for "
    "`generate`), with --resume=RUN, grades them"
)
UP_TO = "its rate may be up to 65.8%, no cost per resolved"
PROMPTS = "which nothing grades, so no rate and no comparison; swebench-runner report RUN shows them"
_LETTERS = {
    "N": Outcome.NO_PATCH,
    "R": Outcome.RESOLVED,
    "U": Outcome.UNRESOLVED,
    "I": Outcome.INFRA,
    "E": Outcome.ERROR,
    "C": Outcome.CAPTURED,
}


def run(planned: int = 0, reps: int = 1, *, left: int = 0, **variants: str) -> Merged:
    """Return a run from the outcomes of each variant's instances, a letter each, the same in every repetition.

    Of each variant a decided gate has `left` cells out.
    """
    records: list[dict[str, Any]] = [
        made_record(
            Cell(f"acme__acme-{number}", name, rep),
            _LETTERS[letter],
            oracle=name == "gold",
            kind=Kind.SCENARIO if name == "prompts" else Kind.ISSUE,
        )
        for name, letters in variants.items()
        for number, letter in enumerate(letters)
        for rep in range(1, reps + 1)
    ]
    by_gate = dict.fromkeys(variants, left)
    return Merged(records, summarise(records, dict.fromkeys(variants, planned), by_gate), damaged=0)


def said(found: Merged) -> list[str]:
    names = {one.variant: one.variant for one in found.summaries}
    return sentences(found.summaries, found.analysis, names)


def pairs(found: Merged, width: int = 79) -> list[str]:
    names = {one.variant: one.variant for one in found.summaries}
    return pair_lines(found.analysis, names, width)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (run(a="RU", b="UR"), []),
        (run(a="II", b="E"), ["no cell has an answer that counts (3 broken): no rate, nothing to compare"]),
        (run(2, a="", b=""), ["no cell has an answer that counts (none has run): no rate, nothing to compare"]),
        (run(a="CC"), [f"2 patches {UNGRADED}"]),
        (run(a="CN", b="NN", c="C"), [f"a, c: 2 patches {UNGRADED}", f"b resolved none of 2 attempted cells; {UP_TO}"]),
        (
            run(a="RU", b="UC", c="C"),
            [f"c: 1 patch {UNGRADED}", "b resolved none of 1 attempted cell; no cost per resolved"],
        ),
        (run(a="RU", b="CC"), [f"b: 2 patches {UNGRADED}"]),
        (run(**{name: "C" for name in "abcd"}, e="R"), [f"a, b, c and 1 more: 4 patches {UNGRADED}", ONE]),
        (run(prompts="CC"), [f"2 captured answers, {PROMPTS}"]),
        (run(a="RU", prompts="C"), [f"prompts: 1 captured answer, {PROMPTS}"]),
        (run(a="R", b="U"), [ONE]),
        (run(a="RURU"), [ALONE]),
        (run(a="RURU", gold="RRRR", null="UUUU"), [ALONE]),
        (run(gold="RRRR", null="UUUU"), []),
        (
            run(a="U" * 20, b="R" * 20),
            ["a resolved none of 20 attempted cells; its rate may be up to 16.1%, no cost per resolved"],
        ),
        (run(a="UI", b="RR"), ["a resolved none of 1 attempted cell; no cost per resolved"]),
        (run(a="UU", b="UU", c="UU"), ["a, b, c resolved nothing; no cost per resolved"]),
        (run(a="UU", b="UU", c="UU", d="UU"), ["a, b, c and 1 more resolved nothing; no cost per resolved"]),
    ],
)
def test_odd_runs_have_a_sentence_each(found: Merged, expected: list[str]) -> None:
    assert said(found) == expected


@pytest.mark.parametrize(
    ("found", "quarantined", "expected"),
    [
        (run(a="RU", b="UR", reps=2), (), []),
        (run(a="RU", b="UR"), (), [LUCK]),
        (run(gold="RR", null="UU"), (), []),
        (run(3, a="RU", reps=2), ("x",), ["1 instance in quarantine; swebench-runner validate-env"]),
        (run(a="IRUE", reps=2), (), ["4 of 8 cells lack an answer; swebench-runner analyze-errors run-1"]),
        (
            run(4, a="RUCC", reps=2),
            (),
            [f"4 patches not graded yet; {UNGRADED.rpartition('; ')[2].replace('RUN', 'run-1')}"],
        ),
        (
            run(3, a="II"),
            (),
            [
                "2 of 3 cells lack an answer; swebench-runner analyze-errors run-1",
                "1 of 3 cells not run; the same command with --resume=run-1 runs them",
            ],
        ),
        (
            run(a="RU", b="UR", c="RR", d="UU", reps=2),
            (),
            [
                "6 pairs are tested, 3 if one is the baseline; swebench-runner compare run-1 --baseline-variant=NAME",
            ],
        ),
    ],
)
def test_what_asks_for_attention_comes_with_what_shows_more(
    found: Merged, quarantined: tuple[str, ...], expected: list[str]
) -> None:
    assert points_to_look_at(found.records, found.summaries, quarantined, found.analysis, "run-1") == expected


def test_cells_that_a_decided_gate_left_out_are_not_missed() -> None:
    found = run(13, left=5, a="RURUIE" + "R" * 2)
    points = points_to_look_at(found.records, found.summaries, (), found.analysis)
    assert points[0] == "2 of 13 cells lack an answer; swebench-runner analyze-errors RUN"
    assert (found.not_run, found.left_by_gate) == (0, 5)
    assert missing_lines(found.summaries, {"a": "a"}) == [
        "missing: a 1 infra, 1 error of 13 cells; coverage 46.2%",
        "left out by the gate: a 5 of 13 cells; coverage 46.2%",
    ]
    whole = run(13, left=9, a="RURU")
    points = points_to_look_at(whole.records, whole.summaries, (), whole.analysis)
    assert points == ["one repetition: rerun luck is not measured (often sd 16.8 pp); use --count 3"]
    assert len(missing_lines(whole.summaries, {"a": "a"})) == 1


def test_nobody_is_told_to_go_on_with_a_run_that_its_gate_ended() -> None:
    found = run(13, left=9, a="RURU", b="UURU")
    names = {"a": "a", "b": "b"}
    assert pairs(found, 200)[-1].endswith("90% are needed; go on with --resume")
    assert pair_lines(found.analysis, names, 200, by_gate=True)[-1].endswith("90% are needed")


def test_cells_in_doubt_are_counted_by_state() -> None:
    found = run(a="RRRRU", reps=2)
    for record, state in zip(found.records, ("suspect", "tampered", "not_controlled", "suspect"), strict=False):
        record["integrity"]["state"] = state
    found.records[-1]["integrity"]["state"] = "not_controlled"  # of a cell that is not resolved
    (point,) = points_to_look_at(found.records, found.summaries, (), found.analysis)
    assert point == "integrity: 1 tampered, 2 suspect, 1 not_controlled; swebench-runner trace CELL"


def test_a_pair_is_told_with_its_interval_and_what_it_could_have_seen() -> None:
    assert pairs(run(tdd="R" * 20 + "U" * 10, base="U" * 15 + "R" * 5 + "U" * 10)) == [
        "paired on 30 instances, in pp; exact sign-flip p, Holm over 1 pair",
        "  tdd vs base  +50.0 [+26.8, +67.0] 15 won 0 lost p=6.1e-05 better",
    ]
    lines = pairs(run(tdd="RU" * 10, base="UR" * 10))
    assert lines[1] == "  tdd vs base  +0.0 [-44.3, +44.3] 10 won 10 lost p=1 none"
    assert lines[2:] == ["  none: no difference shown; 59.7 pp or more would show in 4 of 5 runs"]
    # of several pairs p is adjusted, and so much would not show as often
    several = run(tdd="RU" * 10, base="UR" * 10, plain="RU" * 10)
    assert pairs(several)[-1] == "  none: no difference shown; alone, 59.7 pp or more would show in 4 of 5 runs"


def test_too_few_instances_are_promised_nothing() -> None:
    assert pairs(run(tdd="RURU", base="URUU"))[-1] == (
        "  none: no difference shown; fewer than 6 instances cannot show any difference"
    )
    several = run(tdd="RURUUR", base="URUURU", plain="RUUUUU")
    assert pairs(several, 120)[-1].endswith("fewer than 7 instances cannot show any difference among 3 pairs")
    assert "could see" not in run(tdd="RURU", base="URUU").analysis.comparisons[0].sentence


def test_one_variant_the_frame_and_captured_answers_are_not_compared() -> None:
    assert pairs(run(a="RU")) == []
    assert pairs(run(a="RU", gold="RR", null="UU")) == []
    assert pairs(run(gold="RR", null="UU")) == []
    assert pairs(run(a="CC", b="CC")) == []
    assert pairs(run(a="II", b="II")) == []


def test_pairs_that_cannot_be_compared_say_why() -> None:
    lines = pairs(run(10, a="R" * 10, b="R" * 5))
    assert lines == [
        "  b vs a: not comparable: b: 5 of 10 cells have an answer (50.0%), and 90% are",
        "    needed; go on with --resume",
    ]
    assert pairs(run(2, a="RI", b="IR"))[0].startswith("  b vs a: not comparable: ")  # no common instance, no p


def test_of_many_pairs_those_with_the_best_are_shown_and_p_is_adjusted_for_all() -> None:
    found = run(**{name: "R" * number + "U" * (20 - number) for number, name in enumerate("abcde", 8)})
    lines = pairs(found)
    assert lines[0].endswith("Holm over 10 pairs")
    assert [line.split()[:3] for line in lines[1:5]] == [["e", "vs", name] for name in "abcd"]
    assert lines[-1] == "  ... 6 more pairs: swebench-runner compare RUN"
    long = run(**{f"a_long_name_{name}": "R" * number + "U" * (20 - number) for number, name in enumerate("abcde", 8)})
    narrow = pairs(long, 70)
    assert narrow[1:3] == ["  a_long_name_e vs", "    a_long_name_a  +20.0 [-3.5, +39.9]  4 won 0 lost p=1 none"]
    assert max(map(len, narrow)) <= 70


def test_long_names_stand_above_their_numbers() -> None:
    found = run(**{f"a_long_name_{name}": "RURRUU" * 5 for name in "abc"})
    lines = pairs(found, 70)
    assert max(map(len, lines)) <= 70
    assert lines[1].split() == ["a_long_name_b", "vs", "a_long_name_a"]
    assert lines[2].split() == ["+0.0", "[-9.0,", "+9.0]", "0", "won", "0", "lost", "p=1", "none"]


def test_a_claim_is_told_with_what_missing_cells_could_make_of_it() -> None:
    found = run(a="R" * 40 + "I" * 2 + "U" * 8, b="U" * 48 + "RR")
    lines = pairs(found)
    assert lines[1].split()[-1] == "better"
    assert lines[2] == "  a vs b: +76.0 to +80.0 pp if all that is missing spoke against it, or for it"
    assert pairs(run(a="R" * 40 + "U" * 10, b="U" * 48 + "RR"))[2:] == []


def test_repetitions_tell_luck_and_what_is_solved_at_least_once() -> None:
    found = run(a="RRUU", gold="RRRR", b="UUUU", reps=2)
    for record in found.records[:8:4]:  # two instances of a lose one of two repetitions
        record["outcome"] = "unresolved"
    again = Merged(found.records, summarise(found.records, {}), damaged=0)
    names = {one.variant: one.variant for one in again.summaries}
    assert repetition_line(again.summaries, again.analysis, names) == (
        "at least once/every time in 2 tries: a 50.0/25.0%, rerun sd 12.5 pp; b 0.0/0.0%, rerun sd 0.0 pp"
    )
    again.records[0]["outcome"] = "infra"
    fewer = Merged(again.records, summarise(again.records, {}), damaged=0)
    assert repetition_line(fewer.summaries, fewer.analysis, names) == (
        "at least once/every time in 2 tries: a 33.3/33.3% on 3 instances, rerun sd 0.0 pp; b 0.0/0.0%, rerun sd 0.0 pp"
    )
    once = run(a="RU")
    assert repetition_line(once.summaries, once.analysis, {"a": "a"}) == ""
