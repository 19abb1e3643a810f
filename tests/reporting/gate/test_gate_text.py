from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import RecordError
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.judging import not_comparable
from pytest_swebench.reporting.gate.looks import Looked
from pytest_swebench.reporting.gate.publishing import publish
from pytest_swebench.reporting.gate.report import Gated, GateReport
from pytest_swebench.reporting.gate.text import MARKDOWN_BYTES, annotation_lines, gate_lines, markdown
from pytest_swebench.reporting.junit import gate_cases, gate_properties
from pytest_swebench.statistics.data import Interval
from pytest_swebench.statistics.gate import GateMode, Judged, Verdict

LOST = tuple(f"x__x-{number}" for number in range(25))


def one(verdict: Verdict = Verdict.REGRESSED, variant: str = "a", **members: Any) -> Gated:
    judged = Judged(
        variant=variant,
        baseline="a@main",
        verdict=verdict,
        difference=-0.05,
        bounds=Interval(-1.08, -0.035),
        fails_below=-0.034,
        instances=300,
        newly_failing=LOST[:12],
    )
    return Gated(judged=judged, rates=(0.5, 0.45), coverage=(1.0, 0.98), lost=LOST, won=("y__y-1",), **members)


def made(verdict: Verdict = Verdict.REGRESSED, mode: GateMode = GateMode.STRICT, **members: Any) -> GateReport:
    asked = GateAsked(baseline="main", mode=mode)
    given: dict[str, Any] = {"gated": (one(verdict),), "cost_usd": 12.5, "cautions": ("a_b: *odd*",)}
    return GateReport(asked=asked, verdict=verdict, run=Path("now"), baseline=Path("main"), **(given | members))


def test_lines_tell_verdict_numbers_and_what_newly_fails() -> None:
    lines = gate_lines(made())
    assert lines[0] == "gate: regressed: a drop of 3 points against 'main' is tolerated, at 95%"
    assert lines[1] == "  a: regressed: -5.0 pp [-100.0, -3.5] on 300 instances; 25 lost, 1 won"
    assert lines[2].startswith("  a fails what never failed before: x__x-0, x__x-1")
    assert lines[3] == "  a_b: *odd*"


def test_lines_say_what_a_mode_forgives_and_what_would_decide() -> None:
    assert gate_lines(made(mode=GateMode.REPORT))[0].endswith("(--gate report: exit 0)")
    few, many = (gate_lines(made(Verdict.INCONCLUSIVE, repetitions_may_decide=one))[0] for one in (False, True))
    assert few.endswith("; more instances may decide it, more repetitions hardly; --gate lenient lets it pass")
    assert many.endswith(
        "; more instances, or more repetitions on both sides, may decide it; --gate lenient lets it pass"
    )
    assert gate_lines(made(Verdict.INCONCLUSIVE, GateMode.LENIENT))[0].endswith("(--gate lenient: exit 0)")


def test_lines_of_several_variants_tell_the_bound_that_fails() -> None:
    lines = gate_lines(made(gated=(one(), one(variant="b"))))
    assert "(to fail, of 2 variants, -3.4)" in lines[1]


def test_lines_of_an_early_stop_say_what_it_saved_and_that_it_is_biased() -> None:
    looked = Looked(rule=Sequential.PLANNED, instance_ids=LOST, planned=100, taken={}, stopped=True, cells_left=75)
    lines = gate_lines(made(looked=looked, saved_usd=37.5))
    assert (
        "  decided after 25 of 100 instances; 75 cells were not run, about $37.50 saved; the difference is the one at "
        "the stop, which is biased away from 0"
    ) in lines


@pytest.mark.parametrize(
    ("rule", "words", "defined"),
    [
        (Sequential.PLANNED, "at 95%, with planned looks", "O'Brien-Fleming spending at the last look"),
        (Sequential.ANYTIME, "at 95%, with a look after each instance", "a bet that may be looked at any time"),
    ],
)
def test_the_rule_of_the_looks_is_told(rule: Sequential, words: str, defined: str) -> None:
    found = made(looked=Looked(rule=rule, instance_ids=LOST, planned=25, taken={}, stopped=False, cells_left=0))
    assert words in gate_lines(found)[0]
    assert words in markdown(found)
    told = found.as_json()
    assert told["sequential"]["rule"] == rule
    assert defined in told["definition"]
    plain = made()
    assert "look" not in gate_lines(plain)[0] + plain.as_json()["definition"]


def test_a_reason_takes_the_place_of_numbers() -> None:
    found = not_comparable(GateAsked(baseline="main"), Path("now"), Path("main"), "nothing in common")
    assert gate_lines(found) == ["gate: not comparable: nothing in common"]
    assert "nothing in common" in markdown(found)
    assert [case.outcome for case in gate_cases(found)] == ["passed", "failed", "passed"]


def test_markdown_has_a_row_a_variant_and_lists_the_first_twenty() -> None:
    page = markdown(made(), command="swebench-runner gate now --baseline main")
    assert page.startswith("## SWE-bench gate: regressed\n")
    assert "| `a` | 50.0% | 45.0% | -5.0 pp | [-100.0, -3.5] | 300 | 100% / 98% | regressed |" in page
    assert "**Lost by a** (first 20 of 25)" in page
    assert "- `x__x-11` (newly failing: it never failed before)\n" in page
    assert "- `x__x-12`\n" in page  # the baseline failed it now and then, so it does not newly fail
    assert "Newly" not in page
    assert "`x__x-20`" not in page
    assert "- `y__y-1`" in page
    assert "cost of the run: $12.50" in page
    assert "swebench-runner gate now --baseline main" in page


