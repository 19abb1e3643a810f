"""Numbers, charts and tables of the report that need no browser to be right."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome, Verdict
from pytest_swebench.records.decision import keep_left
from pytest_swebench.records.flakes import Ledger
from pytest_swebench.reporting.html import bars, charts, curves, flakes, measures, sections, spending
from pytest_swebench.reporting.html.figures import SLICES, Figures, figures_of, limited_over_time
from pytest_swebench.reporting.html.markup import tag
from pytest_swebench.reporting.html.tables import moment, table
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.made import made_record
from tests.support.synthetic import described, instance, layout_in, recorded

R, U, N, C = Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.NO_PATCH, Outcome.CAPTURED


def plain(markup: str) -> str:
    """Return what is told, pieces apart."""
    return html.unescape(re.sub(r"(<[^>]*>)+", "|", markup))


def records(outcomes: dict[str, list[list[Outcome]]], **fields: Any) -> list[dict[str, Any]]:
    """Return records of variants: a list of repetitions for each instance, half of them of another repository."""
    return [
        made_record(Cell(f"{'one__one' if number % 2 else 'two__two'}-{number}", variant, rep), outcome, **fields)
        for variant, instances in outcomes.items()
        for number, reps in enumerate(instances)
        for rep, outcome in enumerate(reps, 1)
    ]


def figures(outcomes: dict[str, list[list[Outcome]]], **fields: Any) -> Figures:
    return figures_of(records(outcomes, **fields), {})


def test_requests_that_were_rate_limited_are_told_over_the_time_of_the_run() -> None:
    """Of every minute its own share, whatever time the cell took; those that ask no model stretch nothing."""
    idle = made_record(Cell("a__a-1", "gold", 1), finished_at="2026-01-01T09:00:00.000+00:00")
    early = made_record(Cell("a__a-2", "x", 1), calls=9, requests={"2026-01-01T03:00Z": [10, 1]}, provider_retries=1)
    late = {"2026-01-01T03:00Z": [10, 3], "2026-01-01T04:00Z": [10, 5]}
    found = limited_over_time([idle, early, made_record(Cell("a__a-3", "x", 1), calls=9, requests=late)])
    assert found is not None
    assert (found.sent, found.limited, found.again, found.untold, len(found.shares)) == (30, 9, 1, 0, SLICES)
    assert (found.shares[0], found.shares[-1]) == (pytest.approx(0.2), pytest.approx(0.5))
    assert set(found.shares[1:-1]) == {None}
    assert (moment(found.began), moment(found.ended)) == ("2026-01-01 03:00:00 UTC", "2026-01-01 04:01:00 UTC")
    assert limited_over_time([idle]) is None
    told = plain(spending.cost(figures_of([idle, early], {})))
    assert "1 of 10 requests (10.0 %) got a 429. They are counted by the minute.|1 were sent again: after a 429" in told


def test_a_run_shorter_than_a_slice_of_minutes_is_told_throughout() -> None:
    found = limited_over_time([made_record(Cell("a__a-1", "x", 1), requests={"2026-01-01T03:00Z": [7, 1]})])
    assert found is not None
    assert found.shares == (pytest.approx(1 / 7),) * SLICES


def test_without_a_429_the_page_says_so_and_of_old_records_what_is_not_known() -> None:
    calm = made_record(Cell("a__a-1", "x", 1), calls=9, requests={"2026-01-01T03:00Z": [9, 0]})
    assert "None of 9 requests got a 429." in plain(spending.cost(figures_of([calm], {})))
    old = made_record(Cell("a__a-2", "x", 1), calls=5, provider_retries=4)
    del old["requests"]
    told = plain(spending.cost(figures_of([old], {})))
    assert "got a 429" not in told
    assert "|4 were sent again: after a 429, from an overloaded" in told
    assert "|Records of 1 cell do not tell of their requests, only of 5 answers.|" in told


def test_oracles_and_the_frame_stand_last_and_in_no_headline(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    names = ["one__one-1", "one__one-2"]
    described(layout, ["a", "gold"], [instance(name) for name in names], 1)
    recorded(layout, [made_record(Cell(name, variant, 1), R if variant == "gold" else N)
                      for variant in ("a", "gold") for name in names])  # fmt: skip
    told = plain(write_report(view_run(layout.folder), tmp_path / "index.html").path.read_text(encoding="utf-8"))
    assert "|nothing was resolved|" in told
    assert "|resolved|0|of 2 attempted cells of a|" in told
    assert told.index("|0.0 %  0/2|") < told.index("|100.0 %  2/2|")


def test_patches_that_nobody_graded_make_no_rate_and_are_told_of(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    names = ["one__one-1", "one__one-2"]
    described(layout, ["a"], [instance(name) for name in names], 1)
    recorded(layout, [made_record(Cell(name, "a", 1), end) for name, end in zip(names, (C, N), strict=True)])
    told = plain(write_report(view_run(layout.folder), tmp_path / "index.html").path.read_text(encoding="utf-8"))
    assert "|resolved|-|of 0 attempted cells|" in told
    assert "|coverage|100.0 %|2 of 2 cells|" in told
    assert "|a: 1 patch without a verdict, so no rate and no comparison; the same command without " in told
    assert "nothing was resolved" not in told


def test_what_the_gate_left_out_is_told_apart_from_what_is_missing(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    names = [f"one__one-{number}" for number in range(6)]
    described(layout, ["a"], [instance(name) for name in names], 1)
    recorded(layout, [made_record(Cell(name, "a", 1), R) for name in names[:3]])
    keep_left(layout, [Cell(name, "a", 1) for name in names[3:5]])
    told = plain(write_report(view_run(layout.folder), tmp_path / "index.html").path.read_text(encoding="utf-8"))
    assert "|resolved|missing|left out by the gate|a|" in told  # the legend of how cells ended
    assert "|a: missing 1|" in told
    assert "|a: left out by the gate 2|" in told


def test_patches_of_another_tool_get_no_advice_to_repeat_them(tmp_path: Path) -> None:
    for variant, would in (("a", True), ("predictions", False)):
        layout = layout_in(tmp_path / variant)
        described(layout, [variant], [instance("one__one-0")], 1)
        recorded(layout, [made_record(Cell("one__one-0", variant, 1), R)])
        told = write_report(view_run(layout.folder), tmp_path / f"{variant}.html").path.read_text(encoding="utf-8")
        assert "one repetition: the luck of a rerun is not measured" in told
        assert ("; --count 3 would" in told) is would


def test_a_pair_is_told_from_either_side() -> None:
    found = figures({"a": [[U]] * 12, "b": [[R]] * 10 + [[U]] * 2})
    (pair,) = found.pairs_json()
    assert (pair["a"], pair["b"]) == ("a", "b")
    assert pair["told"].startswith("b is better than a: +83.3 pp [")
    assert pair["back"].startswith("a is worse than b: -83.3 pp [")
    assert pair["back"].endswith("p = 0.002 (sign-flip), 0.002 after Holm")
    (alone,) = figures({"a": [[U]], "b": [[R]]}).pairs_json()
    assert alone["back"].startswith("not comparable: ")


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ({}, ""),
        ({"a": [[Outcome.INFRA]]}, ""),
        ({"a": [[R]]}, "a resolved 1 of 1; one instance says nothing of others."),
        ({"a": [[R], [U]]}, "a resolves 50.0 % of instances like these (95 % interval 9.5 to 90.5)."),
        ({"a": [[U]] * 12, "b": [[R]] * 10 + [[U]] * 2}, "b has the highest rate, 83.3 %; better than a."),
        ({"a": [[U], [U], [R]], "b": [[R], [U], [R]]}, "b has the highest rate, 66.7 %; no difference shown from a."),
        ({"a": [[U], [U]], "b": [[U], [U]]}, "None of 2 variants resolved anything."),
        (
            {"a": [[U], [R]], "b": [[R], [U]], "c": [[U], [U]]},
            "a, b share the highest rate, 50.0 %; no difference shown from c.",
        ),
        ({"a": [[U], [U]], "b": [[R], [Outcome.INFRA]]}, "b has the highest rate, 100.0 %; not comparable with a."),
        ({"gold": [[R]] * 2, "null": [[U]] * 2, "a": [[R], [U]]},
         "a resolves 50.0 % of instances like these (95 % interval 9.5 to 90.5)."),
        ({"gold": [[R]] * 2, "null": [[U]] * 2}, ""),
        ({"a": [[R]], "b": [[R]]}, "a, b share the highest rate, 100.0 %; one instance says nothing of others."),
    ],
)  # fmt: skip
def test_the_first_sentence_says_no_more_than_may_be_said(outcomes: dict[str, list[list[Outcome]]], told: str) -> None:
    assert sections.lead(figures(outcomes)) == told


def test_the_first_sentence_names_three_and_counts_the_rest() -> None:
    found = figures({"a": [[R], [U], [U]]} | {name: [[U]] * 3 for name in "bcdef"})
    assert sections.lead(found) == "a has the highest rate, 33.3 %; no difference shown from b, c, d and 2 more."


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ((1.0, 2.0), "|$3.00|$0.00 of it on broken cells|"),
        ((0.0, 0.0), "|$0.00|nothing was paid|"),
        ((None, 2.0), "|$2.00 + unknown|not every price is known|"),
        ((None, None), "|cost|unknown|"),
    ],
)
def test_a_cost_that_nobody_knows_is_no_zero(
    tmp_path: Path, costs: tuple[float | None, float | None], told: str
) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance("one__one-1"), instance("one__one-2")], 1)
    recorded(
        layout, [made_record(Cell(f"one__one-{number}", "a", 1), cost_usd=usd) for number, usd in enumerate(costs, 1)]
    )
    text = write_report(view_run(layout.folder), tmp_path / "index.html").path.read_text(encoding="utf-8")
    assert told in plain(text)


def test_curves_begin_at_the_rate_and_part_from_there() -> None:
    found = figures({"a": [[R, R, U], [U, U, U], [R, R, R]], "b": [[R], [U], [R]]})
    ((name, curve),) = found.curves
    assert name == "a"
    assert [one.k for one in curve] == [1, 2, 3]
    assert curve[0].at_least_once == pytest.approx(5 / 9)
    assert curve[0].every_time == pytest.approx(5 / 9)
    assert curve[2].at_least_once == pytest.approx(2 / 3)
    assert curve[2].every_time == pytest.approx(1 / 3)
    drawn = curves.tries(found.curves, "both")
    assert drawn.count("<path") == 2
    assert "a, at least once: k = 1: 55.6 %; k = 2: 66.7 %; k = 3: 66.7 %" in html.unescape(drawn)


def test_nothing_on_the_frontier_is_beaten() -> None:
    rows = [charts.Point(name, x, y) for name, x, y in (("a", 1, 50), ("b", 2, 40), ("c", 3, 60), ("d", 1, 30))]
    assert [one.name for one in charts.frontier(rows)] == ["a", "c"]


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.08, 0.9, [0.05, 0.1, 0.2, 0.5, 1.0]),
        (1.0, 1.0, [1.0, 2.0]),
        (0.02, 900.0, [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]),
    ],
)
def test_marks_hold_the_values_between_them(low: float, high: float, marks: list[float]) -> None:
    assert charts.decades(low, high) == pytest.approx(marks)


def test_points_of_one_rate_and_free_ones_are_drawn() -> None:
    drawn = charts.points([charts.Point("a", 0.0, 100.0), charts.Point("b", 0.0, 100.0)], "label", "x", "y")
    assert drawn.count("<circle") == 2
    assert "|100 %|" in plain(drawn)
    assert charts.points([charts.Point("a", 1.0, 0.0)], "label", "x", "y").count("<circle") == 1


def test_a_bar_tells_its_parts_and_leaves_out_those_of_nothing() -> None:
    row = bars.Stack("a", (bars.Part("one", "f0", 3, "3"), bars.Part("none", "f1", 0, "0")), "3")
    drawn = bars.stacks([row], "label")
    assert drawn.count("<rect") == 1
    assert "a: one 3" in plain(drawn)
    assert "none" not in plain(drawn)


def test_repositories_are_drawn_with_what_the_rest_says() -> None:
    found = figures({"a": [[U]] * 12, "b": [[R], [U]] * 5 + [[R], [R]]})
    told = plain(measures.forests(found.analysis.comparisons) or "")
    assert "b against a: +58.3 pp, without one repository +16.7 to +100.0 pp" in told
    assert "two/two (6)" in told
    assert "+16.7 pp; without +100.0 pp" in told


def test_steps_beyond_the_colours_are_put_together() -> None:
    steps = {f"step_{number}": 1000 * (number + 1) for number in range(9)}
    told = plain(spending.cost(figures({"a": [[R]]}, per_step_tokens=steps)))
    assert "a: others 6.0k" in told  # the three smallest
    assert "step 8" in told
    assert "a|step_0|1,000" in told


def test_ledgers_tests_and_rates_without_the_unfit_are_shown(tmp_path: Path) -> None:
    names = ["one__one-1", "one__one-2", "one__one-3"]
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance(name) for name in names], 2)
    recorded(layout, [made_record(Cell(name, "a", rep), R if name == names[0] or (name == names[1] and rep == 1) else U)
                      for name in names for rep in (1, 2)])  # fmt: skip
    ledger = Ledger(gold=3, gold_resolved=2, null=1, listed={"PASS_TO_PASS": 3}, tests={"test_net": [2, 3]})
    fit = Ledger(gold=2, gold_resolved=2, null=1)
    path = write_report(
        view_run(layout.folder),
        tmp_path / "index.html",
        ledgers={names[0]: ledger, names[1]: fit},
        unfit={names[0]: ledger.reason},
    ).path
    told = plain(path.read_text(encoding="utf-8").partition('<section id="integrity"')[2].partition("</section>")[0])
    assert "|one__one-1|2/3|0/1|-|1|gold fails sometimes (2 of 3 resolved): test_net|" in told
    assert told.index("|one__one-1|2/3") < told.index("|one__one-2|2/2|0/1|-|-|fit|")
    assert "|one__one-1|test_net|2 of 3|66.7 %|" in told
    assert "|a|50.0 %|25.0 %|-25.0 pp|" in told
    assert "every time 1" in told
    assert "now and then: flaky 1" in told


def test_ledgers_stand_in_the_order_of_their_numbers() -> None:
    told = plain(flakes.ledger_table({f"a__a-{number}": Ledger(gold=1, gold_resolved=1) for number in (10, 9)}))
    assert told.index("a__a-9|") < told.index("a__a-10|")


def test_without_any_ledger_the_way_to_one_is_named() -> None:
    assert "swebench-runner validate-env" in plain(flakes.ledger_table({}))


def test_more_ledgers_than_a_page_holds_are_counted() -> None:
    many = {f"a__a-{number}": Ledger(gold=2, gold_resolved=1, tests={f"t{number}": [1, 2]}) for number in range(90)}
    told = plain(flakes.ledger_table(many))
    assert "... and 30 instances more" in told
    assert told.count("gold fails sometimes") == 60


def test_columns_of_words_stand_left_and_verdicts_stand_out() -> None:
    drawn = table("t", ("a", "says", "n"), [("x", "better", "1")], words=["says"])
    assert '<td class="words verdict good">better</td><td>1</td>' in drawn
    assert '<th scope="col" class="words">says</th>' in drawn


def test_an_element_that_may_hold_a_title_does() -> None:
    assert tag("circle", tag("title", "<x>"), r=1) == '<circle r="1"><title>&lt;x&gt;</title></circle>'
    assert tag("circle", r=1) == '<circle r="1"/>'


def test_what_a_tested_patch_failed_is_no_part_of_the_first_page(tmp_path: Path) -> None:
    """The island holds numbers and names alone; texts of cells lie in bundles."""
    verdict = Verdict(False, True, {"FAIL_TO_PASS": {"success": [], "failure": ["test_secret_name"]}}).as_json()
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance("one__one-1")], 1)
    recorded(layout, [made_record(Cell("one__one-1", "a", 1), U, verdict=verdict)])
    text = write_report(view_run(layout.folder), tmp_path / "index.html").path.read_text(encoding="utf-8")
    assert "test_secret_name" not in text


def test_oracles_and_the_frame_stand_last_in_every_table(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    names = ["gold", "null", "turns10", "turns5"]
    described(layout, names, [instance("one__one-0")], 1)
    recorded(layout, records({name: [[R]] for name in names}, per_step_tokens={"ap_plan": 9}))
    path = tmp_path / "page.html"
    write_report(view_run(layout.folder), path)
    page = path.read_text(encoding="utf-8")
    captions = ("Results by variant", "Rates", "What attempted cells took", "Tokens by step, mean of a cell",
                "Resolved cells by integrity")  # fmt: skip
    for caption in captions:
        (found,) = re.findall(rf"<table[^>]*><caption[^>]*>{caption}</caption>.*?</table>", page, re.DOTALL)
        rows = [re.search(r"turns5|turns10|gold|null", row) for row in found.split("<tr")[2:]]
        assert [row[0] for row in rows if row] == ["turns5", "turns10", "gold", "null"], caption
    told = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert told is not None
    assert [one["name"] for one in json.loads(told[1])["variants"]] == ["turns5", "turns10", "gold", "null"]
