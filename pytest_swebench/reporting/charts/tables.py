"""The numbers behind the charts as tables: markdown, LaTeX, and CSV of every pair."""

from __future__ import annotations

import csv
import io
from typing import Final

from pytest_swebench.reporting.charts.material import Material, fisher_p
from pytest_swebench.reporting.markdown import escaped, table
from pytest_swebench.statistics.analysis import VariantAnalysis

_HEAD: Final = (
    "variant", "resolved", "attempted", "rate %", "95 % interval", "coverage %", "mean tokens", "rate % per 1k tokens",
    "mean $", "$ per resolved", "mean s", "lost",
)  # fmt: skip
_PAIRS: Final = (
    "variant", "baseline", "instances", "difference", "low", "high", "wins", "losses", "ties", "p", "p_holm",
    "cohens_h", "fisher_p_unpaired", "verdict",
)  # fmt: skip
_ESCAPED: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def markdown(material: Material) -> str:
    """Return the table of variants, and that of pairs, as markdown."""
    lines = [f"# Run {escaped(material.run_id)}", "", *table(_HEAD, variants(material))]
    if any(map(material.apart, (one.rate.variant for one in material.ranked))):
        lines += ["", "\\* sees more than the others, or frames what they can reach: not ranked, not compared."]
    if material.note:
        lines += ["", f"{escaped(material.note)}."]
    if told := pairs(material):
        lines += ["", "## Paired differences", "", *table(_PAIRS, told)]
        lines += ["", "`fisher_p_unpaired` ignores that both variants had the same instances; `p` does not."]
    return "\n".join(lines) + "\n"


def latex(material: Material) -> str:
    r"""Return the table of variants as LaTeX: a `tabular` that needs no package, to be put in by `\input`."""
    body = [" & ".join(map(_latex, row)) + r" \\" for row in variants(material)]
    head = " & ".join(map(_latex, _HEAD)) + r" \\"
    columns = "l" + "r" * (len(_HEAD) - 1)
    return "\n".join(
        [
            f"% run {_latex(material.run_id)}",
            *([f"% {_latex(material.note)}"] if material.note else []),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            head,
            r"\hline",
            *body,
            r"\hline",
            r"\end{tabular}",
            "",
        ]
    )


def pairs_csv(material: Material) -> str:
    """Return every comparison as CSV with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_PAIRS)
    writer.writerows(pairs(material))
    return text.getvalue()


def variants(material: Material) -> list[tuple[str, ...]]:
    """Return one row a variant, the best first; a star marks those that are not ranked."""
    return [_variant(one, "*" if material.apart(one.rate.variant) else "") for one in material.ranked]


def pairs(material: Material) -> list[tuple[str, ...]]:
    """Return one row a comparison; differences are in percentage points."""
    samples = {one.rate.variant: one.sample for one in material.analysis.variants}
    rows: list[tuple[str, ...]] = []
    for one in material.analysis.comparisons:
        if one.numbers is None:
            rows.append((one.variant, one.baseline, "0", *("" for _ in _PAIRS[4:]), str(one.word)))
            continue
        numbers = one.numbers
        low, high = (f"{100 * end:+.2f}" for end in numbers.interval.as_json()) if numbers.interval else ("", "")
        rows.append((
            one.variant, one.baseline, str(numbers.instances), f"{100 * numbers.difference:+.2f}", low, high,
            str(len(one.won)), str(len(one.lost)), str(one.ties), f"{numbers.test.p:.4g}", f"{numbers.adjusted_p:.4g}",
            f"{numbers.cohens_h:.3f}", f"{fisher_p(one, samples):.4g}", str(one.word),
        ))  # fmt: skip
    return rows


def _variant(one: VariantAnalysis, star: str) -> tuple[str, ...]:
    rate = one.rate
    usd, tokens, seconds = (one.spreads.get(amount) for amount in ("cost_usd", "tokens", "seconds"))
    share = rate.rate or 0.0
    interval = f"{100 * rate.interval.low:.1f}-{100 * rate.interval.high:.1f}" if rate.interval else "-"
    return (
        rate.variant + star,
        str(rate.resolved),
        str(rate.attempted),
        "-" if rate.rate is None else f"{100 * share:.1f}",
        interval,
        f"{100 * rate.coverage:.1f}",
        f"{tokens.mean:.0f}" if tokens else "-",
        f"{100 * 1000 * share / tokens.mean:.2f}" if tokens and tokens.mean else "-",
        f"{usd.mean:.4f}" if usd else "-",
        f"{one.cost.usd:.4f}" if one.cost.usd is not None else "-",
        f"{seconds.mean:.1f}" if seconds else "-",
        str(one.sample.lost),
    )


def _latex(text: str) -> str:
    return "".join(_ESCAPED.get(char, char) for char in text)
