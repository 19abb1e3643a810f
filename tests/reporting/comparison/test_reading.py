from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.datasets.instance import Kind
from pytest_swebench.errors import InputError
from pytest_swebench.outcome import Outcome
from pytest_swebench.reporting.comparison.across import compare_sources
from pytest_swebench.reporting.comparison.reading import read_source
from pytest_swebench.reporting.comparison.source import Source
from tests.support.graded import IDS, archive, inspect_log, put, report, run_of, zipfile


def told(source: Source) -> dict[str, Outcome]:
    return {cell.instance_id: cell.outcome for cell in source.cells}


def test_a_run_is_read_from_its_journals_with_plan_digests_and_conditions(tmp_path: Path) -> None:
    grading = {"profile": "docker", "timeout_s": 1800.0, "exceptions": {"x": 1}}
    folder = run_of(
        tmp_path, "one", {"tdd": "RUN", "gold": "RRR"}, oracles=["gold"], grading=grading, image_digest="sha256:1"
    )
    source = read_source(folder)
    assert (source.name, source.kind, len(source.cells)) == ("one", "a run", 6)
    assert source.planned == {"tdd": 20, "gold": 20}
    assert source.oracles == {"gold"}
    assert len(source.digests) == 20
    assert source.images[IDS[0]] == "sha256:1"
    assert source.conditions["swebench"] == {"5.0.2"}
    assert source.conditions["grading timeout_s"] == {"1800.0"}
    assert "grading exceptions" not in source.conditions
    assert source.samples()["tdd"].coverage == pytest.approx(3 / 20)


def test_captured_variants_are_no_part_of_a_comparison(tmp_path: Path) -> None:
    source = read_source(run_of(tmp_path, "one", {"tdd": "RUR", "quiet": "CCN", "part": "RCC"}))
    samples = source.samples()
    assert {name: (one.attempted, one.planned) for name, one in samples.items()} == {"tdd": (3, 20), "part": (1, 20)}
    assert source.unjudged == {"quiet"}
    assert source.why_unjudged == (
        "quiet: 2 patches without a verdict, so no rate and no comparison; the same command without --generate-only "
        "(`run` for `generate`), with --resume=one, grades them",
    )


def test_answers_to_prompts_are_no_part_of_a_comparison(tmp_path: Path) -> None:
    folder = run_of(tmp_path, "said", {"tdd": "CCC"}, kind=Kind.SCENARIO)
    with pytest.raises(InputError, match="though it is a run: 3 captured answers, which nothing grades, so no rate"):
        read_source(folder)


def test_merged_results_alone_are_read_too_and_say_what_is_not_in_them(tmp_path: Path) -> None:
    folder = run_of(tmp_path, "one", {"tdd": "RUN"})
    lines = [json.loads(line)["record"] for line in (folder / "journal" / "main-1.jsonl").read_text().splitlines()]
    text = '{"type": "run_metadata"}\n' + "".join(json.dumps(line) + "\n" for line in lines) + '{"torn'
    results = put(tmp_path / "copy" / "results.jsonl", text)
    shutil.rmtree(folder / "journal")
    for path in (results, results.parent):
        source = read_source(path)
        assert (source.name, told(source)[IDS[0]]) == ("copy", Outcome.RESOLVED)
        assert source.notes[0] == "1 damaged line is left out"
        assert "the plan of the run is not in it" in source.notes[1]


def test_an_official_report_is_one_variant(tmp_path: Path) -> None:
    data = report(
        IDS[:2],
        IDS[2:4],
        empty_patch_ids=IDS[4:5],
        infra_failure_ids=IDS[5:6],
        error_ids=IDS[5:7],
        incomplete_ids=IDS[7:9],
    )
    source = read_source(put(tmp_path / "m-1.run.json", data))
    assert told(source) == {
        IDS[0]: Outcome.RESOLVED,
        IDS[1]: Outcome.RESOLVED,
        IDS[2]: Outcome.UNRESOLVED,
        IDS[3]: Outcome.UNRESOLVED,
        IDS[4]: Outcome.NO_PATCH,
        IDS[5]: Outcome.INFRA,
        IDS[6]: Outcome.UNRESOLVED,
    }
    assert source.planned == {"m-1": 9}
    assert source.notes == ("1 error of no broken infrastructure: counted as unresolved",)


