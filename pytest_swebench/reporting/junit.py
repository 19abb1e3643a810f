"""What goes into JUnit XML: scalars of a record as properties of its test case, and the gate as cases of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import pytest

if TYPE_CHECKING:
    from _pytest.junitxml import LogXML

    from pytest_swebench.reporting.gate.report import GateReport

NAMES: Final = (
    "outcome",
    "resolved",
    "reason",
    "integrity",
    "variant",
    "rep",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "seconds",
)


def properties(record: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return (name, value) pairs in the order of `NAMES`; an unknown cost or verdict is an empty string."""
    from pytest_swebench.reporting.reasons import reason_of

    tokens = record["tokens"]
    values = (
        record["outcome"],
        _or_empty(record["resolved"]),
        reason_of(record),
        _integrity(record["integrity"]),
        record["variant"],
        record["rep"],
        _or_empty(record["cost_usd"]),
        tokens["input"] + tokens["cache_read"] + tokens["cache_write"],
        tokens["output"],
        record["wall_time_seconds"].get("total", 0.0),
    )
    return list(zip(NAMES, values, strict=True))


def _integrity(integrity: Mapping[str, Any] | None) -> str:
    return ": ".join(filter(None, [integrity["state"], "; ".join(integrity["reasons"])])) if integrity else ""


def _or_empty(value: object) -> object:
    return "" if value is None else value


def gate_properties(report: GateReport) -> list[tuple[str, object]]:
    """Return (name, value) pairs of the suite: the gate's verdict, and the numbers of its only or first variant."""
    found: list[tuple[str, object]] = [
        ("gate.verdict", str(report.verdict)),
        ("gate.exit", int(report.exit)),
        ("gate.max_drop", report.asked.max_drop),
        ("gate.confidence", report.asked.confidence),
    ]
    for one in report.gated:
        prefix = "gate" if len(report.gated) == 1 else f"gate.{one.judged.variant}"
        bounds, delta = one.judged.bounds, one.judged.difference
        found += [
            (f"{prefix}.delta_pp", "" if delta is None else round(100 * delta, 4)),
            (f"{prefix}.lower", "" if bounds is None else round(100 * bounds.low, 4)),
            (f"{prefix}.upper", "" if bounds is None else round(100 * bounds.high, 4)),
            (f"{prefix}.n", one.judged.instances),
        ]
    return found


def gate_cases(report: GateReport) -> list[pytest.TestReport]:
    """Return the phases of one test case a gated variant: passed, failed, or skipped where nothing is shown."""
    from pytest_swebench.reporting.gate.text import sentences
    from pytest_swebench.statistics.gate import Verdict

    cases = []
    for name, verdict, words in sentences(report):
        nodeid = f"swebench::gate[{name}]"
        forgiven = verdict is Verdict.INCONCLUSIVE or not report.exit
        outcome: Literal["passed", "failed", "skipped"] = "skipped" if forgiven else "failed"
        outcome = "passed" if verdict is Verdict.PASS else outcome
        longrepr = None if outcome == "passed" else words if outcome == "failed" else (nodeid, 0, words)
        place = ("swebench", 0, f"gate[{name}]")
        for when, end, told in (("setup", "passed", None), ("call", outcome, longrepr), ("teardown", "passed", None)):
            cases.append(
                pytest.TestReport(
                    nodeid=nodeid,
                    location=place,
                    keywords={},
                    outcome=end,
                    longrepr=told,
                    when=cast('Literal["setup", "call", "teardown"]', when),
                )
            )
    return cases


def add_gate(xml: LogXML, report: GateReport) -> None:
    """Put the gate into a JUnit file that pytest has written by now, and have it written again."""
    for name, value in gate_properties(report):
        xml.add_global_property(name, value)
    for one in gate_cases(report):
        xml.pytest_runtest_logreport(one)
    xml.pytest_sessionfinish()
