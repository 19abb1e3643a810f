"""Turns under rate limits, shared by all processes of a run through its SQLite file.

Each limit of a lane (one model at one address) is a clock that says when its next turn is due; a turn moves it on by
what the turn takes (the generic cell rate algorithm, ITU-T I.371, kept as one number a limit). Whoever asks first gets
the earlier turn, in one transaction, and sleeps until then: fair, and no turn is lost between two that wait. Tokens are
taken by an estimate and corrected when the answer is there.

Times are of `time.monotonic`: no step of the wall clock moves it, and on Linux and macOS all processes of one boot read
the same. It starts anew with the machine, so times that lie ahead of it are those of an earlier boot and are dropped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import ProviderError, RecordError
from pytest_swebench.providers.address import shown
from pytest_swebench.providers.database import Database
from pytest_swebench.providers.limits import KINDS, honoured_s, retry_after_s, told_limits
from pytest_swebench.providers.protocol import Request, Usage
from pytest_swebench.providers.tokens import upper_bound

if TYPE_CHECKING:
    import sqlite3

_SHARE: Final = 0.96  # of a limit that is used, so that uneven ways to the endpoint never make it more than all
_SLACK_S: Final = 0.2  # a turn taken late may be made up for within this
_QUIET_PAUSE_S: Final = 15.0  # longest pause of a 429 that names none; they double from 1 s
_MEMORY_S: Final = 30.0  # over which the present rate is measured
_PROBE: Final = 0.9  # of the rate that was refused; above it the rate grows slowly
_PATIENCE_S: Final = 180.0  # for which it then does
_FAST, _SLOW = 1.0, 0.05  # growth a minute, as a part of the rate
_FIRST_INPUT, _FIRST_OUTPUT = 0.35, 0.25  # of the bounds a request sets: what is used until its lane is known

# `shift` counts the seconds for which the lane ever paused: a turn given out before a pause moves by it.
# `guess` is a number of requests a minute that a refusal taught, `ceiling` the rate that was refused.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lanes (
    lane TEXT PRIMARY KEY, touched REAL NOT NULL, paused_until REAL NOT NULL DEFAULT 0, shift REAL NOT NULL DEFAULT 0,
    guess REAL, ceiling REAL NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,
    cut_at REAL NOT NULL DEFAULT 0, worked INTEGER NOT NULL DEFAULT 0,
    recent REAL NOT NULL DEFAULT 0, since REAL NOT NULL,
    input_ratio REAL NOT NULL, output_ratio REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clocks (
    lane TEXT NOT NULL, kind TEXT NOT NULL, told REAL, next_at REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (lane, kind)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was taken: when, and what was taken for it, by kind. `asked` are bounds of input and output.

    `rate_s` were waited for it because of the rate alone, pauses not counted.
    """

    lane: str
    at: float
    taken: dict[str, float]
    asked: tuple[int, int]
    rate_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Moved:
    """A clock that a turn moved on."""

    kind: str
    before: float
    after: float
    by_s: float


