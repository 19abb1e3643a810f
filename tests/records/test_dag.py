from __future__ import annotations

import dataclasses
import json
import multiprocessing
import resource
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.cell import Cell
from pytest_swebench.errors import RecordError
from pytest_swebench.records.dag import read_dag
from pytest_swebench.records.layout import RunLayout
from pytest_swebench.records.trace import Artifact, GuardReport, Status
from pytest_swebench.records.tracewriter import TraceWriter
from pytest_swebench.redact import Redactor
from tests.support.traced import go_back_once

CELL = Cell("calc__calc-1", "s1_tdd", 1)
SECRET = "sk-artifact-0123456789"
WORDS = st.text(max_size=60)
NAMES = st.text(min_size=1, max_size=12)
IDS = st.text("0123456789abcdef", min_size=4, max_size=32)
PLAIN = Artifact(artifact_id="abcdef", step="ap_patch", attempt=1, content="{}", status=Status.PENDING)


def folder_in(root: Path) -> Path:
    return root / "run-1" / "artifact_dags" / "calc__calc-1" / "s1_tdd" / "rep1"


def writer(root: Path, workflow: str = "flow", attempt: int = 1) -> TraceWriter:
    layout = RunLayout(root, "run-1", "")
    return TraceWriter(layout, CELL, attempt, workflow, Redactor([SECRET]), specification="0123abcd")


