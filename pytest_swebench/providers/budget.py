"""Caps on what a run may spend, and the reading of what it has spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pytest_swebench.errors import InputError
from pytest_swebench.providers.prices import PICO, Cost, Tariff, as_usd

Scope = Literal["cell", "variant", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What may be spent at most; None is no cap. `max_tokens` counts all tokens of the run, of any price."""

    max_cost_usd: float | None = None
    max_cost_per_cell_usd: float | None = None
    max_cost_per_variant_usd: float | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        for value in (self.max_cost_usd, self.max_cost_per_cell_usd, self.max_cost_per_variant_usd, self.max_tokens):
            if value is not None and not 0 <= value < 1_000_000_000:  # also refuses nan
                raise InputError(f"a cap of {value!r} is none: give an amount from 0 to below a billion")

    @property
    def in_money(self) -> bool:
        """Say whether any cap is one on cost."""
        return any(
            cap is not None for cap in (self.max_cost_usd, self.max_cost_per_cell_usd, self.max_cost_per_variant_usd)
        )

    def on(self, cell: str, variant: str) -> list[Cap]:
        """Return the caps that apply to a call of a cell, the widest first."""
        money: Iterable[tuple[Scope, str, float | None]] = (
            ("run", "", self.max_cost_usd),
            ("variant", variant, self.max_cost_per_variant_usd),
            ("cell", cell, self.max_cost_per_cell_usd),
        )
        caps = [Cap(scope, name, "pico", int(usd * PICO)) for scope, name, usd in money if usd is not None]
        return caps if self.max_tokens is None else [*caps, Cap("run", "", "tokens", self.max_tokens)]


@dataclass(frozen=True, slots=True)
class Total:
    """What a run, a variant or a cell has spent; `usd` and `tokens` include what open and lost calls may cost."""

    usd: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the ledger holds.

    `open_usd` is the part of `run.usd` reserved by calls under way, `lost_usd` that of calls whose outcome nobody
    knows. `calls` leaves out those that failed for nothing. `overruns` counts calls charged beyond their reservation,
    `unpriced` those whose price nobody knew. `matched` tells by model asked for under which id the price list files it.
    """

    run: Total = Total()
    variants: dict[str, Total] = field(default_factory=dict)
    cells: dict[str, Total] = field(default_factory=dict)
    calls: int = 0
    open: int = 0
    open_usd: float = 0.0
    lost: int = 0
    lost_usd: float = 0.0
    overruns: int = 0
    unpriced: int = 0
    matched: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tripped:
    """A cap that stopped a call: whose it is (`name` is "" for the run's), and what the caller was told."""

    scope: Scope
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap as it applies to one call. `unit` is `pico` (picodollars) or `tokens`."""

    scope: Scope
    name: str
    unit: Literal["pico", "tokens"]
    most: int

    @property
    def option(self) -> str:
        if self.unit == "tokens":
            return "--max-tokens"
        return {"run": "--max-cost", "cell": "--max-cost-per-cell", "variant": "--max-cost-per-variant"}[self.scope]

    def amount(self, count: int) -> str:
        return as_usd(count) if self.unit == "pico" else f"{count:,} tokens"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose call it is and what it is charged by."""

    cell: str
    variant: str
    provider_name: str
    tariff: Tariff


@dataclass(frozen=True, slots=True)
class Reservation:
    """Room for one attempt at a request; `Ledger.settle` or `Ledger.fail` ends it."""

    id: int
    account: Account
    model: str
    cost: Cost | None
    tokens: int
