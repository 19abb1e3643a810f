"""The artifact DAG of a cell: one object a file, and an index that says which there are.

An index that is damaged or gone is made again from the objects. Shapes follow atomicguard's.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import digest, slug
from pytest_swebench.records.layout import locked_folder, write_json
from pytest_swebench.records.trace import Artifact, GuardReport, Status

VERSION: Final = "1.0"
INDEX_FILE: Final = "index.json"
OBJECTS: Final = "objects"
_UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """An artifact as it was stored: `created_at` is ISO 8601 in UTC, `specification` a digest of what was to solve."""

    artifact: Artifact
    workflow_id: str
    created_at: str
    specification: str = ""


@dataclass(frozen=True, slots=True)
class Dag:
    """The artifacts of a cell in the order in which they were made; `damaged` counts objects that cannot be read."""

    artifacts: tuple[StoredArtifact, ...]
    damaged: int = 0


def put_artifact(folder: Path, stored: dict[str, Any]) -> None:
    """Store `artifact_as_json` of an artifact in the DAG in `folder`; what bears its id there makes room.

    It keeps the moment at which it was first stored. Safe for several writers. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked_folder(folder):
        index = _read_index(folder)
        known = index["artifacts"].get(stored["artifact_id"])
        if known is not None:
            stored = {**stored, "created_at": known["created_at"]}
        path = _object_path(stored["artifact_id"])
        write_json(folder / path, stored)
        _enter(index, path, stored)
        write_json(folder / INDEX_FILE, index)


def read_dag(folder: Path) -> Dag:
    """Return the DAG in `folder`; one that is not there is empty. Objects that cannot be read are counted only."""
    artifacts = []
    damaged = 0
    for entry in _read_index(folder)["artifacts"].values():
        try:
            artifacts.append(artifact_from_json(json.loads((folder / entry["path"]).read_text(encoding="utf-8"))))
        except _UNREADABLE:
            damaged += 1
    return Dag(tuple(artifacts), damaged)


def artifact_as_json(stored: StoredArtifact) -> dict[str, Any]:
    """Return the object of an artifact."""
    artifact = stored.artifact
    return {
        "artifact_id": artifact.artifact_id,
        "workflow_id": stored.workflow_id,
        "content": artifact.content,
        "previous_attempt_id": artifact.previous or None,
        "parent_action_pair_id": None,  # there are no steps within steps
        "action_pair_id": artifact.step,
        "created_at": stored.created_at,
        "attempt_number": artifact.attempt,
        "status": str(artifact.status),
        "guard_result": None if artifact.report is None else _report_as_json(artifact.report),
        "context": {
            "workflow_id": stored.workflow_id,
            "specification": stored.specification,
            "constraints": artifact.constraints,
            "feedback_history": [
                {"artifact_id": artifact_id, "feedback": feedback}
                for artifact_id, feedback in artifact.feedback_history
            ],
            "dependency_artifacts": dict(artifact.dependencies),
            "escalation_feedback": list(artifact.escalation_feedback),
        },
        "metadata": dict(artifact.metadata),
    }


def artifact_from_json(data: dict[str, Any]) -> StoredArtifact:
    """Return what an object says. Raises KeyError, TypeError or ValueError for one of another shape."""
    context, report = data["context"], data["guard_result"]
    artifact = Artifact(
        artifact_id=data["artifact_id"],
        step=data["action_pair_id"],
        attempt=data["attempt_number"],
        content=data["content"],
        status=Status(data["status"]),
        report=None if report is None else _report(report),
        previous=data["previous_attempt_id"] or "",
        constraints=context["constraints"],
        feedback_history=tuple((told["artifact_id"], told["feedback"]) for told in context["feedback_history"]),
        dependencies=context["dependency_artifacts"],
        escalation_feedback=tuple(context["escalation_feedback"]),
        metadata=data["metadata"],
    )
    return StoredArtifact(
        artifact=artifact,
        workflow_id=data["workflow_id"],
        created_at=data["created_at"],
        specification=context["specification"],
    )


def _report_as_json(report: GuardReport) -> dict[str, Any]:
    return {
        "passed": report.passed,
        "feedback": report.feedback,
        "fatal": report.fatal,
        "guard_name": report.guard or None,
        "execution_time_ms": round(report.duration_s * 1000, 3),
        "sub_results": [_report_as_json(one) for one in report.sub_results],
    }


def _report(data: dict[str, Any]) -> GuardReport:
    return GuardReport(
        passed=data["passed"],
        feedback=data["feedback"],
        fatal=data["fatal"],
        guard=data["guard_name"] or "",
        duration_s=data["execution_time_ms"] / 1000,
        sub_results=tuple(_report(one) for one in data["sub_results"]),
    )


def _object_path(artifact_id: str) -> str:
    name = slug(artifact_id).lstrip(".")  # no name of ours begins with a dot: `..` is another folder
    if name != artifact_id or not name:  # other ids may come to the same
        name = digest(artifact_id)
    return f"{OBJECTS}/{name[:2]}/{name}.json"


def _read_index(folder: Path) -> dict[str, Any]:
    """Return the index, made again from the objects where it cannot be read."""
    with suppress(*_UNREADABLE):
        index: dict[str, Any] = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        if index["version"] == VERSION:
            return index
    index = {"version": VERSION, "artifacts": {}, "action_pairs": {}, "workflows": {}}
    objects = []
    for path in (folder / OBJECTS).glob("*/*.json"):
        with suppress(*_UNREADABLE):
            stored = json.loads(path.read_text(encoding="utf-8"))
            objects.append((stored["created_at"], stored["attempt_number"], str(path.relative_to(folder)), stored))
    for _, _, name, stored in sorted(objects, key=lambda found: found[:3]):
        _enter(index, name, stored)
    return index


def _enter(index: dict[str, Any], path: str, stored: dict[str, Any]) -> None:
    artifact_id = stored["artifact_id"]
    fields = ("workflow_id", "action_pair_id", "parent_action_pair_id", "status", "created_at")
    index["artifacts"][artifact_id] = {"path": path, **{name: stored[name] for name in fields}}
    for group, name in (("action_pairs", stored["action_pair_id"]), ("workflows", stored["workflow_id"])):
        ids = index[group].setdefault(name, [])
        if artifact_id not in ids:
            ids.append(artifact_id)
