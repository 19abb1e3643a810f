"""Many callers of one ledger: they wait for each other, die, and never exceed a cap together."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_swebench.errors import BudgetExhausted, ProviderError
from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Usage
from tests.support.ledgers import INPUT, ONE_EACH, Make, answer, request, reserve
from tests.support.together import release

SPENDER = Path(__file__).parents[1] / "support" / "spender.py"


def test_a_call_waits_while_only_open_calls_are_in_its_way(make: Make) -> None:
    ledger, other = make(max_cost_usd=INPUT + 15), make(max_cost_usd=INPUT + 15)
    first = reserve(ledger)
    with pytest.raises(ProviderError, match="calls under way have kept the rest"):
        reserve(other)
    assert other.tripped() == []
    waiter = Waiting(other)
    ledger.settle(first, answer(Usage(output=2)))
    assert waiter.result() == INPUT + 10


def test_whoever_waits_longest_goes_first(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=2 * INPUT + 20)
    first = reserve(ledger, max_tokens=15)
    large = Waiting(make(max_cost_usd=2 * INPUT + 20), max_tokens=20)
    wait_for_queue(tmp_path, 1)
    small = Waiting(make(max_cost_usd=2 * INPUT + 20), max_tokens=5)  # would fit beside the first call
    wait_for_queue(tmp_path, 2)
    ledger.settle(first, answer(Usage(output=0)))
    assert large.result() == INPUT + 20
    ledger.fail(large.reservation, billed=False)
    assert small.result() == INPUT + 5
    assert large.ended_at < small.ended_at


def test_one_who_died_waiting_does_not_hold_up_the_others(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=INPUT + 10)
    ledger.fail(reserve(ledger), billed=False)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        host = os.uname().nodename
        db.execute("INSERT INTO queue (scope, name, host, pid, start) VALUES ('run', '', ?, 1, 'long ago')", (host,))
        db.commit()
        reserve(ledger)
        assert db.execute("SELECT count(*) FROM queue").fetchone() == (0,)


def test_a_killed_process_leaves_its_reservation_counted(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=2 * INPUT + 19)
    script = (
        "import sys, time; from pathlib import Path\n"
        "from pytest_swebench.providers.budget import Caps\n"
        "from pytest_swebench.providers.ledger import Ledger\n"
        "from pytest_swebench.providers.prices import Prices\n"
        "from pytest_swebench.providers.protocol import Message, Request\n"
        f"ledger = Ledger(Path({str(tmp_path / 'ledger.sqlite')!r}), Caps(), Prices([{ONE_EACH!r}]))\n"
        "asked = Request(model='m', messages=(Message('user', 'hello'),), max_tokens=10)\n"
        "ledger.reserve(ledger.account('c', 'v', 'openai'), asked, timeout_s=0)\n"
        "print('reserved', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "reserved\n"
        assert ledger.spent().open == 1
        with pytest.raises(ProviderError):
            reserve(ledger)
        waiter = Waiting(ledger)
        wait_for_queue(tmp_path, 1)
        process.send_signal(signal.SIGKILL)
    # it will never settle, so waiting for it has no sense any more
    with pytest.raises(BudgetExhausted):
        waiter.result()
    spent = ledger.spent()
    assert (spent.open, spent.lost, spent.run.usd) == (0, 1, INPUT + 10)
    reserve(ledger, max_tokens=9)


def test_eight_processes_never_exceed_the_cap(tmp_path: Path) -> None:
    for trial in range(2):
        charged_usd, counted_usd = one_trial(tmp_path, trial)
        assert 9.5 <= charged_usd <= counted_usd + 1e-9  # a float cannot hold all digits
        assert charged_usd <= 10
        assert counted_usd <= 10


@pytest.mark.soak
def test_eight_processes_never_exceed_the_cap_in_fifty_trials(tmp_path: Path) -> None:
    for trial in range(50):
        charged_usd, counted_usd = one_trial(tmp_path, trial)
        print(f"\ntrial {trial}: {float(charged_usd):.4f} USD charged, {counted_usd:.4f} counted", end="")
        assert 9.5 <= charged_usd <= counted_usd + 1e-9  # a float cannot hold all digits
        assert charged_usd <= 10
        assert counted_usd <= 10


def one_trial(folder: Path, trial: int) -> tuple[Fraction, float]:
    """Let 8 processes spend 10 USD; return what their endpoints charged, and what the ledger says."""
    chance = random.Random(trial)
    prices = [f"m{number}={chance.uniform(0.1, 4):.4f},{chance.uniform(1, 60):.4f}" for number in range(5)]
    path, logs = folder / f"{trial}.sqlite", [folder / f"{trial}-{number}.log" for number in range(8)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, SPENDER, path, "10", f"{trial}{number}", log, *prices],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number, log in enumerate(logs)
        ]
        release(processes)
    assert [process.returncode for process in processes] == [0] * 8
    lines = [line for log in logs for line in log.read_text().splitlines()]
    assert sum("--max-cost $10.00" in line for line in lines) == 8
    charged = sum((Fraction(*map(int, line.split())) for line in lines if not line.startswith("#")), Fraction())
    with closing(Ledger(path, Caps(max_cost_usd=10), Prices(prices))) as ledger:
        spent = ledger.spent()
        assert ledger.tripped()[0].scope == "run"
    assert (spent.open, spent.overruns) == (0, 0)
    return charged, spent.run.usd


class Waiting:
    """A call that waits for room in a thread of its own."""

    def __init__(self, ledger: Ledger, max_tokens: int = 10) -> None:
        self.ended_at = 0.0
        self._ledger = ledger
        self._max_tokens = max_tokens
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def result(self) -> float:
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self.reservation.cost is not None
        return self.reservation.cost.usd

    def _wait(self) -> None:
        try:
            account = self._ledger.account("c/v/r1", "v", "openai")
            self.reservation = self._ledger.reserve(account, request(self._max_tokens), timeout_s=30.0)
        except Exception as error:  # told by `result`
            self._error = error
        self.ended_at = time.monotonic()


def wait_for_queue(folder: Path, length: int) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        deadline = time.monotonic() + 20
        while (found := db.execute("SELECT count(*) FROM queue").fetchone()) != (length,):
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
