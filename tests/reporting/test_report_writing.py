"""The file of a report: the same for the same records, whole, within its size, and free of secrets."""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.records.flakes import Ledger
from pytest_swebench.records.journal import seal
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.schema import cell_of
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.html.bundles import ENTRIES
from pytest_swebench.reporting.html.writing import Content, write_report
from pytest_swebench.reporting.reading import repository, slim, view_run
from tests.support.made import made_record
from tests.support.synthetic import described, instance, large_run, layout_in, recorded, said
from tests.support.traced import go_back_once

A, B = "acme__acme-9", "acme__acme-10"


def island(path: Path) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found is not None
    return json.loads(found[1])


def bundle(path: Path, name: str) -> Any:
    found = re.search(rf'<script type="text/plain" id="{name}">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def page_of(layout: RunLayout, **options: Any) -> Path:
    return write_report(view_run(layout.folder), layout.root / "index.html", **options).path


def made(tmp_path: Path, *records: dict[str, Any], variants: tuple[str, ...] = ("left",)) -> RunLayout:
    layout = layout_in(tmp_path)
    described(layout, variants, [instance(A), instance(B)], 1)
    recorded(layout, records)
    return layout


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=40, variants=3, reps=2)
    first = page_of(layout).read_bytes()
    assert page_of(layout).read_bytes() == first
    journal = layout.journals / "gw0-1.jsonl"  # other workers, another order
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[::-2]))
    (layout.journals / "gw1-2.jsonl").write_bytes(b"".join(lines[-2::-2]))
    assert page_of(layout).read_bytes() == first


def test_the_last_attempt_of_a_cell_counts(tmp_path: Path) -> None:
    cell = Cell(A, "left", 1)
    layout = made(tmp_path, made_record(cell, Outcome.RESOLVED, attempt=2), made_record(cell, Outcome.INFRA, attempt=1))
    data = island(page_of(layout))
    assert [data["outcomes"][out] for out in data["cells"]["out"]] == ["resolved"]


def test_instances_stand_in_the_order_of_their_numbers_also_those_not_run(tmp_path: Path) -> None:
    data = island(page_of(made(tmp_path, made_record(Cell(B, "left", 1)))))
    assert [one["id"] for one in data["instances"]] == [A, B]
    assert data["cells"]["inst"] == [1]
    assert data["instances"][0]["repo"] == "acme/acme"


def test_damaged_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    layout = made(tmp_path, made_record(Cell(A, "left", 1)))
    with (layout.journals / "main-1.jsonl").open("ab") as file:
        file.write(seal({"kind": "record", "cell": f"{B}/left/r1", "record": made_record(Cell(B, "left", 1))})[:-20])
        file.write(b"\nnoise\n")
    view = view_run(layout.folder)
    assert [str(cell_of(record)) for record in view.records()] == [f"{A}/left/r1"]
    assert view.damaged == 2
    assert "2 damaged lines of the journals left out" in page_of(layout).read_text()


def test_a_folder_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder of a run: it has no journal/\*\.jsonl; give results/<run id>"):
        view_run(tmp_path)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([], "This run has no cells yet"),
        ([made_record(Cell(A, "left", 1), Outcome.UNRESOLVED)], "nothing was resolved"),
        ([made_record(Cell(A, "left", 1))], "not complete: 1 selected cell without a record"),
        ([made_record(Cell(A, "left", 1))], "one repetition: the luck of a rerun is not measured"),
        ([made_record(Cell(A, "left", 1), Outcome.INFRA, cost_usd=None)], "1 cell broken (infra, error): in no rate"),
        ([made_record(Cell(A, "left", 1), integrity={"state": "suspect", "reasons": []})], "1 resolved cell not clean"),
        ([made_record(Cell(A, "left", 1), oracle=True)], "variants marked * are oracles"),
        ([made_record(Cell(A, "left", 1), Outcome.CAPTURED)], "Nothing of this run is graded."),
    ],
)
def test_what_a_reader_must_know_is_said(tmp_path: Path, records: list[dict[str, Any]], told: str) -> None:
    layout = made(tmp_path, *records, variants=() if not records else ("left",))
    layout.journals.mkdir(parents=True, exist_ok=True)
    (layout.journals / "main-1.jsonl").touch()
    text = page_of(layout).read_text(encoding="utf-8")
    assert told in text


