"""A trace in memory, for tests that ask what was told to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_swebench.records.trace import Artifact, EventType, Status, TraceEvent


@dataclass
class Kept:
    """Events in order, artifacts as they were left."""

    events: list[TraceEvent] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    seen: list[tuple[str, Status]] = field(default_factory=list)

    def event(self, event: TraceEvent) -> None:
        self.events.append(event)

    def artifact(self, artifact: Artifact) -> None:
        self.artifacts[artifact.artifact_id] = artifact
        self.seen.append((artifact.artifact_id, artifact.status))

    @property
    def lines(self) -> list[str]:
        """The events without the trivial ones, a line each: `GUARD b told FAIL`."""
        return [line for line in self.all_lines if not line.startswith((EventType.STEP_START, EventType.ATTEMPT))]

    @property
    def all_lines(self) -> list[str]:
        """The events, a line each."""
        return [
            " ".join(str(part) for part in (event.type, event.step, event.guard, event.verdict) if part)
            for event in self.events
        ]

    def of(self, kind: EventType) -> list[TraceEvent]:
        return [event for event in self.events if event.type is kind]

    def statuses(self, step: str) -> list[str]:
        """What became of the answers of `step`, in order."""
        return [str(artifact.status) for artifact in self.artifacts.values() if artifact.step == step]