def test_markdown_keeps_hostile_names_text() -> None:
    judged = replace(one().judged, variant="a`|<img>", reason="<script>", bounds=None)
    page = markdown(made(gated=(Gated(judged=judged),)))
    assert "a\\`\\|" not in page  # inside code nothing is escaped, the marks themselves are replaced
    assert "`a'/<img>`" in page
    assert "\\<script\\>" in page
    assert "- a\\_b: \\*odd\\*" in page
    refused = not_comparable(GateAsked(baseline="main"), Path("now"), Path("main"), "e.g. '<img>' and '*b*'")
    assert "'\\<img\\>' and '\\*b\\*'" in markdown(refused)


def test_markdown_is_cut_before_github_refuses_it() -> None:
    cautions = tuple("ä" * 1000 for _ in range(1000))
    page = markdown(made(cautions=cautions))
    assert len(page.encode()) <= MARKDOWN_BYTES
    assert page.endswith("*cut here: the whole of it is in `gate.json`*\n")


def test_annotations_are_one_for_the_verdict_and_nine_at_most_for_instances() -> None:
    lines = annotation_lines(made())
    assert lines[0].startswith("::error title=SWE-bench gate::gate: regressed: a drop of 3 points")
    assert lines[1] == "::notice title=SWE-bench gate::a newly fails x__x-0"
    assert len(lines) == 10
    assert all("\n" not in line for line in lines)


def test_annotations_escape_what_would_end_them() -> None:
    found = not_comparable(GateAsked(baseline="main"), Path("n"), Path("b"), "50% of\r\nit ::error::x")
    (line,) = annotation_lines(found)
    assert line == "::error title=SWE-bench gate::gate: not comparable: 50%25 of%0D%0Ait ::error::x"


@pytest.mark.parametrize(
    ("verdict", "mode", "kind"),
    [
        (Verdict.PASS, GateMode.STRICT, "notice"),
        (Verdict.INCONCLUSIVE, GateMode.STRICT, "warning"),
        (Verdict.BUDGET_ENDED, GateMode.STRICT, "error"),
        (Verdict.REGRESSED, GateMode.REPORT, "warning"),
    ],
)
def test_annotations_are_as_loud_as_the_verdict(verdict: Verdict, mode: GateMode, kind: str) -> None:
    assert annotation_lines(made(verdict, mode))[0].startswith(f"::{kind} ")


def test_only_github_gets_a_page_and_annotations(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    assert publish(made(), tmp_path / "run", {}, Redactor()) == []
    assert page.read_text() == "before\n"
    assert len(publish(made(), tmp_path / "run", env, Redactor())) == 10
    assert page.read_text().startswith("before\n## SWE-bench gate: regressed")
    assert json.loads((tmp_path / "run" / "reports" / "gate.json").read_text())["verdict"] == "regressed"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["gate.json", "reports", "run", "summary.md"]


def test_a_page_of_one_s_own_is_written_anew_each_time(tmp_path: Path) -> None:
    page = tmp_path / "gate.md"
    for command in ("first", "second"):
        assert publish(made(), None, {}, Redactor(), command=command, page=page) == []
    assert page.read_text() == markdown(made(), command="second")


def test_words_that_decided_beside_the_bounds_are_in_every_form() -> None:
    judged = replace(one().judged, reason="2 of 9 stable instances newly fail, and 2 are enough")
    found = made(gated=(Gated(judged=judged, rates=(0.5, 0.45), coverage=(1.0, 1.0)),))
    assert gate_lines(found)[1].endswith("0 won; 2 of 9 stable instances newly fail, and 2 are enough")
    assert "2 of 9 stable instances" in markdown(found)
    assert "2 of 9 stable instances" in annotation_lines(found)[0]


def test_results_of_others_get_no_file(tmp_path: Path) -> None:
    assert publish(made(), None, {}, Redactor()) == []
    assert list(tmp_path.iterdir()) == []


def test_secrets_do_not_reach_the_page(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    redactor = Redactor.from_env({"MY_API_KEY": "hush-hush-12345"})
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    found = not_comparable(GateAsked(baseline="b"), Path("n"), Path("b"), "said hush-hush-12345")
    told = publish(found, tmp_path, env, redactor)
    assert "hush" not in page.read_text() + (tmp_path / "reports" / "gate.json").read_text() + "".join(told)


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"the verdict of the gate could not be written: .*No such file"):
        publish(made(), tmp_path, {"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "page")}, Redactor())


@pytest.mark.parametrize(
    ("verdict", "mode", "outcome"),
    [
        (Verdict.PASS, GateMode.STRICT, "passed"),
        (Verdict.REGRESSED, GateMode.STRICT, "failed"),
        (Verdict.REGRESSED, GateMode.REPORT, "skipped"),
        (Verdict.INCONCLUSIVE, GateMode.STRICT, "skipped"),
    ],
)
def test_junit_case_shows_the_verdict(verdict: Verdict, mode: GateMode, outcome: str) -> None:
    _, call, _ = gate_cases(made(verdict, mode))
    assert (call.nodeid, call.outcome) == ("swebench::gate[a]", outcome)


def test_junit_properties_name_variants_only_where_there_are_several() -> None:
    alone = dict(gate_properties(made()))
    assert alone == {
        "gate.verdict": "regressed",
        "gate.exit": 10,
        "gate.max_drop": 0.03,
        "gate.confidence": 0.95,
        "gate.delta_pp": -5.0,
        "gate.lower": -108.0,
        "gate.upper": -3.5,
        "gate.n": 300,
    }
    several = dict(gate_properties(made(gated=(one(), one(variant="b")))))
    assert several["gate.b.delta_pp"] == -5.0