def test_contents_stand_in_bundles(tmp_path: Path) -> None:
    layout = made(tmp_path, made_record(Cell(A, "left", 1)))
    said(layout, Cell(A, "left", 1), 1, lambda turn: f"told {turn}", log="1 failed")
    path = page_of(layout)
    assert bundle(path, "cell0")[0]["patch"].startswith(f"diff --git a/{A}")
    talk = bundle(path, "talk0")[0]
    assert talk["log"] == "1 failed"
    assert [one["role"] for one in talk["said"]] == ["system", "user", "assistant", "tool"]
    assert talk["said"][2]["tool_calls"] == [["run", "command: python -m pytest -k part1\nwhy: told 1"]]
    at = {one["id"]: one["at"] for one in island(path)["instances"]}
    assert bundle(path, "inst0")[at[B]]["gold"].startswith("diff --git")


def test_steps_and_guards_are_told(tmp_path: Path) -> None:
    from pytest_swebench.records.tracewriter import TraceWriter

    layout = made(tmp_path, made_record(Cell(A, "left", 1)))
    go_back_once(TraceWriter(layout, Cell(A, "left", 1), 1, "tdd", Redactor()))
    events = bundle(page_of(layout), "talk0")[0]["events"]
    assert ["GUARD", "ap_gen_test", "test_red", "FAIL", 1] in [event[:5] for event in events]


def test_long_texts_are_cut_and_say_so(tmp_path: Path) -> None:
    names = [f"test_{number}" for number in range(300)]
    verdict = {"resolved": False, "applied": True, "applied_with": "", "reason": "",
               "tests": {"FAIL_TO_PASS": {"success": [], "failure": names}}}  # fmt: skip
    layout = made(tmp_path, made_record(Cell(A, "left", 1), Outcome.UNRESOLVED, patch="x" * 300_000, verdict=verdict))
    said(layout, Cell(A, "left", 1), 1, lambda turn: "y" * 30_000, log="line\n" * 10_000)
    path = page_of(layout)
    record, talk = bundle(path, "cell0")[0], bundle(path, "talk0")[0]
    assert record["patch"].endswith("[cut: 100,000 more characters]")
    tests = record["verdict"]["tests"]["FAIL_TO_PASS"]
    assert (len(tests["failure"]), tests["counts"]) == (200, {"success": 0, "failure": 300})
    assert talk["said"][1]["content"].endswith("[cut: 10,000 more characters]")
    assert talk["log"].startswith("[26,000 bytes before this are left out]\n")


def test_words_without_an_end_do_not_swell_the_page(tmp_path: Path) -> None:
    """What broke a cell may have been written by the code that ran there."""
    told = {"notes": "n" * 50_000, "error": {"type": "X", "message": "m" * 5_000_000}}
    path = page_of(made(tmp_path, made_record(Cell(A, "left", 1), Outcome.INFRA, **told)))
    record = bundle(path, "cell0")[0]
    assert record["error"]["message"].endswith("m\n[cut: 4,980,000 more characters]")
    assert record["notes"].endswith("n\n[cut: 30,000 more characters]")
    text = path.read_text(encoding="utf-8")
    assert "[cut: 4,999,700 more characters]" in text
    assert len(text) < 200_000


def test_secrets_of_this_machine_are_taken_out(tmp_path: Path) -> None:
    secret = 'sk-"quoted"-0123456789'
    layout = made(
        tmp_path,
        made_record(Cell(A, "left", 1), patch=f"+{secret}\n"),
        made_record(Cell(B, "left", 1), Outcome.INFRA, error={"type": "X", "message": f"sent {secret}"}),
    )
    path = page_of(layout, redactor=Redactor([secret]))
    assert bundle(path, "cell0")[1]["patch"] == "+[redacted]\n"
    text = path.read_text(encoding="utf-8")
    assert "sent [redacted]" in text
    assert "0123456789<" not in text
    assert "quoted" not in text


