"""What a gate came to: its numbers, and the shape of `gate.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.reporting.gate.asked import GateAsked, Sequential
from pytest_swebench.reporting.gate.looks import Looked
from pytest_swebench.statistics.gate import GateExit, Judged, Verdict, exit_code

GATE_VERSION: Final = 1
_DEFINED: Final = {
    Sequential.PLANNED: "; looked at as planned, so bounds are those of O'Brien-Fleming spending at the last look",
    Sequential.ANYTIME: (
        "; looked at after each instance, so bounds are those of a bet that may be looked at any time, at the last look"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """One variant: its verdict, the rates over the instances that counted, and those that it lost and won.

    `coverage` is that of the baseline and of the run. `stopped_early` says that an early look decided: its difference
    is biased away from 0.
    """

    judged: Judged
    rates: tuple[float, float] | None = None
    coverage: tuple[float, float] | None = None
    lost: tuple[str, ...] = ()
    won: tuple[str, ...] = ()
    stopped_early: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            **self.judged.as_json(),
            "rates": self.rates and {"baseline": self.rates[0], "run": self.rates[1]},
            "coverage": self.coverage and {"baseline": self.coverage[0], "run": self.coverage[1]},
            "lost": list(self.lost),
            "won": list(self.won),
            "stopped_early": self.stopped_early,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """What a gate came to; `reason` says why nothing could be compared.

    `vanished` are the baseline's instances that the run does not have; `digests` tell the two inputs from all others;
    `saved_usd` is about what the cells would have cost that an early decision left out; `repetitions_may_decide` says
    that more of them may settle what is open, where else only more instances can.
    """

    asked: GateAsked
    verdict: Verdict
    run: Path
    baseline: Path
    gated: tuple[Gated, ...] = ()
    reason: str = ""
    vanished: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    digests: Mapping[str, str] | None = None
    looked: Looked | None = None
    cost_usd: float | None = None
    saved_usd: float | None = None
    repetitions_may_decide: bool = False

    @property
    def exit(self) -> GateExit:
        """What the process exits with."""
        return exit_code(self.verdict, self.asked.mode)

    def as_json(self) -> dict[str, Any]:
        """Return the shape of `gate.json`; the same inputs give the same bytes."""
        looked = self.looked
        return {
            "format_version": GATE_VERSION,
            "verdict": str(self.verdict),
            "exit": int(self.exit),
            "mode": str(self.asked.mode),
            "max_drop": self.asked.max_drop,
            "confidence": self.asked.confidence,
            "allow_drift": self.asked.allow_drift,
            "fail_on_new_failures": self.asked.fatal_from,
            "definition": (
                "difference = mean over instances of (share resolved by the run - by the baseline); bounds are the "
                "one-sided augmented t bounds at `confidence`; pass: low > -max_drop; regressed: "
                "upper_bound_for_regression < -max_drop; else inconclusive; whatever the bounds say, regressed if "
                "newly_failing has fail_on_new_failures instances or more"
                f"{_DEFINED[looked.rule] if looked else ''}"
            ),
            "run": {"path": str(self.run), "digest": (self.digests or {}).get("run")},
            "baseline": {"path": str(self.baseline), "digest": (self.digests or {}).get("baseline")},
            "reason": self.reason or None,
            "variants": [one.as_json() for one in self.gated],
            "vanished": list(self.vanished),
            "cautions": list(self.cautions),
            "cost_usd": self.cost_usd,
            "saved_usd": self.saved_usd,
            "sequential": looked
            and {
                "rule": str(looked.rule),
                "instances_looked_at": len(looked.instance_ids),
                "instances_planned": looked.planned,
                "stopped_early": looked.stopped,
                "cells_saved": looked.cells_left,
            },
        }