def test_what_nobody_submitted_is_no_part_of_a_report(tmp_path: Path) -> None:
    groups = {"submitted_ids": IDS[:5], "incomplete_ids": IDS[5:]}
    source = read_source(put(tmp_path / "m.json", report(IDS[:2], IDS[2:4], **groups)))
    assert source.planned == {"m": 5}  # one of which has no result, and is missing
    assert source.notes == ("15 instances of its dataset were not submitted, and are no part of this",)


def test_errors_of_an_old_report_are_missing(tmp_path: Path) -> None:
    data = report(IDS[:1], error_ids=IDS[1:2])
    del data["infra_failure_ids"]
    source = read_source(put(tmp_path / "m.json", data))
    assert told(source)[IDS[1]] is Outcome.ERROR
    assert source.notes == ("1 error counted as missing: the report does not say what kind",)


def test_a_submission_of_the_leaderboard_counts_what_is_not_resolved_as_the_leaderboard_does(tmp_path: Path) -> None:
    folder = tmp_path / "20260101_agent"
    put(folder / "results" / "results.json", {"resolved": IDS[:2], "no_generation": [IDS[2]], "no_logs": [IDS[3]]})
    lines = [
        {"instance_id": name, "model_patch": "" if name == IDS[4] else "d", "model_name_or_path": "m"}
        for name in IDS[:6]
    ]
    put(folder / "all_preds.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    source = read_source(folder)
    resolved, no_patch, unresolved = Outcome.RESOLVED, Outcome.NO_PATCH, Outcome.UNRESOLVED
    expected = [resolved, resolved, no_patch, unresolved, no_patch, unresolved]
    assert told(source) == dict(zip(IDS[:6], expected, strict=True))
    assert list(source.samples()) == ["20260101_agent"]


def test_a_submission_without_its_patches_says_that_it_tells_only_half(tmp_path: Path) -> None:
    put(tmp_path / "sub" / "results.json", {"resolved": IDS[:2]})
    assert "only resolved instances are named" in read_source(tmp_path / "sub").notes[1]


@pytest.mark.parametrize("by_model", [False, True])
def test_a_table_of_the_site(tmp_path: Path, by_model: bool) -> None:
    table = {IDS[0]: {"resolved": True, "cost": 0.5, "api_calls": 3}, IDS[1]: {"resolved": False, "cost": 1.0}}
    data: Any = {"maker/m-1": table, "m-2": table} if by_model else table
    source = read_source(put(tmp_path / "table.json", data))
    assert list(source.samples()) == (["m-2", "maker-m-1"] if by_model else ["table"])
    assert {cell.cost_usd for cell in source.cells} == {0.5, 1.0}
    if not by_model:
        folder = put(tmp_path / "20260101_mini" / "per_instance_details.json", data).parent
        assert list(read_source(folder).samples()) == ["20260101_mini"]


def test_trajectories_give_the_costs_to_a_report_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "mini"
    put(folder / "m.json", report(IDS[:1], IDS[1:2]))
    put(folder / "broken.json", "{")
    info = {"model_stats": {"instance_cost": 0.25, "api_calls": 4}, "exit_status": "Submitted", "submission": "d"}
    put(folder / IDS[0] / f"{IDS[0]}.traj.json", {"info": info, "messages": []})
    source = read_source(folder)
    assert list(source.samples()) == ["mini"]
    assert [(cell.instance_id, cell.cost_usd) for cell in source.cells] == [(IDS[0], 0.25), (IDS[1], None)]


def test_trajectories_without_a_verdict_are_refused_with_the_way_to_one(tmp_path: Path) -> None:
    put(tmp_path / "mini" / IDS[0] / f"{IDS[0]}.traj.json", {"info": {}, "messages": []})
    with pytest.raises(InputError, match=r"nothing that says what is resolved.*evaluate .* -d DATASET"):
        read_source(tmp_path / "mini")


def test_a_folder_of_logs_of_inspect_is_refused_with_one_to_give(tmp_path: Path) -> None:
    told = inspect_log({IDS[0]: "C"})
    (tmp_path / "packed").mkdir()
    for log in (archive(tmp_path / "packed" / "x.eval", told), put(tmp_path / "plain" / "x.json", told)):
        with pytest.raises(InputError, match="holds logs of Inspect; give one of them, e.g. '" + re.escape(str(log))):
            read_source(log.parent)


def test_logs_of_the_harness_are_read_instance_by_instance(tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    for name, resolved in ((IDS[0], True), (IDS[1], False)):
        put(folder / "logs" / name / "report.json", {name: {"patch_is_None": False, "resolved": resolved}})
    put(folder / "logs" / IDS[2] / "report.json", {IDS[2]: {"patch_is_None": True, "resolved": False}})
    put(folder / "logs" / IDS[3] / "run.log", "the patch did not apply")
    put(folder / "logs" / IDS[4] / "report.json", "{torn")
    put(folder / "logs" / IDS[5] / "report.json", {IDS[5]: {"resolved": None}})
    lines = [
        {"instance_id": name, "model_patch": patch} for name, patch in ((IDS[0], "d"), (IDS[6], ""), (IDS[7], "d"))
    ]
    put(folder / "all_preds.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    source = read_source(folder)
    assert [told(source)[name].value for name in IDS[:8]] == [
        *("resolved", "unresolved", "no_patch", "error", "error", "error", "no_patch", "error"),
    ]
    assert source.notes[0].startswith("4 instances have no report and count as missing")
    assert read_source(folder / "logs").kind == "a folder of logs"


def test_a_torn_report_of_two_instances_is_none(tmp_path: Path) -> None:
    put(tmp_path / "logs" / IDS[0] / "report.json", {IDS[0]: {"resolved": True}})
    put(tmp_path / "logs" / IDS[1] / "report.json", {IDS[1]: {"resolved": True}, IDS[2]: {"resolved": True}})
    assert told(read_source(tmp_path / "logs")) == {IDS[0]: Outcome.RESOLVED, IDS[1]: Outcome.ERROR}


def test_real_logs_of_the_harness_make_two_submissions(shared_data: Path, tmp_path: Path) -> None:
    cases = [json.loads(line) for line in (shared_data / "logs" / "index.jsonl").read_text().splitlines()]
    for one in cases:
        name, case = one["instance_id"], str(one["case"])
        if case in {"0", "1"}:
            put(tmp_path / case / "logs" / name / "x", "")
            shutil.copy(shared_data / "logs" / name / case / "report.json", tmp_path / case / "logs" / name)
    published = [
        {one["instance_id"]: one["resolved"] for one in cases if str(one["case"]) == case} for case in ("0", "1")
    ]
    sources = [read_source(tmp_path / case) for case in ("0", "1")]
    for source, verdicts in zip(sources, published, strict=True):
        assert {name: outcome is Outcome.RESOLVED for name, outcome in told(source).items()} == verdicts
    (pair,) = compare_sources(sources).analysis.comparisons
    before, after = published
    assert set(pair.won) == {name for name in before.keys() & after.keys() if after[name] > before[name]}
    assert set(pair.lost) == {name for name in before.keys() & after.keys() if after[name] < before[name]}
    assert pair.won


def test_two_reports_on_one_instance_are_refused(shared_data: Path) -> None:
    with pytest.raises(InputError, match="a second report on 'django__django-10880'"):
        read_source(shared_data / "logs" / "django__django-10880")


def test_several_reports_in_a_folder_are_refused(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        put(tmp_path / "both" / name, report(IDS[:1]))
    with pytest.raises(InputError, match=r"holds 2 official reports; give one of them: a\.json, b\.json"):
        read_source(tmp_path / "both")


LINE = '{"type": "result", "outcome": "resolved", "variant": "a", "instance_id": %s, "rep": %s}'
SCORES = {IDS[0]: "C", IDS[1]: "I", IDS[2]: 1.0, IDS[3]: 0, IDS[4]: None, IDS[5]: {"resolved": True}}
SCORED = dict(
    zip(
        IDS[:6],
        [
            *(Outcome.RESOLVED, Outcome.UNRESOLVED, Outcome.RESOLVED),
            *(Outcome.UNRESOLVED, Outcome.ERROR, Outcome.RESOLVED),
        ],
        strict=True,
    )
)


@pytest.mark.parametrize("shape", ["json", "eval", "zstd", "cut short", "old"])
def test_a_log_of_inspect(tmp_path: Path, shape: str) -> None:
    log = inspect_log(SCORES)
    if shape == "json":
        path = put(tmp_path / "log.json", log)
    else:
        headers = {"cut short": "_journal/start.json", "old": "start.json"}
        packed = zipfile.ZIP_ZSTANDARD if shape == "zstd" else zipfile.ZIP_DEFLATED
        path = archive(tmp_path / "log.eval", log, headers.get(shape, "header.json"), packed)
    source = read_source(path)
    assert told(source) == SCORED
    assert list(source.samples()) == ["maker-m-1"]
    assert (source.cells[0].tokens, source.cells[0].seconds) == (100, 12.5)


def test_epochs_are_repetitions_and_samples_that_are_not_there_are_missing(tmp_path: Path) -> None:
    log = inspect_log({IDS[0]: "C", IDS[1]: "I"}, epochs=3)
    del log["samples"][-1]
    sample = read_source(put(tmp_path / "log.json", log)).samples()["maker-m-1"]
    assert (sample.reps, sample.attempted, sample.planned) == (3, 5, 6)


def test_scores_that_are_neither_right_nor_wrong_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has the value 0\.5 by 'swe_bench_scorer'; only right and wrong"):
        read_source(put(tmp_path / "log.json", inspect_log({IDS[0]: 0.5})))


def test_of_several_scores_the_one_for_swe_bench_counts(tmp_path: Path) -> None:
    log = inspect_log({IDS[0]: "C"})
    log["samples"][0]["scores"]["swe_bench_baseline_scorer"] = {"value": 0.3}
    assert told(read_source(put(tmp_path / "log.json", log))) == {IDS[0]: Outcome.RESOLVED}
    log["samples"][0]["scores"] = {"one": {"value": "C"}, "two": {"value": "I"}}
    with pytest.raises(InputError, match=r"has 2 scores \(one, two\)"):
        read_source(put(tmp_path / "two.json", log))


def predictions(path: Path, ids: list[str]) -> Path:
    lines = [{"instance_id": name, "model_patch": "d", "model_name_or_path": "maker/m-1"} for name in ids]
    return put(path, "".join(json.dumps(line) + "\n" for line in lines))


def test_predictions_are_read_with_the_report_beside_them(tmp_path: Path) -> None:
    path = predictions(tmp_path / "preds.jsonl", IDS[:5])
    put(tmp_path / "maker__m-1.run.json", report(IDS[:1], IDS[1:4]))
    put(tmp_path / "others.json", report(IDS[7:9], IDS[9:11]))
    put(tmp_path / "empty.json", report([]))
    sample = read_source(path).samples()["maker-m-1"]
    assert (sample.resolved, sample.attempted, sample.planned) == (1, 4, 5)


def test_two_reports_on_the_same_predictions_are_refused(tmp_path: Path) -> None:
    path = predictions(tmp_path / "preds.jsonl", IDS[:5])
    for name in ("a.json", "b.json"):
        put(tmp_path / name, report(IDS[:1], IDS[1:4]))
    with pytest.raises(InputError, match=r"2 official reports \(a\.json, b\.json\) on them lies beside it"):
        read_source(path)


@pytest.mark.parametrize("config", [{"limit": 3}, {"limit": [2, 5]}, {"sample_id": IDS[:3]}])
@pytest.mark.parametrize("ids", [IDS, None])
def test_samples_that_were_not_asked_for_are_not_missing(
    tmp_path: Path, config: dict[str, Any], ids: list[str] | None
) -> None:
    """Inspect names all of a dataset, however few of its samples a run was limited to."""
    log = inspect_log(dict.fromkeys(IDS[:2], "C"), epochs=2)
    log["eval"]["dataset"] = {"samples": len(IDS), "sample_ids": ids}
    log["eval"]["config"] |= config
    path = tmp_path / "log.json"
    assert read_source(put(path, log)).planned == {"maker-m-1": 6}
    log["results"] = {"total_samples": 5}
    assert read_source(put(path, log)).planned == {"maker-m-1": 5}


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_ZSTANDARD])
def test_archives_that_are_damaged_or_locked_are_refused(tmp_path: Path, packed: int) -> None:
    path = archive(tmp_path / "log.eval", inspect_log(dict.fromkeys(IDS, "C")), packed=packed)
    whole = path.read_bytes()
    at = whole.index(b"header.json") + len("header.json")
    locked = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of each entry, there twice
        found = -1
        while (found := locked.find(mark, found + 1)) >= 0:
            locked[found + place] |= 1
    for content in (whole[:at] + bytes(len(IDS)) + whole[at + len(IDS) :], bytes(locked), whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"cannot be read as a log of Inspect: ."):
            read_source(path)


@pytest.mark.parametrize("amount", ["1.5", [], float("nan"), float("inf"), -1.0])
def test_costs_and_times_that_are_no_amounts_are_refused(tmp_path: Path, amount: Any) -> None:
    table = {IDS[0]: {"resolved": True, "cost": amount}}
    with pytest.raises(InputError, match=f"cost of '{IDS[0]}': .* is no amount; a number from 0 up is read"):
        read_source(put(tmp_path / "table.json", table))
    log = inspect_log({IDS[0]: "C"})
    log["samples"][0]["total_time"] = amount
    with pytest.raises(InputError, match=f"seconds of '{IDS[0]}': "):
        read_source(put(tmp_path / "log.json", log))


def test_what_says_two_things_at_once_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"'{IDS[0]}' is both resolved and unresolved"):
        read_source(put(tmp_path / "m.json", report(IDS[:2], IDS[:1])))
    table = {"a/m": {IDS[0]: {"resolved": True}}, "a-m": {IDS[0]: {"resolved": False}}}
    with pytest.raises(InputError, match="models are both called 'a-m'"):
        read_source(put(tmp_path / "table.json", table))


def test_deeply_nested_files_are_refused(tmp_path: Path) -> None:
    deep = "[" * 200_000
    for name in ("x.json", "x.jsonl", "folder/x.json"):
        put(tmp_path / name, deep)
    for name in ("x.json", "x.jsonl", "folder"):
        with pytest.raises(InputError, match=str(tmp_path / name)):
            read_source(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", '{"a-1": {"resolved": true}, "a-2": {"resolved": "false"}}', "'resolved' of 'a-2' is 'false'"),
        ("x.json", '{"resolved_ids": ["a\\u001b[31m"]}', "with characters that cannot be shown"),
        ("x.jsonl", LINE % ("3", "1"), "the name 3"),
        ("x.jsonl", LINE % ('"i"', '"1"'), "repetition '1' of 'i' is no number"),
        ("x.json", "{", "is not valid JSON"),
        ("x.json", "[]", "holds no graded results of any known shape; give results/"),
        ("x.json", '{"a": 1}', "holds no graded results of any known shape"),
        ("x.json", '{"resolved_ids": []}', "holds no graded results, though it is an official report"),
        ("x.json", '{"resolved_ids": "all"}', r"'resolved_ids' must be a list of instance ids, found 'all'"),
        ("x.jsonl", '{"instance_id": "a", "model_patch": ""}\n', "holds patches, and no official report on them"),
        ("x.jsonl", '{"type": "run_metadata"}\n', "holds no graded results of any known shape"),
        ("x.json", '{"version": 2, "eval": {}, "samples": [{"epoch": 1}]}', "is not shaped as its kind is: KeyError"),
        ("x.json", '{"a__a-1": {"resolved": true}, "a__a-2": 3}', "is not shaped as its kind is: AttributeError"),
        ("x.jsonl", '{"type": "result", "outcome": "splendid"}\n', "is not shaped as its kind is: ValueError"),
        ("x.eval", "PK", "cannot be read as a log of Inspect: .*inspect log convert --to json"),
    ],
)
def test_what_holds_no_results_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_source(put(tmp_path / name, content))


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no log of Inspect, for it lacks header\.json"):
        read_source(archive(tmp_path / "x.eval", {"samples": []}, "other.json"))


def test_what_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file or directory; give results/"):
        read_source(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is no text in UTF-8"):
        read_source(tmp_path / "binary.json")
