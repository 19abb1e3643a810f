"""The budget of a run: every attempt at a paid request reserves the most it can cost, and settles for what it did.

One SQLite file serves all processes. A reservation counts in full until it is settled; one whose process died, and a
failed call that may be charged all the same, count in full for good. So no cap is ever exceeded, as long as
endpoints charge by their price lists and keep to `max_tokens`; a charge beyond its reservation is booked and counted.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import BudgetExhausted, InputError, ProviderError, RecordError
from pytest_swebench.providers.budget import Account, Cap, Caps, Reservation, Scope, Spent, Total, Tripped
from pytest_swebench.providers.database import Database
from pytest_swebench.providers.prices import PICO, Cost, Prices
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.providers.tokens import upper_bound
from pytest_swebench.sandbox.reaper import Owner

if TYPE_CHECKING:
    import sqlite3

_POLL_S: Final = 0.05

# `charged` is what a call counts for now: the reservation while it is open or lost, then what it cost, 0 if free.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, cell TEXT NOT NULL, variant TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    matched TEXT, state TEXT NOT NULL, reserved_pico INTEGER, charged_pico INTEGER NOT NULL,
    reserved_tokens INTEGER NOT NULL, tokens INTEGER NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL, opened_at REAL NOT NULL, ended_at REAL);
CREATE INDEX IF NOT EXISTS calls_open ON calls (state) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS totals (
    scope TEXT NOT NULL, name TEXT NOT NULL, pico INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (scope, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, name TEXT NOT NULL,
    host TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tripped (
    scope TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL, most INTEGER NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (scope, name, unit)) WITHOUT ROWID;
"""