def test_secrets_that_escaping_changes_are_taken_out(tmp_path: Path) -> None:
    secret = "pass&word<'0123'>"
    layout = made(tmp_path, made_record(Cell(A, "left", 1), per_step_tokens={f"step {secret}": 9}))
    ledgers = {A: Ledger(gold=2, gold_resolved=1, tests={f"test[{secret}]": [1, 2]})}
    path = page_of(layout, redactor=Redactor([secret]), ledgers=ledgers, unfit={A: f"a & b < {secret}"})
    text = path.read_text(encoding="utf-8")
    assert "pass&amp;word" not in text
    assert "pass&word" not in html.unescape(text)
    assert "test[[redacted]]" in text
    assert "a &amp; b &lt; [redacted]" in text
    assert island(path)["instances"][0]["unfit"] == "a & b < [redacted]"


def test_numbers_that_are_none_leave_the_page_readable(tmp_path: Path) -> None:
    """Browsers read no NaN: one of them would take the whole page down."""
    path = page_of(made(tmp_path, made_record(Cell(A, "left", 1), cost_usd=math.nan)))

    def refused(word: str) -> None:
        raise AssertionError(word)

    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    assert json.loads(found[1], parse_constant=refused)["cells"]["cost"] == [None]
    assert bundle(path, "cell0")[0]["cost_usd"] is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"outcome": "mended"}, "outcome 'mended', which"),
        ({"stop": "tired"}, "stop 'tired', which"),
        ({"integrity": {"state": "odd", "reasons": []}}, "integrity 'odd', which"),
    ],
)
def test_a_record_of_another_version_is_refused_by_name(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    layout = made(tmp_path, made_record(Cell(A, "left", 1)) | fields)
    with pytest.raises(InputError, match=f"the record of {A}/left/r1 has the {told} pytest-swebench .* does not know"):
        page_of(layout)


def test_data_cannot_end_the_element_it_stands_in(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    described(layout, ["left"], [instance("a</script><b>-1")], 1)
    layout.journals.mkdir(parents=True)
    (layout.journals / "main-1.jsonl").touch()
    path = page_of(layout)
    assert island(path)["instances"][0]["id"] == "a</script><b>-1"
    assert path.read_text(encoding="utf-8").count("</script>") == 3  # data, the instances' bundle, the script


@pytest.mark.parametrize(
    ("content", "inside", "beside"),
    [
        (Content.AUTO, {"cell", "inst", "talk"}, set()),
        (Content.ALL, {"cell", "inst", "talk"}, set()),
        (Content.SIDE, set(), {"cell", "inst", "talk"}),
        (Content.NONE, set(), set()),
    ],
)
def test_contents_go_where_they_are_wanted(
    tmp_path: Path, content: Content, inside: set[str], beside: set[str]
) -> None:
    layout = large_run(tmp_path, instances=ENTRIES, variants=2, reps=1)
    said(layout, Cell("repo0__repo0-0", "arm0+model-0", 1), 1, str)
    written = write_report(view_run(layout.folder), tmp_path / "index.html", content=content)
    text = written.path.read_text(encoding="utf-8")
    assert set(re.findall(r'<script type="text/plain" id="([a-z]+)\d+">', text)) == inside
    found = {path.name for path in written.folder.iterdir()} if written.folder.exists() else set()
    assert {name.rstrip("js.0123456789") for name in found} == beside
    assert len(found) == written.beside
    assert ("file:" in html.unescape(text).split("script-src")[1].split(";")[0]) == bool(beside)


def test_what_is_too_large_goes_beside_conversations_first(tmp_path: Path) -> None:
    layout = made(tmp_path, *(made_record(Cell(name, "left", 1)) for name in (A, B)))
    said(layout, Cell(A, "left", 1), 2, str)
    path = page_of(layout)
    text = path.read_text(encoding="utf-8")
    sizes = {name: len(packed) for name, packed in re.findall(r'id="([a-z]+)0">([^<]*)</script>', text)}
    whole = sum(sizes.values())
    for room, beside in ((whole, set()), (whole - 1, {"talk"}), (sizes["cell"], {"talk", "inst"}), (0, {*sizes})):
        written = write_report(view_run(layout.folder), path, inline_bytes=room)
        found = {one.stem.rstrip("0") for one in written.folder.iterdir()} if written.folder.exists() else set()
        assert found == beside, room


def test_bundles_of_an_earlier_report_go(tmp_path: Path) -> None:
    layout = large_run(tmp_path, instances=ENTRIES * 2, variants=1, reps=1)
    written = write_report(view_run(layout.folder), tmp_path / "index.html", content=Content.SIDE)
    own = written.folder / "notes.txt"
    own.write_text("mine")
    write_report(view_run(layout.folder), tmp_path / "index.html")
    assert [path.name for path in written.folder.iterdir()] == ["notes.txt"]
    own.unlink()
    write_report(view_run(layout.folder), tmp_path / "index.html")
    assert not written.folder.exists()


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    layout = made(tmp_path, made_record(Cell(A, "left", 1)))
    blocked = tmp_path / "index.html"
    (blocked / "in the way").mkdir(parents=True)
    folder = tmp_path / "index_files"
    folder.mkdir()
    (folder / "cell0.js").touch()
    with pytest.raises(OSError, match=r"index\.html"):
        write_report(view_run(layout.folder), blocked)
    assert [path.name for path in folder.iterdir()] == ["cell0.js"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_prompt_scenarios_are_shown_as_captured(tmp_path: Path) -> None:
    record = made_record(Cell("greet", "left", 1), Outcome.CAPTURED)
    record["type"], record["scenario_id"] = "scenario_result", record.pop("instance_id")
    layout = layout_in(tmp_path)
    described(layout, ["left"], [instance("greet")], 1)
    recorded(layout, [record])
    data = island(page_of(layout))
    assert [data["outcomes"][out] for out in data["cells"]["out"]] == ["captured"]


@pytest.mark.parametrize(
    ("name", "told", "repo"),
    [
        ("django__django-11099", "", "django/django"),
        ("instance_ansible__ansible-0123-v1", "", "ansible/ansible-0123"),
        ("greet", "", "(none)"),
        ("x-1", "a/b", "a/b"),
    ],
)
def test_repository_of_an_instance(name: str, told: str, repo: str) -> None:
    assert repository(name, told) == repo


def test_a_slim_record_has_no_texts() -> None:
    record = slim(made_record(Cell(A, "left", 1)))
    assert record["outcome"] == "resolved"
    assert not {"patch", "verdict", "response_text", "tool_calls"} & record.keys()


def test_comparisons_say_what_they_left_out_and_what_they_rest_on(tmp_path: Path) -> None:
    names = [f"one__one-{number}" for number in range(6)] + [f"two__two-{number}" for number in range(4)]
    layout = layout_in(tmp_path)
    described(layout, ["a", "b", "c"], [instance(name) for name in names], 1)
    records = []
    for number, name in enumerate(names):
        records.append(made_record(Cell(name, "a", 1), Outcome.RESOLVED if number < 2 else Outcome.UNRESOLVED))
        records.append(made_record(Cell(name, "b", 1), Outcome.INFRA if number > 8 else Outcome.RESOLVED))
        records.append(made_record(Cell(name, "c", 1), Outcome.RESOLVED if number < 5 else Outcome.UNRESOLVED))
    recorded(layout, records)
    path = page_of(layout)
    text = html.unescape(path.read_text(encoding="utf-8"))
    assert "b against a: on the 1 instance left out the other variants resolve 0.0 %, elsewhere 55.6 %" in text
    assert "b against a: if all that is missing spoke for one of them, +70.0 to +80.0 pp" in text
    assert "+66.7 to +100.0" in text  # without `two`, and without `one`
    told = {(one["a"], one["b"]): one["told"] for one in island(path)["pairs"]}
    assert told["a", "b"].startswith("not comparable: ")  # coverage of 90 % against 100 %
    assert told["a", "c"].startswith("no difference shown; differences beyond [")
    assert told["a", "c"].endswith("; p = 0.25 (sign-flip), 0.25 after Holm")


def test_tokens_of_steps_are_told_by_variant(tmp_path: Path) -> None:
    layout = made(
        tmp_path,
        made_record(Cell(A, "left", 1), per_step_tokens={"ap_plan": 100, "ap_patch": 900}),
        made_record(Cell(B, "left", 1), per_step_tokens={"ap_plan": 300}),
    )
    text = re.sub(r"<[^>]+>", "|", page_of(layout).read_text(encoding="utf-8"))
    assert re.search(r"left\|+ap_plan\|+200\|", text)
    assert re.search(r"left\|+ap_patch\|+450\|", text)