class Limiter:
    """Hands out turns. `rpm` and `tpm` are a person's own limits for each lane; what endpoints tell can be stricter."""

    def __init__(self, path: Path, *, rpm: float | None = None, tpm: float | None = None) -> None:
        self._given = {kind: value for kind, value in (("requests", rpm), ("tokens", tpm)) if value}
        self._database = Database(path, _SCHEMA)

    def take(self, lane: str, request: Request, *, timeout_s: float, patience_s: float = 0.0) -> Turn:
        """Wait for a turn, at most `timeout_s`, of which the rate alone may take `patience_s` more.

        Raises ProviderError if none comes in that time, RecordError if the file fails. Whoever gives up, on Ctrl-C as
        well, gives back what was taken.
        """
        asked = (upper_bound(request), request.max_tokens)
        timeout_s = max(0.0, timeout_s)
        with self._database.writing() as db:
            now = time.monotonic()
            state = _lane(db, lane, now)
            taken = _estimate(state, asked)
            rates = self._rates(db, state)
            clocks = dict(db.execute("SELECT kind, next_at FROM clocks WHERE lane = ?", (lane,)).fetchall())
            at = max(now, state["paused_until"], *(clocks.get(kind, 0.0) for kind in rates))
            pause_s = max(0.0, state["paused_until"] - now)
            if pause_s > timeout_s or at - now > timeout_s + patience_s:
                raise _too_late(lane, at - now, timeout_s, pause_s > 0)
            moved = []
            for kind in rates:
                before, by_s = clocks.get(kind, 0.0), taken[kind] * 60.0 / rates[kind]
                moved.append(_Moved(kind, before, max(before, at - _SLACK_S) + by_s, by_s))
                _set_clock(db, lane, kind, moved[-1].after)
            # the present rate is measured by turns taken, each forgotten little by little
            db.execute("UPDATE lanes SET recent = recent + 1 WHERE lane = ?", (lane,))
        rate_s = max(0.0, at - now - pause_s)
        shift = state["shift"]
        try:
            while (wait_s := at - time.monotonic()) > 0:
                if pause_s > timeout_s or at - now > timeout_s + patience_s:
                    raise _too_late(lane, wait_s, timeout_s, paused=True)
                time.sleep(wait_s)
                with self._database.reading() as db:
                    row = db.execute("SELECT shift FROM lanes WHERE lane = ?", (lane,)).fetchone()
                longer_s, shift = row["shift"] - shift, row["shift"]
                at, pause_s = at + longer_s, pause_s + longer_s
        except BaseException:
            with suppress(RecordError):
                self._give_back(lane, moved, state["shift"])
            raise
        return Turn(lane, at, taken, asked, rate_s)

    def heard(self, turn: Turn, status: int, headers: Mapping[str, str]) -> None:
        """Take note of a response: its limits, and whether it asks to slow down."""
        told = told_limits(headers)
        refused = status == 429
        wait_s = retry_after_s(headers)
        if not told and not refused and not (wait_s and status >= 500):
            return
        with self._database.writing() as db:
            now = time.monotonic()
            state = _lane(db, turn.lane, now)
            for kind, per_minute in told.items():
                db.execute(
                    "INSERT INTO clocks (lane, kind, told) VALUES (?, ?, ?)"
                    " ON CONFLICT (lane, kind) DO UPDATE SET told = excluded.told",
                    (turn.lane, kind, per_minute),
                )
            if refused and turn.at >= state["cut_at"]:
                self._refused(db, state, now, named=wait_s is not None)
            if wait_s is None and refused:
                wait_s = min(_QUIET_PAUSE_S, 2.0 ** min(state["refusals"], 10))
            if wait_s and (refused or status >= 500):
                _pause(db, state, now, now + honoured_s(wait_s))

    def settle(self, turn: Turn, usage: Usage | None) -> None:
        """Correct what was taken to what was used; None gives all tokens back. With an answer the rate grows again."""
        with self._database.writing() as db:
            state = _lane(db, turn.lane, time.monotonic())
            rates = self._rates(db, state)
            # what a cache held is free under most limits, but not under all: it counts
            used_input = 0 if usage is None else usage.input + usage.cache_read + usage.cache_write
            used_output = 0 if usage is None else usage.output
            used = {"tokens": used_input + used_output, "input": used_input, "output": used_output}
            for kind in rates.keys() & used.keys():
                db.execute(
                    "UPDATE clocks SET next_at = next_at + ? WHERE lane = ? AND kind = ?",
                    ((used[kind] - turn.taken[kind]) * 60.0 / rates[kind], turn.lane, kind),
                )
            if usage is not None:
                self._answered(db, state, turn, used_input, used_output)

    def close(self) -> None:
        """Close the file in this process; safe to call twice."""
        self._database.close()

    def _give_back(self, lane: str, moved: list[_Moved], shift: float) -> None:
        """Undo a turn that was not waited for; the clocks were at `moved` when the lane had paused for `shift`."""
        with self._database.writing() as db:
            row = db.execute("SELECT shift FROM lanes WHERE lane = ?", (lane,)).fetchone()
            paused_s = row["shift"] - shift
            clocks = dict(db.execute("SELECT kind, next_at FROM clocks WHERE lane = ?", (lane,)).fetchall())
            for clock in moved:
                nobody_since = math.isclose(clocks[clock.kind], clock.after + paused_s, abs_tol=1e-6)
                was = clock.before + paused_s if nobody_since else clocks[clock.kind] - clock.by_s
                _set_clock(db, lane, clock.kind, was)
            db.execute("UPDATE lanes SET recent = max(0, recent - 1) WHERE lane = ?", (lane,))

    def _rates(self, db: sqlite3.Connection, state: dict[str, Any]) -> dict[str, float]:
        """Return kind -> how many a minute are handed out, for each kind that is limited."""
        told = dict(db.execute("SELECT kind, told FROM clocks WHERE lane = ?", (state["lane"],)).fetchall())
        rates: dict[str, float] = {}
        for kind in KINDS:
            known = [value * _SHARE for value in (self._given.get(kind), told.get(kind)) if value]
            if kind == "requests" and state["guess"] is not None:
                known.append(state["guess"])
            if known:
                rates[kind] = min(known)
        return rates

    def _refused(self, db: sqlite3.Connection, state: dict[str, Any], now: float, *, named: bool) -> None:
        """Halve the rate, unless a known limit and a named wait explain the refusal, or nothing worked since the last.

        Without that last rule an outage that answers 429 would leave a rate of nothing behind. Where nothing worked
        yet there is no rate to learn from.
        """
        requests = self._rates(db, state).get("requests")
        known = requests is not None and state["guess"] is None
        halve = state["worked"] and not (known and named)
        if halve:
            spread_s = min(_MEMORY_S, max(1.0, now - state["since"]))
            measured = max(1.0, state["recent"] * 60.0 / spread_s)
            state["ceiling"] = measured if requests is None else requests
            state["guess"] = max(1.0, state["ceiling"] / 2.0)
        db.execute(
            "UPDATE lanes SET guess = ?, ceiling = ?, refusals = refusals + 1, cut_at = ?, worked = 0 WHERE lane = ?",
            (state["guess"], state["ceiling"], now, state["lane"]),
        )

    def _answered(
        self, db: sqlite3.Connection, state: dict[str, Any], turn: Turn, used_input: int, used_output: int
    ) -> None:
        guess = state["guess"]
        if guess is not None:
            near = guess >= _PROBE * state["ceiling"] and state["touched"] - state["cut_at"] < _PATIENCE_S
            guess += (_SLOW if near else _FAST) * max(state["ceiling"], guess) / guess
            full = self._rates(db, {**state, "guess": None}).get("requests")
            guess = None if full is not None and guess >= full else guess
        ratios = [
            state[name] + 0.2 * (used / asked - state[name]) if asked else state[name]
            for name, used, asked in zip(
                ("input_ratio", "output_ratio"), (used_input, used_output), turn.asked, strict=True
            )
        ]
        db.execute(
            "UPDATE lanes SET guess = ?, refusals = 0, worked = 1, input_ratio = ?, output_ratio = ? WHERE lane = ?",
            (guess, *ratios, state["lane"]),
        )


