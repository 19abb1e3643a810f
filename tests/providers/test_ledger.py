from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.errors import BudgetExhausted, InputError, ProviderError, RecordError
from pytest_swebench.providers.budget import Caps, Reservation, Spent, Total
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.tokens import upper_bound

SPENDER = Path(__file__).parents[1] / "support" / "spender.py"
ONE_EACH = "1000000,1000000"  # a dollar a token, so that sums are read off at a glance

Make = Callable[..., Ledger]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make ledgers of one file, each as another process would have it."""
    with ExitStack() as stack:

        def ledger(price: str = ONE_EACH, **caps: float) -> Ledger:
            return stack.enter_context(closing(Ledger(tmp_path / "ledger.sqlite", Caps(**caps), Prices([price]))))  # type: ignore[arg-type]

        yield ledger


def request(max_tokens: int = 10, model: str = "m") -> Request:
    return Request(model=model, messages=(Message("user", "hello"),), max_tokens=max_tokens)


INPUT = upper_bound(request())
"""What every request here may read, in tokens, and so in dollars."""


def answer(usage: Usage, model: str = "m") -> Answer:
    return Answer(text="hi", model=model, stop_reason=StopReason.END, usage=usage)


def reserve(ledger: Ledger, max_tokens: int = 10, cell: str = "c/v/r1", variant: str = "v") -> Reservation:
    return ledger.reserve(ledger.account(cell, variant, "openai"), request(max_tokens), timeout_s=0.0)


def test_reading_what_nobody_spent_makes_no_file(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=1)
    assert (ledger.spent(), ledger.tripped()) == (Spent(), [])
    assert list(tmp_path.iterdir()) == []


def test_a_call_counts_at_its_worst_case_until_it_is_settled(make: Make) -> None:
    ledger = make()
    reservation = reserve(ledger, max_tokens=100)
    before = ledger.spent()
    assert (before.run, before.open, before.open_usd) == (Total(INPUT + 100, INPUT + 100), 1, INPUT + 100)
    ledger.settle(reservation, answer(Usage(input=3, output=4, cache_read=1, cache_write=2)))
    after = ledger.spent()
    assert (after.run, after.open, after.calls, after.matched) == (Total(10, 10), 0, 1, {"m": "--price"})


def test_totals_are_kept_by_run_variant_and_cell_and_by_all_processes(make: Make) -> None:
    for cell, variant in (("c1", "v1"), ("c2", "v1"), ("c3", "v2")):
        ledger = make()
        ledger.settle(reserve(ledger, cell=cell, variant=variant), answer(Usage(output=2)))
    spent = make().spent()
    assert spent.run == Total(6, 6)
    assert spent.variants == {"v1": Total(4, 4), "v2": Total(2, 2)}
    assert spent.cells == {"c1": Total(2, 2), "c2": Total(2, 2), "c3": Total(2, 2)}


def test_a_failed_call_is_free_only_if_it_was_not_billed(make: Make) -> None:
    ledger = make()
    ledger.fail(reserve(ledger), billed=False)
    assert ledger.spent().run == Total(0, 0)
    ledger.fail(reserve(ledger), billed=True)
    spent = ledger.spent()
    assert (spent.run, spent.lost, spent.lost_usd, spent.open) == (Total(INPUT + 10, INPUT + 10), 1, INPUT + 10, 0)


def test_a_call_ends_once(make: Make) -> None:
    ledger = make()
    reservation = reserve(ledger)
    ledger.settle(reservation, answer(Usage(output=1)))
    ledger.settle(reservation, answer(Usage(output=1)))
    ledger.fail(reservation, billed=True)
    assert ledger.spent().run == Total(1, 1)


@pytest.mark.parametrize(
    ("cap", "scope", "option"),
    [
        ("max_cost_usd", "run", "--max-cost"),
        ("max_cost_per_cell_usd", "cell", "--max-cost-per-cell"),
        ("max_cost_per_variant_usd", "variant", "the cap of a variant"),
    ],
)
def test_a_cap_stops_the_call_that_could_exceed_it(make: Make, cap: str, scope: str, option: str) -> None:
    ledger = make(**{cap: INPUT + 20})
    ledger.settle(reserve(ledger), answer(Usage(output=10)))
    reserve(ledger)  # the very last cent
    with pytest.raises(BudgetExhausted) as stopped:
        reserve(ledger, max_tokens=11)
    assert stopped.value.scope == scope
    message = str(stopped.value)
    for part in (option, f"${INPUT + 20:,}.00", f"${INPUT + 20:,}.00 spent", f"${INPUT + 11:,}.00", "'m'", "--resume"):
        assert part in message


def test_another_cell_has_a_cap_of_its_own(make: Make) -> None:
    ledger = make(max_cost_per_cell_usd=INPUT + 10)
    reserve(ledger, cell="one")
    reserve(ledger, cell="two")
    with pytest.raises(BudgetExhausted, match=r"--max-cost-per-cell .* of one:"):
        reserve(ledger, cell="one", max_tokens=11)


def test_a_cap_on_tokens_stands_in_for_an_unknown_price(tmp_path: Path) -> None:
    prices = Prices()
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(max_tokens=INPUT + 30), prices)) as ledger:
        ledger.settle(reserve(ledger, max_tokens=30), answer(Usage(input=5, output=15)))
        reserve(ledger, max_tokens=10)
        with pytest.raises(BudgetExhausted, match=r"--max-tokens .* tokens: .* could need .* tokens"):
            reserve(ledger, max_tokens=INPUT + 40)
        spent = ledger.spent()
    assert (spent.unpriced, spent.run.usd, spent.run.tokens) == (2, 0.0, 20 + INPUT + 10)


def test_a_cap_on_cost_refuses_a_model_of_unknown_price(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(max_cost_usd=10), Prices())) as ledger:
        with pytest.raises(InputError, match=r"price of model 'm' is unknown.*--price=m=IN,OUT"):
            reserve(ledger)
        assert ledger.spent().calls == 0


def test_without_caps_a_model_of_unknown_price_is_counted_as_such(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(), Prices())) as ledger:
        ledger.settle(reserve(ledger), answer(Usage(output=7)))
        spent = ledger.spent()
    assert (spent.unpriced, spent.run, spent.matched) == (1, Total(0.0, 7), {})


def test_an_answer_of_an_unlisted_model_costs_what_the_asked_one_does(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(), Prices())) as ledger:
        account = ledger.account("c", "v", "anthropic")
        asked = request(model="claude-sonnet-4-5")
        ledger.settle(ledger.reserve(account, asked, timeout_s=0), answer(Usage(output=1000), model="somebody"))
        spent = ledger.spent()
    assert spent.run.usd == pytest.approx(0.015)
    assert spent.matched == {"claude-sonnet-4-5": "claude-sonnet-4-5"}


def test_a_charge_beyond_its_reservation_is_booked_and_counted(make: Make) -> None:
    ledger = make(max_cost_usd=INPUT + 10)
    ledger.settle(reserve(ledger), answer(Usage(output=INPUT + 500)))
    spent = ledger.spent()
    assert (spent.overruns, spent.run.usd) == (1, INPUT + 500)
    with pytest.raises(BudgetExhausted):
        reserve(ledger)


def test_a_tripped_cap_is_told_to_every_process_until_it_is_raised(make: Make) -> None:
    ledger = make(max_cost_usd=INPUT, max_cost_per_cell_usd=INPUT)
    assert ledger.tripped() == []
    with pytest.raises(BudgetExhausted) as stopped:
        reserve(ledger)
    same = make(max_cost_usd=INPUT)
    assert [(trip.scope, trip.name, trip.message) for trip in same.tripped()] == [("run", "", str(stopped.value))]
    assert make(max_cost_usd=INPUT - 1).tripped() == same.tripped()
    raised = make(max_cost_usd=INPUT + 100)
    assert raised.tripped() == []
    reserve(raised)


def test_the_cap_of_a_cell_names_the_cell(make: Make) -> None:
    ledger = make(max_cost_per_cell_usd=INPUT, max_cost_usd=INPUT + 10)
    with pytest.raises(BudgetExhausted):
        reserve(ledger, cell="one/v/r1")
    with pytest.raises(BudgetExhausted):
        reserve(ledger, cell="one/v/r1", max_tokens=1000)
    assert [(trip.scope, trip.name) for trip in ledger.tripped()] == [("run", ""), ("cell", "one/v/r1")]


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


def release(processes: list[subprocess.Popen[str]]) -> None:
    """Let all begin at once, when the last is ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "billed", "unbilled"]),
        st.integers(0, 3),  # which ledger, and which cell
        st.integers(1, 60),  # tokens to write at most, or which open call
        st.floats(0, 1),  # how much of it was used
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(operations=OPERATIONS, run_cap=st.integers(0, 2000), cell_cap=st.integers(0, 2000))
def test_no_order_of_calls_exceeds_a_cap(
    operations: list[tuple[str, int, int, float]],
    run_cap: int,
    cell_cap: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    caps = Caps(max_cost_usd=run_cap, max_cost_per_cell_usd=cell_cap)
    charged = [0.0] * 4
    open_calls: list[tuple[int, Reservation, int]] = []
    with ExitStack() as stack:
        ledgers = [stack.enter_context(closing(Ledger(path, caps, Prices(["0,10000000"])))) for _ in range(2)]
        for what, number, size, used in operations:
            ledger = ledgers[number % 2]
            if what == "reserve":
                try:
                    open_calls.append((number, reserve(ledger, size, cell=str(number)), size))
                except (BudgetExhausted, ProviderError):
                    held = [10 * most for cell, _, most in open_calls]
                    mine = [10 * most for cell, _, most in open_calls if cell == number]
                    assert (
                        sum(charged) + sum(held) + 10 * size > run_cap
                        or charged[number] + sum(mine) + 10 * size > cell_cap
                    )
            elif open_calls:
                cell, reservation, most = open_calls.pop(size % len(open_calls))
                output = int(used * most)
                if what == "settle":
                    ledger.settle(reservation, answer(Usage(output=output)))
                    charged[cell] += 10 * output
                else:
                    ledger.fail(reservation, billed=what == "billed")
                    charged[cell] += 10 * most if what == "billed" else 0
            assert sum(charged) + sum(10 * most for _, _, most in open_calls) <= run_cap
            assert max(charged) <= cell_cap
        assert ledgers[0].spent().run.usd == sum(charged) + sum(10 * most for _, _, most in open_calls)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e12])
def test_a_cap_that_is_no_amount_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="give an amount"):
        Caps(max_cost_usd=value)


def test_a_file_that_fails_refuses_calls_but_loses_no_answer(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=10 * INPUT)
    reservation = reserve(ledger)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.execute("ALTER TABLE totals RENAME TO gone")
        db.commit()
        ledger.settle(reservation, answer(Usage(output=1)))
        with pytest.raises(RecordError, match=r"cannot use '.*ledger.sqlite'"):
            reserve(ledger)
        db.execute("ALTER TABLE gone RENAME TO totals")
        db.commit()
    assert ledger.spent().run.usd == INPUT + 10


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
        while db.execute("SELECT count(*) FROM queue").fetchone() != (length,):
            time.sleep(0.01)
