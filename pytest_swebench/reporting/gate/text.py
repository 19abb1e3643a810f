"""A gate in words: lines for a terminal, Markdown for a summary page, annotations for GitHub."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pytest_swebench.reporting.gate.asked import Sequential
from pytest_swebench.reporting.gate.report import Gated, GateReport
from pytest_swebench.statistics.comparison import points
from pytest_swebench.statistics.gate import GateMode, Verdict

MARKDOWN_BYTES: Final = 900_000
"""GitHub takes 1 MiB for each step."""
_LISTED: Final = 20
_ANNOTATIONS: Final = 9  # GitHub shows ten of a kind for each step
_LOOKS: Final = {Sequential.PLANNED: "planned looks", Sequential.ANYTIME: "a look after each instance"}
WAYS_ON: Final = {
    False: "more instances may decide it, more repetitions hardly; --gate lenient lets it pass",
    True: "more instances, or more repetitions on both sides, may decide it; --gate lenient lets it pass",
}
"""What there is to do about an open verdict, by whether repetitions may decide it."""
_CUT: Final = "\n\n*cut here: the whole of it is in `gate.json`*\n"


def gate_lines(report: GateReport) -> list[str]:
    """Return the lines that a terminal shows."""
    lines = [_headline(report)]
    lines += [f"  {_sentence(one, report)}" for one in report.gated]
    for one in report.gated:
        if one.judged.newly_failing:
            lines.append(f"  {one.judged.variant} fails what never failed before: {_some(one.judged.newly_failing)}")
    if (looked := report.looked) is not None and looked.stopped:
        lines.append(
            f"  decided after {len(looked.instance_ids)} of {looked.planned} instances; {looked.cells_left} cells were "
            f"not run{_saved(report)}; the difference is the one at the stop, which is biased away from 0"
        )
    return [*lines, *(f"  {caution}" for caution in report.cautions)]


def markdown(report: GateReport, *, command: str = "") -> str:
    """Return the page, of at most `MARKDOWN_BYTES`."""
    parts = [f"## SWE-bench gate: {report.verdict}", "", _escaped(_headline(report)), ""]
    if report.gated:
        parts += [
            "| variant | baseline | run | change | bounds | instances | coverage | verdict |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(one) for one in report.gated),
            "",
        ]
    for one in report.gated:
        if one.judged.reason:
            parts += [f"{_code(one.judged.variant)}: {_escaped(one.judged.reason)}", ""]
        for title, names in (("Lost", one.lost), ("Won", one.won)):
            if names:
                more = f" (first {_LISTED} of {len(names)})" if len(names) > _LISTED else ""
                parts += [f"**{title} by {_escaped(one.judged.variant)}**{more}", ""]
                parts += [f"- {_code(name)}{_stable(one, name)}" for name in names[:_LISTED]]
                parts.append("")
    parts += [f"- {_escaped(caution)}" for caution in report.cautions]
    if report.cost_usd is not None:
        parts += ["", f"cost of the run: ${report.cost_usd:,.2f}{_saved(report)}"]
    if command:
        parts += ["", "judge it again:", "", "```", command, "```"]
    return _cut("\n".join(parts) + "\n")


def annotation_lines(report: GateReport) -> list[str]:
    """Return the workflow commands: one for the verdict, and one for each stable instance that newly fails."""
    kind = {Verdict.PASS: "notice", Verdict.INCONCLUSIVE: "warning"}.get(report.verdict, "error")
    if report.exit == 0 and kind == "error":
        kind = "warning"
    lines = [_command(kind, "SWE-bench gate", in_a_line(report))]
    failing = [(one.judged.variant, name) for one in report.gated for name in one.judged.newly_failing]
    told = (f"{variant} newly fails {name}" for variant, name in failing[:_ANNOTATIONS])
    return [*lines, *(_command("notice", "SWE-bench gate", one) for one in told)]


def in_a_line(report: GateReport) -> str:
    """Return verdict and numbers of all variants in one line."""
    return "; ".join([_headline(report), *(_sentence(one, report) for one in report.gated)])


def sentences(report: GateReport) -> list[tuple[str, Verdict, str]]:
    """Return variant, verdict and its words; of a gate that compared nothing one for all."""
    found = [(one.judged.variant, one.judged.verdict, _sentence(one, report)) for one in report.gated]
    return found or [("all", report.verdict, _headline(report))]


def _headline(report: GateReport) -> str:
    asked = report.asked
    words = (
        f"gate: {report.verdict}: a drop of {100 * asked.max_drop:g} points against {asked.baseline!r} is "
        f"tolerated, at {100 * asked.confidence:g}%"
    )
    if report.looked is not None:
        words += f", with {_LOOKS[report.looked.rule]}"
    if report.reason:
        words = f"gate: {report.verdict}: {report.reason}"
    if report.verdict is not Verdict.PASS and not report.exit:
        words += f" (--gate {asked.mode}: exit 0)"
    elif report.verdict is Verdict.INCONCLUSIVE and asked.mode is GateMode.STRICT:
        words += f"; {WAYS_ON[report.repetitions_may_decide]}"
    return words


def _sentence(one: Gated, report: GateReport) -> str:
    judged = one.judged
    if judged.bounds is None or judged.difference is None:
        return f"{judged.variant}: {judged.verdict}: {judged.reason}"
    shown = f"{points(judged.difference)} {_bounds(one)}"
    if judged.fails_below is not None and len(report.gated) > 1:
        shown += f" (to fail, of {len(report.gated)} variants, {100 * judged.fails_below:+.1f})"
    return (
        f"{judged.variant}: {judged.verdict}: {shown} on {judged.instances} instances; {len(one.lost)} lost, "
        f"{len(one.won)} won{'; ' * bool(judged.reason)}{judged.reason}"
    )


def _bounds(one: Gated) -> str:
    assert one.judged.bounds is not None
    low, high = (f"{100 * min(1.0, max(-1.0, end)):+.1f}" for end in one.judged.bounds.as_json())
    return f"[{low}, {high}]"


def _row(one: Gated) -> str:
    judged = one.judged
    cells = [_code(judged.variant), *["-"] * 6, str(judged.verdict)]
    if one.rates is not None:
        cells[1], cells[2] = (f"{rate:.1%}" for rate in one.rates)
    if judged.bounds is not None and judged.difference is not None:
        cells[3], cells[4], cells[5] = points(judged.difference), _bounds(one), str(judged.instances)
    if one.coverage is not None:
        cells[6] = " / ".join(f"{share:.0%}" for share in one.coverage)
    return f"| {' | '.join(cells)} |"


def _stable(one: Gated, name: str) -> str:
    return " (newly failing: it never failed before)" if name in one.judged.newly_failing else ""


def _saved(report: GateReport) -> str:
    return "" if report.saved_usd is None else f", about ${report.saved_usd:,.2f} saved"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" ... and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _cut(text: str) -> str:
    data = text.encode()
    if len(data) <= MARKDOWN_BYTES:
        return text
    return data[: MARKDOWN_BYTES - len(_CUT.encode())].decode(errors="ignore") + _CUT


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`"


def _escaped(text: str) -> str:
    """Return text that a page shows as it is: names may come from other people's files."""
    for char in "\\`*_{}[]<>|#":
        text = text.replace(char, f"\\{char}")
    return text.replace("\n", " ")


def _command(kind: str, title: str, message: str) -> str:
    """Return a workflow command; see GitHub's escaping of data and of properties."""
    return f"::{kind} title={_quoted(title, ':,')}::{_quoted(message)}"


def _quoted(text: str, more: Iterable[str] = "") -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for char in more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
