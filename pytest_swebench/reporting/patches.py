"""The patches that a run left, told to a person: how many are valid, and whether too few are there to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

QUESTION: Final = "⚠️ Generated {ok}/{total} patches. Continue with partial results?"


@dataclass(frozen=True, slots=True)
class ValidationStats:
    """Counts of the patches that were validated; `errors` says of what kinds the invalid ones are."""

    valid: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]]) -> ValidationStats:
        """Count stored records; cells whose patch nobody validated, or that left none, are in no count."""
        kinds = [record["validation"]["kind"] for record in records if record.get("validation")]
        errors = Counter(kind for kind in kinds if kind not in {"ok", "empty"})
        return cls(kinds.count("ok"), dict(errors))

    @property
    def invalid(self) -> int:
        return sum(self.errors.values())

    @property
    def total(self) -> int:
        return self.valid + self.invalid

    def __add__(self, other: ValidationStats) -> ValidationStats:
        return ValidationStats(self.valid + other.valid, dict(Counter(self.errors) + Counter(other.errors)))

    def __str__(self) -> str:
        """Say it in one line, the commonest kind of error first; "" where nothing was validated."""
        if not self.total:
            return ""
        ranked = sorted(self.errors.items(), key=lambda item: (-item[1], item[0]))
        kinds = ", ".join(f"{kind} {count}" for kind, count in ranked)
        return f"patches: {self.total} left, {self.valid} valid, {self.invalid} invalid" + (
            f" ({kinds})" if kinds else ""
        )


@dataclass(frozen=True, slots=True)
class Partial:
    """Whether a run that generated patches counts as done, and what to say about it, "" if it is complete."""

    go_on: bool
    message: str = ""


def judge_partial(ok: int, total: int, *, allowed: bool, ask: Callable[[str], bool] | None) -> Partial:
    """Decide on `ok` patches of `total` cells. `ask` puts a question to a person, None where there is no terminal.

    A complete run goes on; above half a person decides, or `allowed` (`--allow-partial`) has decided; half or less
    stops.
    """
    if ok >= total:
        return Partial(True)
    done = f"Generated {ok}/{total} patches"
    if 2 * ok <= total:
        return Partial(False, f"{done}, no more than half; stopped")
    if allowed:
        return Partial(True, f"{done}; going on with partial results (--allow-partial)")
    if ask is None:
        return Partial(False, f"{done}; stopped. Without a terminal, partial results need --allow-partial")
    if ask(QUESTION.format(ok=ok, total=total)):
        return Partial(True, f"{done}; going on with partial results")
    return Partial(False, f"{done}; stopped as you said")
