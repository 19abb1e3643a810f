"""`write_charts`: every chart as SVG and PNG and the tables beside them; one that fails does not stop the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import InputError
from pytest_swebench.records.layout import write_whole
from pytest_swebench.reporting.charts import tables
from pytest_swebench.reporting.charts.drawing import CHARTS
from pytest_swebench.reporting.charts.material import Material
from pytest_swebench.reporting.markdown import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI: Final = 150
# formats, and what of their metadata is left out: the time of drawing among it
_ENDS: Final[dict[str, dict[str, Any]]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
# text stays text, in names no `$` begins a formula, and ids in an SVG do not change from one drawing to the next
_STYLE: Final[dict[Any, Any]] = {"svg.fonttype": "none", "text.parse_math": False, "svg.hashsalt": "swebench"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """The files that were written; chart -> why this run has nothing for it, and chart -> the fault that stopped it."""

    files: tuple[Path, ...]
    left_out: Mapping[str, str]
    failed: Mapping[str, str]


def write_charts(
    material: Material, folder: Path, charts: Mapping[str, Callable[[Material], Figure]] = CHARTS
) -> Drawn:
    """Draw `charts` into `folder`, and write `variants.md`, `variants.tex` and `pairwise_effect_sizes.csv`.

    Of a chart that cannot be drawn now, what an earlier drawing left is removed. Raises InputError where matplotlib is
    not installed, and OSError where nothing can be written.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise InputError(
            f"charts need matplotlib, and {error}; install it with: pip install 'pytest-swebench[charts]'"
        ) from error
    files = []
    left_out, failed = {}, {}
    with matplotlib.rc_context(_STYLE):
        for name, draw in charts.items():
            try:
                images = _images(draw(material), material.note)
            except InputError as error:
                left_out[name] = str(error)
                continue
            except Exception as error:  # told, with the chart's name, when the others are drawn
                failed[name] = one_line(f"{type(error).__name__}: {error}")
                continue
            for end, content in images.items():
                files.append(folder / f"{name}.{end}")
                write_whole(files[-1], content)
    for name in (*left_out, *failed):
        for end in _ENDS:
            (folder / f"{name}.{end}").unlink(missing_ok=True)
    for name, text in (
        ("variants.md", tables.markdown(material)),
        ("variants.tex", tables.latex(material)),
        ("pairwise_effect_sizes.csv", tables.pairs_csv(material)),
    ):
        files.append(folder / name)
        write_whole(files[-1], text)
    return Drawn(tuple(files), left_out, failed)


def _images(figure: Figure, note: str) -> dict[str, bytes]:
    """Return a figure in both formats, with `note` below it and without the time at which it was drawn."""
    images = {}
    if note:
        figure.supxlabel(note, fontsize=7, parse_math=False)
    for end, metadata in _ENDS.items():
        image = io.BytesIO()
        figure.savefig(image, format=end, dpi=DPI, metadata=metadata)
        images[end] = image.getvalue()
    return images
