"""Caps on what a run may spend, and the reading of what it has spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from pytest_swebench.errors import InputError
from pytest_swebench.providers.prices import PICO, Cost, Tariff, as_usd

Scope = Literal["cell", "variant", "run"]

MOST_USD: Final = 1_000_000_000
"""What every cap is below; in picodollars it still fits a column of the ledger."""

_SUM: Final = "give an amount from 0 to below a billion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What may be spent at most; None is no cap. `max_tokens` counts all tokens of the run, of any price."""

    max_cost_usd: float | None = None
    max_cost_per_cell_usd: float | None = None
    max_cost_per_variant_usd: float | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        for value in (self.max_cost_usd, self.max_cost_per_cell_usd, self.max_cost_per_variant_usd, self.max_tokens):
            if value is not None and not 0 <= value < MOST_USD:  # also refuses nan
                raise InputError(f"a cap of {value!r} is none: {_SUM}")

    @property
    def in_money(self) -> bool:
        """Say whether any cap is one on cost."""
        return any(
            cap is not None for cap in (self.max_cost_usd, self.max_cost_per_cell_usd, self.max_cost_per_variant_usd)
        )

    def on(self, cell: str, variant: str, own_usd: float | None = None) -> list[Cap]:
        """Return the caps that apply to a call of a cell, the widest first.

        `own_usd` is what the arm itself grants a cell; it holds where nobody says otherwise.
        """
        money: Iterable[tuple[Scope, str, float | None]] = (
            ("run", "", self.max_cost_usd),
            ("variant", variant, self.max_cost_per_variant_usd),
            ("cell", cell, self.max_cost_per_cell_usd),
        )
        caps = [Cap(scope, name, "pico", int(usd * PICO)) for scope, name, usd in money if usd is not None]
        if own_usd is not None and self.max_cost_per_cell_usd is None:
            caps.append(Cap("cell", cell, "pico", int(own_usd * PICO), own=True))
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
    """A cap as it applies to one call. `unit` is `pico` (picodollars) or `tokens`; `own` is one that the arm brings."""

    scope: Scope
    name: str
    unit: Literal["pico", "tokens"]
    most: int
    own: bool = False

    @property
    def option(self) -> str:
        if self.unit == "tokens":
            return "--max-tokens"
        return {"run": "--max-cost", "cell": "--max-cost-per-cell", "variant": "--max-cost-per-variant"}[self.scope]

    def amount(self, count: int) -> str:
        return as_usd(count) if self.unit == "pico" else f"{count:,} tokens"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose call it is and what it is charged by.

    `own_cap_usd` is what the cell's arm grants a cell where no cap of cells is set. Raises InputError for a sum that
    is none.
    """

    cell: str
    variant: str
    provider_name: str
    tariff: Tariff
    own_cap_usd: float | None = None

    def __post_init__(self) -> None:
        cap_usd = self.own_cap_usd
        if cap_usd is not None and not 0 <= cap_usd < MOST_USD:
            raise InputError(f"the arm of {self.cell}: max_cost_usd {cap_usd!r} is no cap: {_SUM}")


@dataclass(frozen=True, slots=True)
class Reservation:
    """Room for one attempt at a request; `Ledger.settle` or `Ledger.fail` ends it."""

    id: int
    account: Account
    model: str
    cost: Cost | None
    tokens: int
