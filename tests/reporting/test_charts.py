"""The six charts and their tables: what they show, that they repeat themselves, and what happens if one fails."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pytest_swebench.cell import Cell
from pytest_swebench.cli.visualize import visualize
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.providers.protocol import Usage
from pytest_swebench.reporting.charts.drawing import CHARTS
from pytest_swebench.reporting.charts.material import Material, material_of
from pytest_swebench.reporting.charts.tables import markdown, pairs_csv
from pytest_swebench.reporting.charts.writing import write_charts
from pytest_swebench.reporting.reading import view_run
from tests.support.charted import IDS, made, material
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytest.importorskip("matplotlib", reason="the extra `charts` is not installed")


def words(figure: Figure) -> str:
    """Return all that a figure says, wherever it stands."""
    from matplotlib.text import Text

    return "\n".join(one.get_text() for one in figure.findobj(Text))


def test_every_chart_is_an_svg_and_a_png_and_repeats_itself(tmp_path: Path) -> None:
    found = material(tmp_path)
    first = write_charts(found, tmp_path / "a")
    assert (first.failed, first.left_out) == ({}, {})
    assert {path.name for path in first.files} == {
        *(f"{name}.{end}" for name in CHARTS for end in ("svg", "png")),
        "variants.md",
        "variants.tex",
        "pairwise_effect_sizes.csv",
    }
    second = write_charts(found, tmp_path / "b")
    assert [path.read_bytes() for path in first.files] == [path.read_bytes() for path in second.files]
    for path in first.files:
        starts = {".svg": b"<?xml", ".png": b"\x89PNG"}.get(path.suffix, b"")
        assert path.read_bytes().startswith(starts)


def test_rates_stand_by_rank_with_their_counts(tmp_path: Path) -> None:
    figure = CHARTS["pass_rate_comparison"](material(tmp_path))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["old\n10/40, 100% covered", "new_one\n30/40, 100% covered"]
    assert [round(bar.get_width()) for bar in figure.axes[0].patches] == [25, 75]
    assert figure.axes[0].get_xlabel() == "resolved, %, the mean over instances, with 95 % intervals"


def test_what_sees_more_is_marked_and_not_ranked_and_what_broke_keeps_its_row(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["arm", "gold", "lost"], [instance(name) for name in IDS[:3]], 1)
    told = {"arm": Outcome.UNRESOLVED, "gold": Outcome.RESOLVED, "lost": Outcome.INFRA}
    recorded(layout, [made_record(Cell(name, arm, 1), outcome) for arm, outcome in told.items() for name in IDS[:3]])
    found = material_of(view_run(layout.folder))
    axes = CHARTS["pass_rate_comparison"](found).axes[0]
    labels = [label.get_text() for label in reversed(axes.get_yticklabels())]
    assert labels == ["arm\n0/3, 100% covered", "gold*\n3/3, 100% covered", "lost\n0/0, 0% covered"]
    assert axes.get_xlabel().endswith("\n* sees more than the others, or frames them: not ranked")
    costs = CHARTS["token_cost_vs_pass_rate"](found)
    assert "best at its cost" not in words(costs)  # of one that is ranked there is no best
    rows = [
        line.split(" | ")[:4] for line in markdown(found).splitlines() if line.startswith(("| arm", "| gold", "| lost"))
    ]
    assert rows[:3] == [["| arm", "0", "3", "0.0"], ["| gold\\*", "3", "3", "100.0"], ["| lost", "0", "0", "-"]]
    assert "\\* sees more than the others" in markdown(found)
    (pair,) = csv.DictReader(pairs_csv(found).splitlines())
    assert (pair["variant"], pair["instances"], pair["difference"], pair["verdict"]) == (
        "lost",
        "0",
        "",
        "not comparable",
    )


def test_a_variant_has_one_colour_in_charts_of_several(tmp_path: Path) -> None:
    from matplotlib.colors import to_hex

    found = material(tmp_path)
    legends = [
        {text.get_text(): to_hex(handle.get_color()) for text, handle in zip(legend.get_texts(), handles, strict=True)}
        for name in ("wall_time_distribution",)
        for legend in CHARTS[name](found).legends
        for handles in [legend.legend_handles]
    ]
    assert legends == [{"new_one": "#0072b2", "old": "#d55e00"}]
    points = CHARTS["token_cost_vs_pass_rate"](found).axes[0].containers
    assert {one.get_label(): to_hex(one.lines[0].get_color()) for one in points} == legends[0]


def test_cost_is_drawn_logarithmically_where_it_differs_much(tmp_path: Path) -> None:
    axes = CHARTS["token_cost_vs_pass_rate"](material(tmp_path)).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "mean cost of a cell, $"
    front = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert [round(float(rate)) for rate in front.get_ydata()] == [25, 75]
    low, high = axes.get_ylim()
    assert 0 <= low < 20  # what is shown fills the chart
    assert 80 < high <= 100


def test_small_costs_that_differ_much_are_logarithmic_too(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["dear", "cheap"], [instance(name) for name in IDS[:2]], 1)
    costs = {"dear": 0.004, "cheap": 0.0005}
    recorded(layout, [made_record(Cell(name, arm, 1), cost_usd=usd) for arm, usd in costs.items() for name in IDS[:2]])
    axes = CHARTS["token_cost_vs_pass_rate"](material_of(view_run(layout.folder))).axes[0]
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("cost", [0.0, None])
def test_tokens_stand_for_a_cost_that_is_not_known(tmp_path: Path, cost: float | None) -> None:
    axes = CHARTS["token_cost_vs_pass_rate"](material(tmp_path, cost_usd=cost)).axes[0]
    assert axes.get_xlabel() == "mean tokens of a cell"
    assert axes.get_xscale() == "linear"


def test_tokens_are_broken_down_by_step_and_by_kind(tmp_path: Path) -> None:
    figure = CHARTS["per_step_token_breakdown"](material(tmp_path))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["by step", "by kind"]
    assert {"ap plan", "ap patch", "cache read", "cache write"} <= set(words(figure).split("\n"))
    widths = [round(bar.get_width()) for bar in figure.axes[0].patches]
    assert widths == [0, 950, 0, 900]  # the median of 0 to 1900 by 100, and 900; `old` has no steps
    alone = CHARTS["per_step_token_breakdown"](material(tmp_path / "2", per_step_tokens={}))
    assert [axes.get_title(loc="left") for axes in alone.axes] == ["by kind"]


def test_solving_and_grading_are_timed_apart_and_limits_marked(tmp_path: Path) -> None:
    figure = CHARTS["wall_time_distribution"](material(tmp_path))
    solve, grade = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["solve", "grade"]
    crosses = [line for line in solve.lines if line.get_marker() == "x"]
    assert [[float(x) for x in line.get_xdata()] for line in crosses] == [[20.0, 20.0]] * 2
    assert max(float(line.get_xdata()[-1]) for line in grade.lines) == 60.0
    alone = CHARTS["wall_time_distribution"](material(tmp_path / "2", seconds={"solve": 1.0, "total": 1.0}))
    assert [axes.get_title(loc="left") for axes in alone.axes] == ["solve", "grade: no cell has a time"]


def test_heat_map_groups_by_repository_and_ranks_by_difficulty(tmp_path: Path) -> None:
    found = material(tmp_path)
    assert found.instances == IDS
    figure = CHARTS["instance_outcome_heatmap"](found)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [
        "new_one r1", "new_one r2", "old r1", "old r2",
    ]  # fmt: skip
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["resolved", "unresolved", "limit"]


def test_the_frame_stands_last_in_the_heat_map_with_its_star(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["gold", "turns10", "turns5"], [instance(IDS[0])], 1)
    recorded(layout, [made_record(Cell(IDS[0], arm, 1)) for arm in ("gold", "turns10", "turns5")])
    axes = CHARTS["instance_outcome_heatmap"](material_of(view_run(layout.folder))).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["turns5", "turns10", "gold*"]
    assert axes.get_xlabel() == "* sees more than the others, or frames them: not ranked"


def test_a_large_heat_map_names_repositories_only(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=160, variants=1, reps=1)
    axes = CHARTS["instance_outcome_heatmap"](material_of(view_run(layout.folder))).axes[0]
    assert len(axes.get_yticklabels()) == 12
    assert axes.get_yticklabels()[0].get_text() == "repo0/repo0"


def test_pairs_are_drawn_with_stars(tmp_path: Path) -> None:
    figure = CHARTS["pairwise_effect_sizes"](material(tmp_path))
    assert "new_one vs old" in words(figure)
    assert "**" in words(figure).split("\n")


def test_a_chart_that_fails_stops_no_other(tmp_path: Path) -> None:
    def broken(_: Material) -> Figure:
        raise ZeroDivisionError("division\nby zero")

    def nothing(_: Material) -> Figure:
        raise InputError("there is nothing to draw")

    charts = {"broken": broken, "nothing": nothing, "pass_rate_comparison": CHARTS["pass_rate_comparison"]}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "nothing.svg").write_text("of an earlier drawing")
    drawn = write_charts(material(tmp_path), tmp_path / "out", charts)
    assert not (tmp_path / "out" / "nothing.svg").exists()
    assert drawn.failed == {"broken": "ZeroDivisionError: division by zero"}
    assert drawn.left_out == {"nothing": "there is nothing to draw"}
    assert (tmp_path / "out" / "pass_rate_comparison.svg").exists()
    assert (tmp_path / "out" / "variants.md").exists()


def test_one_variant_without_a_model_leaves_out_what_it_has_not(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["gold"], [instance(IDS[0])], 1)
    recorded(layout, [made_record(Cell(IDS[0], "gold", 1), cost_usd=0.0, usage=Usage())])
    drawn = write_charts(material_of(view_run(layout.folder)), tmp_path / "out")
    assert drawn.failed == {}
    assert set(drawn.left_out) == {"token_cost_vs_pass_rate", "pairwise_effect_sizes"}


def test_a_run_of_broken_cells_draws_what_there_is(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a", "b"], [instance(IDS[0])], 1)
    recorded(layout, [made_record(Cell(IDS[0], name, 1), Outcome.INFRA) for name in ("a", "b")])
    drawn = write_charts(material_of(view_run(layout.folder)), tmp_path / "out")
    assert drawn.failed == {}
    assert drawn.left_out["pass_rate_comparison"] == "no cell has an answer that counts: all of them broke"
    assert (tmp_path / "out" / "instance_outcome_heatmap.svg").exists()


@pytest.mark.parametrize("outcome", [Outcome.CAPTURED, None])
def test_a_run_without_anything_to_draw_is_refused(tmp_path: Path, outcome: Outcome | None) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance(IDS[0])], 1)
    layout.journals.mkdir(parents=True)
    (layout.journals / "main-1.jsonl").touch()
    if outcome is not None:
        recorded(layout, [made_record(Cell(IDS[0], "a", 1), outcome)])
    with pytest.raises(InputError, match="has no cell that a chart could show"):
        material_of(view_run(layout.folder))


def test_the_command_draws_and_takes_other_verdicts(tmp_path: Path) -> None:
    layout = made(tmp_path)
    verdicts = tmp_path / "verdicts.json"
    verdicts.write_text(json.dumps({"old": IDS}))
    result = CliRunner().invoke(visualize, ["--results", str(layout.folder), "--resolved", str(verdicts)])
    folder = layout.folder / "reports" / "charts"
    assert (result.exit_code, result.output) == (0, f"run {layout.run_id}\ncharts: {folder} (15 files)\n")
    text = (folder / "variants.md").read_text(encoding="utf-8")
    assert "| old | 40 | 40 | 100.0 |" in text
    note = "verdicts of old come from a file, not from this run's grading"
    assert f"\n{note}.\n" in text
    assert f"% {note}\n" in (folder / "variants.tex").read_text(encoding="utf-8")
    assert all(note in path.read_text(encoding="utf-8") for path in folder.glob("*.svg"))
    CliRunner().invoke(visualize, [str(layout.folder)])
    assert not any(note in path.read_text(encoding="utf-8") for path in folder.glob("*.svg"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[", "give a JSON file"),
        ('["a"]', 'not {"variant": ["instance", ...]}'),
        ('{"old": 1}', 'not {"variant": ["instance", ...]}'),
        ('{"odl": []}', "did you mean 'old'?"),
        ('{"old": ["three__three-1"]}', "of 'old' it names 'three__three-1', which the run does not have; "),
        ('{"old": ["one__one-1", "b-1", "a-1"]}', "of 'old' it names 'a-1' and 1 more, which the run does not have; "),
        ("[" * 200_000, "give a JSON file"),
    ],
)
def test_verdicts_of_another_shape_are_refused(tmp_path: Path, content: str, told: str) -> None:
    layout = made(tmp_path)
    path = tmp_path / "verdicts.json"
    path.write_text(content)
    result = CliRunner().invoke(visualize, ["--results", str(layout.folder), "--resolved", str(path)])
    assert isinstance(result.exception, InputError)
    assert told in str(result.exception)


def test_without_matplotlib_the_extra_is_named(tmp_path: Path) -> None:
    """In an interpreter that finds no matplotlib, as where the extra was not installed."""
    layout = made(tmp_path)
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "matplotlib.py").write_text("raise ImportError(\"No module named 'matplotlib'\")\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "hidden")!r})
from pathlib import Path
from pytest_swebench.errors import InputError
from pytest_swebench.reporting.charts.material import material_of
from pytest_swebench.reporting.charts.writing import write_charts
from pytest_swebench.reporting.reading import view_run
try:
    write_charts(material_of(view_run(Path({str(layout.folder)!r}))), Path({str(tmp_path / "out")!r}))
except InputError as error:
    print(error, "numpy" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "install it with: pip install 'pytest-swebench[charts]' False" in told


def test_verdicts_of_others_leave_how_a_cell_ended(tmp_path: Path) -> None:
    """Of the cells that are not resolved by them, only those that were are another thing now."""
    layout = made(tmp_path)
    found = material_of(view_run(layout.folder), {"old": [IDS[10]]})
    outcomes = {one["instance_id"]: one["outcome"] for one in found.records if one["variant"] == "old"}
    assert [outcomes[IDS[place]] for place in (0, 9, 10, 19)] == ["unresolved", "unresolved", "resolved", "limit"]


def test_ungraded_patches_are_drawn_by_the_verdicts_of_others_alone(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["a"], [instance(name) for name in IDS[:3]], 1)
    outcomes = (Outcome.CAPTURED, Outcome.CAPTURED, Outcome.NO_PATCH)
    recorded(layout, [made_record(Cell(name, "a", 1), one) for name, one in zip(IDS, outcomes, strict=False)])
    with pytest.raises(InputError, match="has no cell that a chart could show"):  # no rate of what left no patch alone
        material_of(view_run(layout.folder))
    found = material_of(view_run(layout.folder), {"a": [IDS[1]]})
    assert [one["outcome"] for one in found.records] == ["unresolved", "resolved", "no_patch"]
    assert [(one.rate.resolved, one.rate.attempted, one.rate.planned) for one in found.by_rate] == [(1, 3, 3)]


def test_names_are_no_formulas(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    arms, names = ["a$\\x$b", "c"], [r"one__one$\frac$-1", "one__one-2"]
    described(layout, arms, [instance(name) for name in names], 1)
    recorded(layout, [made_record(Cell(name, arm, 1), cost_usd=1.0) for name in names for arm in arms])
    drawn = write_charts(material_of(view_run(layout.folder)), tmp_path / "out")
    assert (drawn.failed, drawn.left_out) == ({}, {})
    assert names[0] in (tmp_path / "out" / "instance_outcome_heatmap.svg").read_text(encoding="utf-8")


def test_a_heat_map_of_many_repetitions_stays_of_a_size(tmp_path: Path) -> None:
    figure = CHARTS["instance_outcome_heatmap"](
        material_of(view_run(large_run(tmp_path, instances=1, variants=2, reps=100).folder))
    )
    assert figure.get_figwidth() == 40.0


def test_the_command_names_what_it_left_out(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["gold"], [instance(IDS[0])], 1)
    recorded(layout, [made_record(Cell(IDS[0], "gold", 1), cost_usd=0.0, usage=Usage())])
    result = CliRunner().invoke(visualize, ["--results", str(layout.folder), "--output-dir", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert "left out: pairwise_effect_sizes: no two variants can be compared" in result.output


def test_the_command_ends_with_1_if_a_chart_failed(tmp_path: Path) -> None:
    layout = made(tmp_path, seconds={"solve": -1.0, "grade": float("inf"), "total": 1.0})
    arguments = ["--results", str(layout.folder), "--output-dir", str(tmp_path / "out")]
    answer = CliRunner().invoke(visualize, arguments, standalone_mode=False).return_value
    assert answer.code == 1
    assert answer.trouble.message.startswith("not drawn: wall_time_distribution: ")
    assert set(answer.result["failed"]) == {"wall_time_distribution"}
    assert (tmp_path / "out" / "pass_rate_comparison.svg").exists()
