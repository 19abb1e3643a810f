"""Writes the trace of one workflow in one attempt at a cell: events line by line, artifacts into the cell's DAG."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime

from pytest_swebench.cell import Cell, digest
from pytest_swebench.errors import RecordError
from pytest_swebench.records.dag import StoredArtifact, artifact_as_json, put_artifact
from pytest_swebench.records.journal import seal
from pytest_swebench.records.layout import RunLayout, stop_if_full, workflow_id
from pytest_swebench.records.lines import append_line
from pytest_swebench.records.trace import Artifact, TraceEvent
from pytest_swebench.records.traceline import SUMMARY_LENGTH, TracedEvent, event_as_json, shortened
from pytest_swebench.redact import Redactor


class TraceWriter:
    """A `Trace`. `specification` is a digest of what is to be solved, for whoever compares artifacts.

    Nothing is made before the first event or artifact. Known secrets are taken out of all that is written. Ids of
    artifacts are unique within an attempt, over its workflows; those of a later attempt are stored under others.
    """

    def __init__(
        self, layout: RunLayout, cell: Cell, attempt: int, workflow: str, redactor: Redactor, *, specification: str = ""
    ) -> None:
        self._workflow_id = workflow_id(workflow, attempt)
        self._attempt = attempt
        self._path = layout.trace(cell, workflow, attempt)
        self._dag = layout.dag(cell)
        self._redactor = redactor
        self._specification = specification

    def event(self, event: TraceEvent) -> None:
        """Append `event`; it is on disk when this returns. Raises RecordError."""
        traced = TracedEvent(event=event, event_id=uuid.uuid4().hex, workflow_id=self._workflow_id, created_at=_now())
        line = self._redactor.data(event_as_json(traced))
        line["summary"] = shortened(line["summary"], SUMMARY_LENGTH)  # of a secret that is cut half would stay
        append_line(self._path, seal(line))

    def artifact(self, artifact: Artifact) -> None:
        """Keep `artifact`, or what became of it: a second one with its id takes its place. Raises RecordError."""
        stored = StoredArtifact(
            artifact=artifact if self._attempt == 1 else _renamed(artifact, self._attempt),
            workflow_id=self._workflow_id,
            created_at=_now(),
            specification=self._specification,
        )
        try:
            put_artifact(self._dag, self._redactor.data(artifact_as_json(stored)))
        except OSError as error:
            stop_if_full(error)
            raise RecordError(f"{str(self._dag)!r}: {error}; make that folder writable and run again") from error


def _renamed(artifact: Artifact, attempt: int) -> Artifact:
    """Return `artifact` with ids of its attempt's own: what does the same again calls its artifacts the same."""

    def own(artifact_id: str) -> str:
        return digest([attempt, artifact_id])

    return dataclasses.replace(
        artifact,
        artifact_id=own(artifact.artifact_id),
        previous=own(artifact.previous) if artifact.previous else "",
        feedback_history=tuple((own(rejected), feedback) for rejected, feedback in artifact.feedback_history),
        dependencies={step: own(built_on) for step, built_on in artifact.dependencies.items()},
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
