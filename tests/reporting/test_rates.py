"""The table of variants."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.results import Merged
from pytest_swebench.records.summary import summarise
from pytest_swebench.reporting.pairs import pair_lines
from pytest_swebench.reporting.rates import Table, short_names
from pytest_swebench.reporting.totals import missing_lines, total_line
from tests.support.made import made_record

GOOD, BAD, CAPTURED = Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.CAPTURED


def merged(**variants: list[Outcome]) -> Merged:
    """Return a run of one repetition by variant -> outcomes of its instances."""
    records = [
        made_record(Cell(f"acme__acme-{number}", name, 1), outcome, oracle=name == "gold")
        for name, outcomes in variants.items()
        for number, outcome in enumerate(outcomes)
    ]
    return Merged(records, summarise(records, {}), damaged=0)


def lines(run: Merged, width: int = 79) -> list[str]:
    table = Table(run.summaries, run.analysis, width)
    return [*table.head(), *table.rows()]


def free(run: Merged) -> Merged:
    """Return a run that cost nothing and counted no token."""
    records: list[dict[str, Any]] = [
        {**one, "cost_usd": 0.0, "tokens": {"input": 0, "output": 0, "cache_read": 0, "cache_write": 0}}
        for one in run.records
    ]
    return Merged(records, summarise(records, {}), damaged=0)


def test_variants_stand_by_their_rate_and_the_frame_behind_them() -> None:
    run = free(merged(gold=[GOOD] * 4, null=[Outcome.NO_PATCH] * 4, b=[GOOD, BAD, BAD, BAD], a=[GOOD, GOOD, BAD, BAD]))
    head, below, *rows = lines(run)
    assert head.split() == ["of"]
    assert below.split() == ["variant", "resolved", "rate", "95%", "interval", "graded", "time", "0%", "50%", "100%"]
    assert [row.split()[:6] for row in rows] == [
        ["a", "2/4", "50.0%", "15.0", "-", "85.0"],
        ["b", "1/4", "25.0%", "4.6", "-", "69.9"],
        ["gold*", "4/4", "100.0%", "51.0", "-", "100.0"],
        ["null", "0/4", "0.0%", "0.0", "-", "49.0"],
    ]
    assert [row.split()[-1] for row in rows] == [
        "|..[-------O------]..|",
        "|[----O--------].....|",
        "|.........[---------O|",
        "|O---------].........|",
    ]


@pytest.mark.parametrize(("width", "drawn"), [(79, True), (71, True), (70, False), (40, False)])
def test_the_drawing_is_dropped_below_72_columns_and_what_has_no_room_with_it(width: int, drawn: bool) -> None:
    found = lines(merged(a=[GOOD, BAD], b=[GOOD, GOOD]), width)
    assert max(map(len, found)) <= width
    assert ("|" in found[-1]) is drawn
    assert found[-1].split()[:3] == ["a", "1/2", "50.0%"]


def test_rate_of_graded_cells_stands_beside_where_it_differs() -> None:
    assert not any("graded" in line for line in lines(merged(a=[GOOD, BAD])))
    head, below, row = lines(merged(a=[GOOD, BAD, Outcome.LIMIT]))
    assert head.index("of") + len("of") == below.index("graded") + len("graded")
    assert row[: below.index("graded") + len("graded")].split()[-1] == "50.0%"


def test_clean_cells_are_counted_where_one_is_in_doubt() -> None:
    run = merged(a=[GOOD, GOOD])
    assert "clean" not in lines(run)[0]
    run.records[0]["integrity"] = {"state": "suspect", "reasons": ["x"]}
    doubted = Merged(run.records, summarise(run.records, {}), 0)
    head, row = lines(doubted)
    assert row[: head.index("clean") + len("clean")].split()[-1] == "1"


def test_more_than_ten_variants_are_counted() -> None:
    run = merged(**{f"v{number:02}": [GOOD] * number + [BAD] * (12 - number) for number in range(12)})
    found = lines(run)
    assert [line.split()[0] for line in found[1:]] == [*(f"v{number:02}" for number in range(11, 1, -1)), "..."]
    assert found[-1] == "... 2 more"
    table = Table(run.summaries, run.analysis, 79)
    assert len(table.in_short()) == 11
    assert table.in_short()[-1] == "... 2 more"


def test_answers_that_are_only_captured_have_no_rate() -> None:
    run = merged(a=[Outcome.CAPTURED] * 2)
    assert lines(run)[0].split() == ["variant", "captured", "cost", "$", "time", "tokens"]
    assert Table(run.summaries, run.analysis, 79).in_short() == ["a: 2/2 captured, $0.50"]
    assert total_line(run.summaries) == ""


def test_variants_that_answered_nothing_say_so_in_short() -> None:
    run = merged(a=[Outcome.INFRA] * 2, b=[GOOD] * 2)
    assert Table(run.summaries, run.analysis, 79).in_short() == [
        "b: 2/2 100.0% [34.2 - 100.0], $0.50",
        "a: no answer from 2 cells, $0.50",
    ]


def test_counts_of_all_variants_have_both_denominators_and_the_cost() -> None:
    run = merged(a=[GOOD, BAD, Outcome.LIMIT, Outcome.INFRA], b=[GOOD, BAD, BAD, BAD])
    assert total_line(run.summaries) == "attempted 7 of 8 cells (88%), graded 6, total cost $2.00"
    run.records[0]["cost_usd"] = None
    unknown = summarise(run.records, {})
    assert total_line(unknown) == "attempted 7 of 8 cells (88%), graded 6, total cost $1.00, some of it unknown"


def test_no_share_is_told_as_whole_where_a_cell_lacks() -> None:
    run = free(merged(a=[GOOD] * 300 + [Outcome.INFRA]))
    assert total_line(run.summaries) == "attempted 300 of 301 cells (99%), graded 300"


def test_prompts_beside_others_are_not_missing() -> None:
    run = free(merged(a=[GOOD, BAD, Outcome.CAPTURED], b=[GOOD, BAD, Outcome.INFRA]))
    (captured,) = [record for record in run.records if record["outcome"] == Outcome.CAPTURED]
    captured["type"], captured["scenario_id"] = "scenario_result", captured.pop("instance_id")
    run = Merged(run.records, summarise(run.records, {}), damaged=0)
    assert total_line(run.summaries) == "attempted 4 of 5 cells (80%), graded 4"
    assert Table(run.summaries, run.analysis, 79).in_short() == [
        "a: 1/2 50.0% [9.5 - 90.5]",
        "b: 1/2 50.0% [9.5 - 90.5], 1 missing",
    ]


def test_ungraded_patches_beside_verdicts_are_missing() -> None:
    run = free(merged(a=[GOOD, BAD, CAPTURED, CAPTURED]))
    assert total_line(run.summaries) == "attempted 2 of 4 cells (50%), graded 2"
    assert missing_lines(run.summaries, {"a": "a"}) == ["missing: a 2 not graded of 4 cells; coverage 50.0%"]
    assert Table(run.summaries, run.analysis, 79).in_short() == ["a: 1/2 50.0% [9.5 - 90.5], 2 missing"]


def test_what_the_gate_left_out_is_told_in_short_and_not_as_missing() -> None:
    records = free(merged(a=[GOOD, BAD, Outcome.INFRA])).records
    run = Merged(records, summarise(records, {"a": 5}, {"a": 2}), damaged=0)
    told = "a: 1/2 50.0% [9.5 - 90.5], 1 missing, 2 left out by the gate"
    assert Table(run.summaries, run.analysis, 79).in_short() == [told]


def test_cells_without_a_patch_make_no_rate_where_no_patch_is_graded() -> None:
    run = free(merged(a=[CAPTURED, CAPTURED, Outcome.NO_PATCH], b=[GOOD, BAD, BAD]))
    assert [row.split()[:4] for row in lines(run)[1:]] == [["b", "0/3", "1/3", "33.3%"], ["a", "2/3", "-", "-"]]
    assert total_line(run.summaries) == "attempted 3 of 3 cells (100%), graded 3"
    assert Table(run.summaries, run.analysis, 79).in_short()[1] == "a: 2/3 captured"
    assert (run.summaries[0].rate_of_attempted, run.summaries[0].coverage) == (None, 1.0)


def test_names_are_cut_in_the_middle_and_keep_what_tells_them_apart() -> None:
    cut = {
        "agent+a-long-model+t0.15+turns100": "agent+a-lo..15",
        "agent+a-long-model+t0.2+turns100": "agent+a-lon..2",
        "baseline": "baseline",
        "a-name-that-has-no-neighbour": "a-name..ghbour",
    }
    assert short_names(list(cut), 14) == cut
    assert short_names(list(cut), 40) == {name: name for name in cut}
    deep = [f"k{'m' * 9}{one}{'m' * 9}k" for one in (1, 2)]
    far = [f"begins{own}finish" for own in (*deep, "z" * 21)]
    assert list(short_names(far, 14).values()) == ["begin..inish~1", "begin..inish~2", "..zzzzz..zzzzz"]


@given(st.sets(st.text("ab+.", min_size=1, max_size=40), min_size=1, max_size=30), st.integers(10, 60))
def test_no_two_short_names_are_alike_and_none_is_wider(names: set[str], width: int) -> None:
    short = short_names(sorted(names), width)
    assert short.keys() == names
    assert len(set(short.values())) == len(names)
    assert max(map(len, short.values())) <= width


def test_published_results_of_four_models_to_the_printed_digits(shared_data: Path) -> None:
    table = json.loads((shared_data / "leaderboard" / "mini_verified_four_models.json").read_text(encoding="utf-8"))
    records = [
        made_record(Cell(name, model, 1), GOOD if one["resolved"] else BAD, cost_usd=one["cost"])
        for model, instances in table.items()
        for name, one in instances.items()
    ]
    run = Merged(records, summarise(records, {}), damaged=0)
    shown = [re.sub(r"\|.*\|", "", line).split() for line in lines(run)[1:]]
    assert [[row[0], row[1], row[2], "".join(row[3:6]), *row[6:8]] for row in shown] == [
        ["sonnet-4-5", "353/500", "70.6%", "66.5-74.4", "279.17", "0.79"],
        ["gpt-5", "325/500", "65.0%", "60.7-69.1", "140.19", "0.43"],
        ["sonnet-4", "324/500", "64.8%", "60.5-68.9", "185.73", "0.57"],
        ["gpt-5-mini", "299/500", "59.8%", "55.4-64.0", "17.74", "0.06"],
    ]
    names = Table(run.summaries, run.analysis, 79).names
    head, *pairs = pair_lines(run.analysis, names, 79)
    assert head == "paired on 500 instances, in pp; exact sign-flip p, Holm over 6 pairs"
    assert [" ".join(pair.split()) for pair in pairs] == [
        "sonnet-4-5 vs gpt-5-mini +10.8 [+6.8, +14.7] 79 won 25 lost p=6.3e-07 better",
        "sonnet-4-5 vs sonnet-4 +5.8 [+2.3, +9.3] 54 won 25 lost p=.007 better",
        "sonnet-4-5 vs gpt-5 +5.6 [+2.1, +9.0] 53 won 25 lost p=.008 better",
        "gpt-5 vs gpt-5-mini +5.2 [+1.6, +8.7] 54 won 28 lost p=.016 better",
        "sonnet-4 vs gpt-5-mini +5.0 [+1.2, +8.8] 59 won 34 lost p=.025 better",
        "gpt-5 vs sonnet-4 +0.2 [-3.4, +3.8] 41 won 40 lost p=1 none",
        "none: no difference shown; alone, 5.0 pp or more would show in 4 of 5 runs",
    ]
    assert max(map(len, pairs)) <= 79