class Ledger:
    """The ledger of a run in the file `path`, made on first use. Cheap to make in every process; safe over a fork."""

    def __init__(self, path: Path, caps: Caps, prices: Prices) -> None:
        self.caps = caps
        self.prices = prices
        self._database = Database(path, _SCHEMA)

    def account(
        self, cell: str, variant: str, provider_name: str, base_url: str = "", own_cap_usd: float | None = None
    ) -> Account:
        """Return whose calls a cell's provider makes; see `Account`, whose InputError this raises."""
        return Account(cell, variant, provider_name, self.prices.at(provider_name, base_url), own_cap_usd)

    def reserve(self, account: Account, request: Request, *, timeout_s: float) -> Reservation:
        """Reserve the worst case of `request`, waiting for open calls of others where only they are in the way.

        Whoever waited longest goes first. Raises BudgetExhausted where a cap has no room, ProviderError if others
        keep it for `timeout_s` seconds, InputError if money is capped and the price unknown, RecordError if the
        file fails.
        """
        cost = account.tariff.worst(request)
        asked = Reservation(0, account, request.model, cost, upper_bound(request) + request.max_tokens)
        # an arm's own limit asks nobody for a price
        caps = self.caps.on(account.cell, account.variant, account.own_cap_usd if cost is not None else None)
        if cost is None and self.caps.in_money:
            raise InputError(
                f"the price of model {request.model!r} is unknown, so a cap on cost cannot hold; "
                f"give --price={request.model}=IN,OUT, or cap the run with --max-tokens=N alone"
            )
        deadline = time.monotonic() + timeout_s
        ticket = 0
        try:
            while True:
                got = self._try(asked, caps, ticket)
                if isinstance(got, Reservation):
                    return got
                if isinstance(got, BudgetExhausted):
                    raise got
                ticket = got
                wait_s = _POLL_S * random.uniform(0.5, 1.5)
                if time.monotonic() + wait_s > deadline:
                    raise ProviderError(
                        f"calls under way have kept the rest of the budget reserved for {max(0.0, timeout_s):.0f} s; "
                        f"raise {' or '.join(cap.option for cap in caps)}, or use fewer workers"
                    )
                time.sleep(wait_s)
        finally:
            if ticket:
                with self._database.writing() as db:
                    db.execute("DELETE FROM queue WHERE id = ?", (ticket,))

    def settle(self, reservation: Reservation, answer: Answer) -> None:
        """Charge what `answer` used, by its own model or the one asked for. Never raises RecordError: see `_end`."""
        usage = answer.usage
        cost = reservation.account.tariff.cost(reservation.model, answer.model, usage)
        self._end(reservation, "settled", 0 if cost is None else cost.pico, usage.total, cost)

    def fail(self, reservation: Reservation, *, billed: bool) -> None:
        """End a call without an answer: at its worst case if it may be charged, else for nothing."""
        cost = reservation.cost
        if billed:
            self._end(reservation, "lost", 0 if cost is None else cost.pico, reservation.tokens, cost)
        else:
            self._end(reservation, "free", 0, 0, cost)

    def spent(self) -> Spent:
        """Return what was spent so far, by all processes and by earlier invocations of the run."""
        if not self._database.path.exists():
            return Spent()
        with self._database.writing() as db:
            _find_orphans(db)
        with self._database.reading() as db:
            totals = db.execute("SELECT scope, name, pico, tokens FROM totals").fetchall()
            states = {
                row["state"]: row
                for row in db.execute("SELECT state, count(*) n, sum(charged_pico) pico FROM calls GROUP BY state")
            }
            odd = db.execute(
                "SELECT count(*) n, ifnull(sum(charged_pico > reserved_pico), 0) over,"
                " ifnull(sum(matched IS NULL), 0) unpriced FROM calls WHERE state != 'free'"
            ).fetchone()
            matched = db.execute("SELECT DISTINCT model, matched FROM calls WHERE matched IS NOT NULL").fetchall()

        def of(scope: Scope) -> dict[str, Total]:
            return {row["name"]: Total(row["pico"] / PICO, row["tokens"]) for row in totals if row["scope"] == scope}

        def state(name: str) -> tuple[int, float]:
            return (states[name]["n"], states[name]["pico"] / PICO) if name in states else (0, 0.0)

        return Spent(
            run=of("run").get("", Total()),
            variants=of("variant"),
            cells=of("cell"),
            calls=odd["n"],
            open=state("open")[0],
            open_usd=state("open")[1],
            lost=state("lost")[0],
            lost_usd=state("lost")[1],
            overruns=odd["over"],
            unpriced=odd["unpriced"],
            matched={row["model"]: row["matched"] for row in matched},
        )

    def tripped(self) -> list[Tripped]:
        """Return the caps that stopped a call, the run's first; one that was raised since is not among them."""
        if not self._database.path.exists():
            return []
        with self._database.reading() as db:
            rows = db.execute("SELECT * FROM tripped ORDER BY scope != 'run', scope, name").fetchall()
        return [
            Tripped(row["scope"], row["name"], row["message"])
            for row in rows
            if any(
                (cap.scope, cap.unit) == (row["scope"], row["unit"]) and cap.most <= row["most"]
                for cap in self.caps.on("", "")
            )
        ]

    def close(self) -> None:
        """Close the file in this process; safe to call twice."""
        self._database.close()

    def _try(self, asked: Reservation, caps: list[Cap], ticket: int) -> Reservation | BudgetExhausted | int:
        """Return the reservation, a refusal, or the place in the queue to come back with."""
        me = Owner.current()
        # a power cut may undo a settlement, which leaves its call counted in full, but no reservation
        with self._database.writing(durable=True) as db:
            for cap in caps:
                verdict = _room(db, cap, asked)
                if verdict is False:
                    refusal = _refusal(db, cap, asked)
                    db.execute(
                        "INSERT OR REPLACE INTO tripped VALUES (?, ?, ?, ?, ?)",
                        (cap.scope, cap.name, cap.unit, cap.most, str(refusal)),
                    )
                    return refusal
                if verdict is None or _others_first(db, cap, ticket):
                    if ticket:
                        return ticket
                    row = (cap.scope, cap.name, me.host, me.pid, me.start)
                    place = db.execute("INSERT INTO queue (scope, name, host, pid, start) VALUES (?, ?, ?, ?, ?)", row)
                    return place.lastrowid or 0
            account, cost = asked.account, asked.cost
            pico = cost.pico if cost is not None else 0
            inserted = db.execute(
                "INSERT INTO calls (cell, variant, provider, model, matched, state, reserved_pico, charged_pico,"
                " reserved_tokens, tokens, host, pid, start, opened_at)"
                " VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(account.cell, account.variant, account.provider_name, asked.model),
                    *(cost.matched if cost is not None else None, pico if cost is not None else None, pico),
                    *(asked.tokens, asked.tokens, me.host, me.pid, me.start, time.time()),
                ),
            )
            _book(db, account, pico, asked.tokens)
            return replace(asked, id=inserted.lastrowid or 0)

    def _end(self, reservation: Reservation, state: str, pico: int, tokens: int, cost: Cost | None) -> None:
        """Book how a call ended.

        If the file fails now the call stays reserved in full, which errs on the safe side, and the next one is
        refused before it is made; an answer that is paid for is not lost over it.
        """
        with contextlib.suppress(RecordError), self._database.writing() as db:
            row = db.execute(
                "SELECT state, charged_pico, tokens FROM calls WHERE id = ? AND state IN ('open', 'lost')",
                (reservation.id,),
            ).fetchone()
            if row is None:
                return
            db.execute(
                "UPDATE calls SET state = ?, charged_pico = ?, tokens = ?, ended_at = ?,"
                " matched = coalesce(?, matched) WHERE id = ?",
                (state, pico, tokens, time.time(), cost.matched if cost is not None else None, reservation.id),
            )
            _book(db, reservation.account, pico - row["charged_pico"], tokens - row["tokens"])