reports = st.recursive(
    st.builds(
        GuardReport,
        passed=st.booleans(),
        feedback=WORDS,
        fatal=st.booleans(),
        guard=WORDS,
        duration_s=st.integers(0, 10**7).map(lambda ms: ms / 1000),
    ),
    lambda inner: st.builds(
        GuardReport, passed=st.booleans(), guard=WORDS, sub_results=st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=4,
)
artifacts = st.builds(
    Artifact,
    artifact_id=IDS,
    step=WORDS,
    attempt=st.integers(1, 99),
    content=WORDS,
    status=st.sampled_from(Status),
    report=st.none() | reports,
    previous=st.just("") | IDS,
    constraints=WORDS,
    feedback_history=st.lists(st.tuples(IDS, WORDS), max_size=3).map(tuple),
    dependencies=st.dictionaries(NAMES, IDS, max_size=3),
    escalation_feedback=st.lists(WORDS, max_size=2).map(tuple),
    metadata=st.dictionaries(NAMES, st.integers(), max_size=3),
)


@settings(max_examples=40)
@given(st.lists(artifacts, min_size=1, max_size=6, unique_by=lambda one: one.artifact_id), st.booleans())
def test_what_is_stored_is_read_back_also_without_its_index(told: list[Artifact], lost: bool) -> None:
    with tempfile.TemporaryDirectory() as root:
        for artifact in told:
            writer(Path(root)).artifact(artifact)
        index = folder_in(Path(root)) / "index.json"
        whole = json.loads(index.read_text())
        assert list(whole["artifacts"]) == [artifact.artifact_id for artifact in told]
        if lost:
            index.write_text(index.read_text()[:-9])
        dag = read_dag(folder_in(Path(root)))
    by_id = {stored.artifact.artifact_id: stored for stored in dag.artifacts}
    assert {name: stored.artifact for name, stored in by_id.items()} == {one.artifact_id: one for one in told}
    assert {(stored.workflow_id, stored.specification) for stored in dag.artifacts} == {("flow", "0123abcd")}
    assert dag.damaged == 0


def test_files_have_the_fields_of_the_format(tmp_path: Path) -> None:
    go_back_once(writer(tmp_path))
    folder = folder_in(tmp_path)
    index = json.loads((folder / "index.json").read_text())
    assert list(index) == ["version", "artifacts", "action_pairs", "workflows"]
    assert index["version"] == "1.0"
    assert index["action_pairs"] == {
        "ap_analysis": ["ap_analysis-1", "ap_analysis-2"],
        "ap_gen_test": ["ap_gen_test-1", "ap_gen_test-2", "ap_gen_test-3"],
    }
    assert list(index["workflows"]) == ["flow"]
    assert len(index["workflows"]["flow"]) == 5
    entry = index["artifacts"]["ap_gen_test-1"]
    assert list(entry) == ["path", "workflow_id", "action_pair_id", "parent_action_pair_id", "status", "created_at"]
    assert (entry["path"], entry["status"]) == ("objects/ap/ap_gen_test-1.json", "rejected")
    stored = json.loads((folder / entry["path"]).read_text())
    assert list(stored) == [
        "artifact_id", "workflow_id", "content", "previous_attempt_id", "parent_action_pair_id", "action_pair_id",
        "created_at", "attempt_number", "status", "guard_result", "context", "metadata",
    ]  # fmt: skip
    assert list(stored["context"]) == [
        "workflow_id", "specification", "constraints", "feedback_history", "dependency_artifacts",
        "escalation_feedback",
    ]  # fmt: skip
    assert [(one["guard_name"], one["passed"]) for one in stored["guard_result"]["sub_results"]] == [
        ("test_syntax", True),
        ("test_red", False),
    ]
    assert stored["guard_result"]["sub_results"][0]["execution_time_ms"] == 250


def test_what_becomes_of_an_artifact_takes_its_place(tmp_path: Path) -> None:
    trace = writer(tmp_path)
    other = dataclasses.replace(PLAIN, artifact_id="ffffff")
    trace.artifact(PLAIN)
    (before,) = read_dag(folder_in(tmp_path)).artifacts
    trace.artifact(other)
    trace.artifact(dataclasses.replace(PLAIN, status=Status.SUPERSEDED))
    first, second = read_dag(folder_in(tmp_path)).artifacts
    assert (first.artifact.status, first.created_at) == (Status.SUPERSEDED, before.created_at)
    assert second.artifact == other
    index = json.loads((folder_in(tmp_path) / "index.json").read_text())
    assert index["action_pairs"] == {"ap_patch": ["abcdef", "ffffff"]}
    assert index["artifacts"]["abcdef"]["status"] == "superseded"


def test_later_attempt_that_names_its_artifacts_the_same_replaces_none(tmp_path: Path) -> None:
    told = [
        PLAIN,
        dataclasses.replace(
            PLAIN,
            artifact_id="0123",
            previous="abcdef",
            feedback_history=(("abcdef", "no"),),
            dependencies={"ap_analysis": "abcdef"},
        ),
    ]
    for attempt in (1, 2):
        for artifact in told:
            writer(tmp_path, attempt=attempt).artifact(artifact)
    stored = read_dag(folder_in(tmp_path)).artifacts
    assert [one.workflow_id for one in stored] == ["flow", "flow", "flow@attempt2", "flow@attempt2"]
    assert [one.artifact for one in stored[:2]] == told
    again, after = (one.artifact for one in stored[2:])
    assert again.artifact_id != "abcdef"
    assert (after.previous, after.feedback_history) == (again.artifact_id, ((again.artifact_id, "no"),))
    assert after.dependencies == {"ap_analysis": again.artifact_id}


def test_workflows_of_one_attempt_share_a_graph(tmp_path: Path) -> None:
    writer(tmp_path, "outer").artifact(PLAIN)
    writer(tmp_path, "inner").artifact(
        dataclasses.replace(PLAIN, artifact_id="9999", dependencies={"ap_plan": "abcdef"})
    )
    index = json.loads((folder_in(tmp_path) / "index.json").read_text())
    assert index["workflows"] == {"outer": ["abcdef"], "inner": ["9999"]}


def test_secrets_stay_out(tmp_path: Path) -> None:
    writer(tmp_path).artifact(
        dataclasses.replace(
            PLAIN,
            content=f"key {SECRET}",
            report=GuardReport(passed=False, feedback=SECRET),
            feedback_history=(("x", SECRET),),
        )
    )
    stored = [path.read_text() for path in folder_in(tmp_path).rglob("*.json")]
    assert len(stored) == 2
    assert not any("0123456789" in text for text in stored)
    assert any("key [redacted]" in text for text in stored)


@pytest.mark.parametrize("alike", [("../../x/y z", "-..-x-y-z"), ("a/b", "a b", "a-b"), ("..", ".", "", "artifact")])
def test_name_that_is_no_file_name_stays_in_the_folder_and_replaces_no_other(
    alike: tuple[str, ...], tmp_path: Path
) -> None:
    odd = [dataclasses.replace(PLAIN, artifact_id=artifact_id) for artifact_id in alike]
    for artifact in odd:
        writer(tmp_path).artifact(artifact)
    assert [stored.artifact for stored in read_dag(folder_in(tmp_path)).artifacts] == odd
    objects = folder_in(tmp_path) / "objects"
    assert len(list(objects.glob("*/*.json"))) == len(list(tmp_path.rglob("*.json"))) - 1 == len(odd)


def test_damaged_objects_are_counted(tmp_path: Path) -> None:
    for artifact_id in ("aaaa", "bbbb", "cccc", "dddd"):
        writer(tmp_path).artifact(dataclasses.replace(PLAIN, artifact_id=artifact_id))
    objects = folder_in(tmp_path) / "objects"
    (objects / "aa" / "aaaa.json").write_text("{")
    (objects / "bb" / "bbbb.json").unlink()
    (objects / "cc" / "cccc.json").write_text('{"artifact_id": "cccc"}')
    dag = read_dag(folder_in(tmp_path))
    assert ([one.artifact.artifact_id for one in dag.artifacts], dag.damaged) == (["dddd"], 3)


def test_index_of_another_version_is_made_again(tmp_path: Path) -> None:
    writer(tmp_path).artifact(PLAIN)
    index = folder_in(tmp_path) / "index.json"
    index.write_text('{"version": "0.9", "artifacts": {}}')
    writer(tmp_path).artifact(dataclasses.replace(PLAIN, artifact_id="ffffff"))
    assert list(json.loads(index.read_text())["artifacts"]) == ["abcdef", "ffffff"]


def test_no_graph_is_an_empty_one(tmp_path: Path) -> None:
    assert read_dag(tmp_path / "none").artifacts == ()


def put_many(root: str, name: str) -> None:
    for number in range(20):
        writer(Path(root), name).artifact(dataclasses.replace(PLAIN, artifact_id=f"{name}-{number}"))


def test_processes_share_an_index(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=put_many, args=(str(tmp_path), name)) for name in ("one", "two")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(read_dag(folder_in(tmp_path)).artifacts) == 40


def test_disk_that_does_not_take_an_object_keeps_what_was_there(tmp_path: Path) -> None:
    writer(tmp_path).artifact(PLAIN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        with pytest.raises(RecordError, match="File too large"):
            writer(tmp_path).artifact(dataclasses.replace(PLAIN, content="x" * 5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    (stored,) = read_dag(folder_in(tmp_path)).artifacts
    assert stored.artifact == PLAIN
