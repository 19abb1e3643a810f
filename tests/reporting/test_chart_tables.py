"""The tables beside the charts: what they say, and that LaTeX and markdown take it."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.reporting.charts.material import fisher_p, material_of
from pytest_swebench.reporting.charts.tables import latex, markdown, pairs_csv
from pytest_swebench.reporting.reading import view_run
from pytest_swebench.statistics.comparison import compare
from tests.support.charted import IDS, material
from tests.support.lacking import do_without
from tests.support.made import made_record
from tests.support.samples import single
from tests.support.synthetic import described, instance, layout_in, recorded


def test_tables_say_what_the_charts_show(tmp_path: Path) -> None:
    found = material(tmp_path)
    text = markdown(found)
    assert "| new\\_one | 30 | 40 | 75.0 |" in text
    (row,) = csv.DictReader(pairs_csv(found).splitlines())
    assert (row["variant"], row["baseline"], row["difference"], row["wins"]) == ("new_one", "old", "+50.00", "10")
    assert row["verdict"] == "better"
    assert float(row["fisher_p_unpaired"]) < 0.001


@pytest.mark.parametrize(
    ("a", "b", "p"), [((8, 10), (1, 6), 400 / 11_440), ((3, 4), (1, 4), 34 / 70), ((5, 5), (5, 5), 1.0)]
)
def test_fisher_is_the_exact_test(a: tuple[int, int], b: tuple[int, int], p: float) -> None:
    """Counted by hand: tables as unlikely or more, of all with these margins; the second is the lady tasting tea."""
    samples = {
        name: single(name, [1] * solved + [0] * (tried - solved)) for name, (solved, tried) in {"a": a, "b": b}.items()
    }
    assert fisher_p(compare(samples["a"], samples["b"]), samples) == pytest.approx(p, abs=1e-7)


def test_latex_is_balanced_and_escaped(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    name = r"50%_of$x&y#{z}~^\end"
    described(layout, [name], [instance(IDS[0])], 1)
    recorded(layout, [made_record(Cell(IDS[0], name, 1))])
    text = latex(material_of(view_run(layout.folder)))
    lines = text.splitlines()
    body = "\n".join(line for line in lines if not line.startswith("%"))
    begun, ended = (re.findall(rf"\\{word}\{{(\w+)\}}", body) for word in ("begin", "end"))
    assert begun == ended == ["tabular"]
    columns = len(re.search(r"\\begin\{tabular\}\{([lr]+)\}", body)[1])  # type: ignore[index]
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 2
    for row in rows:
        bare = re.sub(r"\\[&%$#_{}]", "", row.removesuffix(r" \\"))
        bare = re.sub(r"\\text(backslash|asciitilde|asciicircum)\{\}", "", bare)
        assert bare.count("&") == columns - 1
        assert not set(bare) & set("%$#_{}~^\\")


def test_latex_compiles(tmp_path: Path) -> None:
    text = latex(material(tmp_path))
    assert r"new\_one & 30 & 40 & 75.0 &" in text
    compiler = next(filter(None, map(shutil.which, ("pdflatex", "tectonic", "lualatex", "xelatex"))), None)
    if compiler is None:
        do_without("no TeX is at hand (Debian package texlive-latex-base)")
    (tmp_path / "page.tex").write_text(f"\\documentclass{{article}}\\begin{{document}}\n{text}\\end{{document}}\n")
    options = [] if compiler.endswith("tectonic") else ["-interaction=nonstopmode", "-halt-on-error"]
    subprocess.run([compiler, *options, "page.tex"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "page.pdf").exists()
