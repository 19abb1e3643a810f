from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_swebench.errors import (
    BudgetExhausted,
    InputError,
    LimitReached,
    ProviderError,
    ProviderRefused,
    ReplayMiss,
)
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.admission import make_gate
from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.gate import Gate, Gated
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.rate import Limiter, Turn
from pytest_swebench.providers.replay import ReplayProvider, write_recordings
from pytest_swebench.providers.tokens import upper_bound

ASKED = Request(model="m", messages=(Message("user", "hello"),), max_tokens=1000)
ANSWER = Answer(text="hi", model="m", stop_reason=StopReason.END, usage=Usage(input=40, output=60))
LANE = "'m' of openai at http://localhost:1/v1"
WORST = upper_bound(ASKED) + ASKED.max_tokens


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Room for one call at a dollar a token."""
    with closing(Ledger(tmp_path / "run.sqlite", Caps(max_cost_usd=WORST + 50), Prices(["1000000,1000000"]))) as opened:
        yield opened


def gate(ledger: Ledger, limiter: Limiter) -> Gate:
    return make_gate(ledger, limiter, "one/v/r1", "v", "openai", "http://localhost:1/v1")


@pytest.fixture
def limiter(tmp_path: Path) -> Iterator[Limiter]:
    with closing(Limiter(tmp_path / "run.sqlite", tpm=6000)) as opened:
        yield opened


def seconds_ahead(folder: Path, kind: str) -> float:
    """Return how far the clock of a kind has been moved ahead of the last look at it."""
    with closing(sqlite3.connect(folder / "run.sqlite")) as db:
        (next_at,) = db.execute("SELECT next_at FROM clocks WHERE lane = ? AND kind = ?", (LANE, kind)).fetchone()
        (touched,) = db.execute("SELECT touched FROM lanes WHERE lane = ?", (LANE,)).fetchone()
    return float(next_at - touched)


def test_an_answer_settles_cost_and_tokens(ledger: Ledger, limiter: Limiter, tmp_path: Path) -> None:
    turn = gate(ledger, limiter).enter(ASKED, timeout_s=0.0)
    assert (ledger.spent().open, ledger.spent().run.usd) == (1, WORST)
    turn.limits(200, {})
    turn.answered(ANSWER)
    assert (ledger.spent().open, ledger.spent().run.usd) == (0, 100.0)
    assert seconds_ahead(tmp_path, "tokens") == pytest.approx(100 / 6000 / 0.96 * 60, abs=0.3)


def test_a_call_without_its_turn_reserves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    spent = {"x-ratelimit-limit-requests": "100", "x-ratelimit-reset-requests": "20h"}
    with closing(Limiter(tmp_path / "run.sqlite")) as slow:
        first = gate(ledger, slow).enter(ASKED, timeout_s=0.0)
        first.limits(200, spent)
        first.failed(billed=False)
        gate(ledger, slow).enter(ASKED, timeout_s=0.0).failed(billed=False)
        with pytest.raises(ProviderError, match="next turn"):
            gate(ledger, slow).enter(ASKED, timeout_s=0.0)
    assert (ledger.spent().calls, ledger.spent().open) == (0, 0)


def test_the_rate_alone_is_waited_for_beyond_the_time_of_a_call(ledger: Ledger, tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite", rpm=60)) as slow:
        gate(ledger, slow).enter(ASKED, timeout_s=0.0).failed(billed=False)
        turn = gate(ledger, slow).enter(ASKED, timeout_s=0.1)
    assert 0.5 < turn.rate_s < 1.1


def test_a_plugins_provider_outlives_its_turn(ledger: Ledger, tmp_path: Path) -> None:
    """It gets what is left of its time after a pause, and all of it after a wait for the rate."""
    given: list[float] = []

    class Noting:
        name = "noting"
        base_url = "http://noting.invalid"

        def complete(self, request: Request, *, timeout_s: float) -> Answer:
            given.append(timeout_s)
            return ANSWER

        def count_tokens(self, request: Request, *, timeout_s: float) -> int:
            return 7

        def close(self) -> None:
            """Nothing to release."""

    with closing(Limiter(tmp_path / "run.sqlite", rpm=60)) as slow:
        provider = Gated(Noting(), gate(ledger, slow))
        provider.complete(replace(ASKED, max_tokens=1), timeout_s=0.5)
        provider.complete(replace(ASKED, max_tokens=1), timeout_s=0.5)
    assert all(0.3 < timeout_s <= 0.5 for timeout_s in given)
    with closing(Limiter(tmp_path / "run.sqlite")) as pausing:
        pausing.heard(Turn(LANE, 0.0, {}, (1, 1)), 503, {"retry-after": "1"})
        Gated(Noting(), gate(ledger, pausing)).complete(replace(ASKED, max_tokens=1), timeout_s=5.0)
    assert 3.0 < given[2] < 4.2
    assert (provider.base_url, provider.count_tokens(ASKED, timeout_s=1)) == ("http://noting.invalid", 7)


@pytest.mark.parametrize(
    ("error", "billed"),
    [
        (ProviderError("cut"), True),
        (ValueError("a bug after the answer came"), True),
        (KeyboardInterrupt(), True),
        (LimitReached(Stop.TIME, "too slow"), True),
        (ProviderRefused("no"), False),
        (InputError("a schema that is none"), False),
        (BudgetExhausted("cell", "its own cap"), False),
        (ReplayMiss("nothing recorded"), False),
    ],
)
def test_a_plugins_failure_is_billed_unless_nobody_can_charge_for_it(
    ledger: Ledger, limiter: Limiter, error: BaseException, billed: bool
) -> None:
    class Failing:
        name = "failing"

        def complete(self, request: Request, *, timeout_s: float) -> Answer:
            raise error

        def close(self) -> None:
            """Nothing to release."""

    with pytest.raises(type(error)):
        Gated(Failing(), gate(ledger, limiter)).complete(ASKED, timeout_s=5.0)
    assert ledger.spent().run.usd == (WORST if billed else 0.0)


def test_a_call_without_room_gives_its_tokens_back(ledger: Ledger, limiter: Limiter, tmp_path: Path) -> None:
    gate(ledger, limiter).enter(ASKED, timeout_s=0.0).answered(ANSWER)
    before = seconds_ahead(tmp_path, "tokens")
    with pytest.raises(BudgetExhausted):
        gate(ledger, limiter).enter(ASKED, timeout_s=5.0)
    assert seconds_ahead(tmp_path, "tokens") <= before


@pytest.mark.parametrize("billed", [True, False])
def test_a_failure_keeps_what_it_took_only_if_it_was_billed(
    ledger: Ledger, limiter: Limiter, tmp_path: Path, billed: bool
) -> None:
    gate(ledger, limiter).enter(ASKED, timeout_s=0.0).failed(billed=billed)
    assert ledger.spent().run.usd == (WORST if billed else 0.0)
    assert (seconds_ahead(tmp_path, "tokens") > 1.0) is billed


def test_all_cells_keep_to_what_an_endpoint_says(ledger: Ledger, limiter: Limiter) -> None:
    turn = gate(ledger, limiter).enter(ASKED, timeout_s=0.0)
    turn.limits(429, {"retry-after": "60"})
    turn.failed(billed=False)
    with pytest.raises(ProviderError, match="asked to pause"):
        make_gate(ledger, limiter, "two/v/r1", "v", "openai", "http://localhost:1/v1").enter(ASKED, timeout_s=5.0)


def test_a_pace_that_cannot_be_kept_loses_no_answer(ledger: Ledger, limiter: Limiter, tmp_path: Path) -> None:
    turn = gate(ledger, limiter).enter(ASKED, timeout_s=0.0)
    with closing(sqlite3.connect(tmp_path / "run.sqlite")) as db:
        db.execute("DROP TABLE lanes")
        db.commit()
    turn.limits(429, {})
    turn.answered(ANSWER)
    assert ledger.spent().run.usd == 100.0


def test_a_provider_behind_the_gate_is_charged(ledger: Ledger, limiter: Limiter, tmp_path: Path) -> None:
    write_recordings(tmp_path / "recordings.jsonl", [(ASKED, ANSWER)])
    provider = Gated(ReplayProvider(tmp_path / "recordings.jsonl"), gate(ledger, limiter))
    assert provider.complete(ASKED, timeout_s=5.0) == ANSWER
    assert ledger.spent().cells["one/v/r1"].usd == 100.0