def _room(db: sqlite3.Connection, cap: Cap, asked: Reservation) -> bool | None:
    """Say whether `cap` leaves room: yes, no, or None where only calls under way stand between."""
    needed = _needed(cap, asked)
    counted = _counted(db, cap)
    if counted + needed <= cap.most:
        return True
    _find_orphans(db)
    under_way = db.execute(
        f"SELECT ifnull(sum({'charged_pico' if cap.unit == 'pico' else 'tokens'}), 0) FROM calls"
        " WHERE state = 'open' AND (? = 'run' OR (? = 'variant' AND variant = ?) OR (? = 'cell' AND cell = ?))",
        (cap.scope, cap.scope, cap.name, cap.scope, cap.name),
    ).fetchone()[0]
    return None if under_way and counted - under_way + needed <= cap.most else False


def _needed(cap: Cap, asked: Reservation) -> int:
    if cap.unit == "tokens":
        return asked.tokens
    return asked.cost.pico if asked.cost is not None else 0


def _counted(db: sqlite3.Connection, cap: Cap) -> int:
    row = db.execute("SELECT pico, tokens FROM totals WHERE scope = ? AND name = ?", (cap.scope, cap.name)).fetchone()
    return int(row[cap.unit]) if row is not None else 0


def _refusal(db: sqlite3.Connection, cap: Cap, asked: Reservation) -> BudgetExhausted:
    whose = f" of {cap.name}" if cap.name else ""
    named = "the arm's own limit" if cap.own else cap.option
    more = f"; raise {cap.option} and go on with --resume"
    if cap.scope == "cell":  # it is done, and its next chance is another run's
        more = f"; {cap.option} sets another" if cap.own else ""
    return BudgetExhausted(
        cap.scope,
        f"{named} {cap.amount(cap.most)}{whose}: {cap.amount(_counted(db, cap))} spent or reserved, and the next "
        f"call of {asked.model!r} could need {cap.amount(_needed(cap, asked))}{more}",
    )


def _others_first(db: sqlite3.Connection, cap: Cap, ticket: int) -> bool:
    """Say whether a living process has waited longer for room under `cap`; the dead ones leave the queue."""
    rows = db.execute(
        "SELECT id, host, pid, start FROM queue WHERE scope = ? AND name = ? AND (? = 0 OR id < ?) ORDER BY id",
        (cap.scope, cap.name, ticket, ticket),
    ).fetchall()
    for row in rows:
        if Owner(row["host"], row["pid"], row["start"]).alive:
            return True
        db.execute("DELETE FROM queue WHERE id = ?", (row["id"],))
    return False


def _find_orphans(db: sqlite3.Connection) -> None:
    """Mark open calls whose process is gone as lost: they stay counted at their worst case."""
    rows = db.execute("SELECT id, host, pid, start FROM calls WHERE state = 'open'").fetchall()
    owners = {(row["host"], row["pid"], row["start"]) for row in rows}
    gone = {owner for owner in owners if not Owner(*owner).alive}
    lost = [(time.time(), row["id"]) for row in rows if (row["host"], row["pid"], row["start"]) in gone]
    db.executemany("UPDATE calls SET state = 'lost', ended_at = ? WHERE id = ?", lost)


def _book(db: sqlite3.Connection, account: Account, pico: int, tokens: int) -> None:
    db.executemany(
        "INSERT INTO totals VALUES (?, ?, ?, ?)"
        " ON CONFLICT (scope, name) DO UPDATE SET pico = pico + excluded.pico, tokens = tokens + excluded.tokens",
        [("run", "", pico, tokens), ("variant", account.variant, pico, tokens), ("cell", account.cell, pico, tokens)],
    )