def lane_name(provider_name: str, base_url: str, model: str) -> str:
    """Return what the limits of an endpoint are filed under."""
    return f"{model!r} of {provider_name}" + (f" at {shown(base_url)}" if base_url else "")


def _lane(db: sqlite3.Connection, lane: str, now: float) -> dict[str, Any]:
    """Return a lane's row, made or reset where needed, and note that it was looked at now."""
    row = db.execute("SELECT * FROM lanes WHERE lane = ?", (lane,)).fetchone()
    if row is not None and row["touched"] <= now:
        recent = row["recent"] * math.exp((row["touched"] - now) / _MEMORY_S)
        db.execute("UPDATE lanes SET touched = ?, recent = ? WHERE lane = ?", (now, recent, lane))
        return {**dict(row), "touched": now, "recent": recent}
    if row is not None:  # the clock started anew
        db.execute("UPDATE clocks SET next_at = 0 WHERE lane = ?", (lane,))
    db.execute(
        "INSERT OR REPLACE INTO lanes (lane, touched, since, input_ratio, output_ratio) VALUES (?, ?, ?, ?, ?)",
        (lane, now, now, _FIRST_INPUT, _FIRST_OUTPUT),
    )
    return dict(db.execute("SELECT * FROM lanes WHERE lane = ?", (lane,)).fetchone())


def _estimate(state: dict[str, Any], asked: tuple[int, int]) -> dict[str, float]:
    read, written = asked[0] * state["input_ratio"], asked[1] * state["output_ratio"]
    return {"requests": 1.0, "tokens": read + written, "input": read, "output": written}


def _set_clock(db: sqlite3.Connection, lane: str, kind: str, next_at: float) -> None:
    db.execute(
        "INSERT INTO clocks (lane, kind, next_at) VALUES (?, ?, ?)"
        " ON CONFLICT (lane, kind) DO UPDATE SET next_at = excluded.next_at",
        (lane, kind, next_at),
    )


def _pause(db: sqlite3.Connection, state: dict[str, Any], now: float, until: float) -> None:
    """Stop the lane's clocks until then, and move every turn that is still waited for.

    The present rate is measured afresh afterwards: a pause says nothing about it.
    """
    longer_s = until - max(now, state["paused_until"])
    if longer_s <= 0:
        return
    db.execute(
        "UPDATE lanes SET paused_until = ?, shift = shift + ?, since = ?, recent = 0 WHERE lane = ?",
        (until, longer_s, until, state["lane"]),
    )
    db.execute("UPDATE clocks SET next_at = next_at + ? WHERE lane = ? AND next_at > ?", (longer_s, state["lane"], now))


def _too_late(lane: str, wait_s: float, timeout_s: float, paused: bool) -> ProviderError:
    why = "the endpoint asked to pause" if paused else "calls ahead of this one use up the rate limit"
    return ProviderError(f"{lane}: the next turn comes in {wait_s:.1f} s, after the {timeout_s:.1f} s given: {why}")
