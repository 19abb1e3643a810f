"""The shape of what is stored: the metadata line, the result line, and the key under which a cell is done once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pytest_swebench.cell import Cell, Variant, digest
from pytest_swebench.datasets.instance import Instance, Kind
from pytest_swebench.outcome import Outcome, Stop
from pytest_swebench.providers.protocol import Usage

FORMAT_VERSION: Final = 1


class Versioned(Protocol):
    """What the key of a cell asks of an arm."""

    paid: bool

    @property
    def version(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What every file of a run says about the run itself.

    `grading` is a digest of how it grades, `endpoint` one of who answers where that is not the provider's own address;
    both are "" by default.
    """

    run_id: str
    timestamp: str
    git_commit: str = ""
    dataset: str = ""
    provider: str = ""
    filter: str = ""
    grading: str = ""
    endpoint: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def run_metadata(info: RunInfo, variant: Variant, rep: int, *, oracle: bool) -> dict[str, Any]:
    """Return the first line of a per-variant file.

    `fixed_timestamp` and `zero_persona` belong to the format of earlier experiments; here nothing is fixed or added
    to a prompt, so they say so.
    """
    return {
        "type": "run_metadata",
        "format_version": FORMAT_VERSION,
        "run_id": info.run_id,
        "git_commit": info.git_commit,
        "timestamp": info.timestamp,
        "dataset": info.dataset,
        "variant": variant.name,
        "arm": variant.arm,
        "provider": info.provider,
        "model": variant.model,
        "temperature": variant.temperature,
        "max_turns": variant.turns,
        "fixed_timestamp": None,
        "zero_persona": None,
        "rep": rep,
        "oracle": oracle,
        "filter": info.filter,
        "versions": info.versions,
    }


def cell_key(info: RunInfo, instance: Instance, variant: Variant, arm: Versioned, rep: int) -> str:
    """Return the key of a cell: it changes with whatever changes the answer or the verdict, and with nothing else.

    An arm whose answers are fixed, one an instance, has `digest_of(instance_id)`: a changed patch is another cell.
    How patches are graded counts where the answer costs nothing; one that was paid for is not bought again for that.
    """
    own = getattr(arm, "digest_of", None)
    settings = [variant.arm, own(instance.instance_id) if own else arm.version, variant.model, variant.temperature]
    if variant.turns is not None:
        settings.append(variant.turns)
    asked = f"{info.provider}{info.endpoint}" if arm.paid else info.grading
    return digest([info.dataset, instance.digest, digest(settings), rep, asked])


@dataclass(slots=True, kw_only=True)
class Record:
    """One attempt at a cell, filled in as it goes and stored as one JSON line by `as_json`.

    `patch_redacted` says that what is stored of the patch is not what was graded. `served` counts the answers that
    came from elsewhere than the endpoint, `dropped` names parameters that the model refused, `cap` is `run` or
    `variant` where a cap that the cell shares with others cut it short. `requests` are those that were sent, by the
    minute, and the 429s among them; see `providers.sent`.
    """

    run_id: str
    key: str
    cell: Cell
    variant: Variant
    kind: Kind
    attempt: int
    oracle: bool
    provider: str
    started_at: str
    host: str
    outcome: Outcome = Outcome.ERROR
    stop: Stop | None = None
    patch: str = ""
    patch_redacted: bool = False
    response_text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    usage: Usage = field(default_factory=Usage)
    calls: int = 0
    cost_usd: float | None = 0.0
    provider_retries: int = 0
    requests: dict[str, list[int]] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    cap: str = ""
    validation: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    per_step_tokens: dict[str, int] = field(default_factory=dict)
    failed_step: str = ""
    failed_guard: str = ""
    retry_count: int = 0
    error: dict[str, str] | None = None
    notes: str = ""
    verdict: dict[str, Any] | None = None
    integrity: dict[str, Any] | None = None
    grading: dict[str, Any] | None = None
    image: str = ""
    image_digest: str = ""
    history: dict[str, Any] = field(default_factory=dict)
    finished_at: str = ""

    def add_note(self, note: str) -> None:
        """Add to the reasons a person reads."""
        self.notes = "; ".join(filter(None, [self.notes, note]))

    def take_solved(self, line: dict[str, Any]) -> None:
        """Take over what solving left, from the line of an attempt that was cut short before its verdict."""
        for name in _SOLVED:
            setattr(self, name, line[name])
        self.stop = None if line["stop"] is None else Stop(line["stop"])
        self.usage = Usage(**line["tokens"])
        self.tool_calls = tuple(line["tool_calls"])
        self.dropped = tuple(line["dropped_parameters"])
        self.cap = line["cap"] or ""
        self.requests = line.get("requests", {})  # lines of before they were counted have none
        self.failed_step, self.failed_guard = line["failed_step"] or "", line["failed_guard"] or ""
        self.seconds |= {"solve": line["wall_time_seconds"]["solve"]}

    def as_json(self) -> dict[str, Any]:
        """Return the stored line; prompt scenarios carry `scenario_id` and their own type."""
        scenario = self.kind is Kind.SCENARIO
        graded = self.verdict is not None
        return {
            "type": "scenario_result" if scenario else "result",
            "run_id": self.run_id,
            "key": self.key,
            ("scenario_id" if scenario else "instance_id"): self.cell.instance_id,
            "variant": self.cell.variant,
            "arm": self.variant.arm,
            "model": self.variant.model,
            "provider": self.provider,
            "rep": self.cell.rep,
            "attempt": self.attempt,
            "oracle": self.oracle,
            "outcome": str(self.outcome),
            "stop": None if self.stop is None else str(self.stop),
            "resolved": (self.outcome is Outcome.RESOLVED) if graded else None,
            "patch": self.patch,
            "patch_redacted": self.patch_redacted,
            "response_text": self.response_text,
            "tool_calls": list(self.tool_calls),
            "tokens": self.usage.as_json(),
            "calls": self.calls,
            "cost_usd": self.cost_usd,
            "provider_retries": self.provider_retries,
            "requests": self.requests,
            "served": self.served,
            "dropped_parameters": list(self.dropped),
            "cap": self.cap or None,
            "validation": self.validation,
            "wall_time_seconds": self.seconds,
            "per_step_tokens": self.per_step_tokens,
            "failed_step": self.failed_step or None,
            "failed_guard": self.failed_guard or None,
            "retry_count": self.retry_count,
            "error": self.error,
            "notes": self.notes,
            "verdict": self.verdict,
            "integrity": self.integrity,
            "grading": self.grading,
            "image": self.image,
            "image_digest": self.image_digest,
            "history": self.history,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "host": self.host,
        }


_SOLVED: Final = (
    "patch",
    "response_text",
    "calls",
    "cost_usd",
    "provider_retries",
    "served",
    "validation",
    "per_step_tokens",
    "retry_count",
    "notes",
    "image",
    "image_digest",
    "history",
)


def cell_of(record: Mapping[str, Any]) -> Cell:
    """Return the cell a stored line belongs to."""
    instance_id = record.get("instance_id") or record["scenario_id"]
    return Cell(str(instance_id), str(record["variant"]), int(record["rep"]))


def sent_by(record: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return how many requests the attempt of a stored line sent, and how many got a 429.

    None for a line of before they were counted.
    """
    counted = record.get("requests")
    if counted is None:
        return None
    return sum(sent for sent, _ in counted.values()), sum(limited for _, limited in counted.values())
